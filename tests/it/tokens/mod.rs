//! What a token and its challenge must obey, line by line.

mod attacks;
mod bearer;
mod cached_tokens;
mod jws;
mod key_fetching;
mod key_selection;
mod profile;
mod registered_claims;
mod rsa_key;
mod signatures;
mod users;
