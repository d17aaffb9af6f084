//! Requirements for bearer tokens and challenges, and attacks on them, with at least one test for each.
//!
//! The comment above a test gives its number in the project's list: `T-6750-01` is the first requirement from RFC 6750
//! (`BCP` is RFC 8725, `JWS` RFC 7515, `JWT` RFC 7519, `CNF` RFC 7800), and `A14` an attack.

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
