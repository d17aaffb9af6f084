//! Requirements for bearer tokens and challenges, one test per requirement (`T-...`) and attack (`A..`).

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
