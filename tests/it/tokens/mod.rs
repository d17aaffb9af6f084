//! Requirements for bearer tokens and challenges, and attacks on them, with at least one test for each.
//!
//! The comment above a test cites the specification that it checks.

mod algorithms;
mod attacks;
mod bearer;
mod cached_tokens;
mod certificates;
mod jws;
mod key_fetching;
mod key_selection;
mod profile;
mod registered_claims;
mod rsa_key;
mod signatures;
mod users;
