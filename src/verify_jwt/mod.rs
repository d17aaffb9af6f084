//! `VerifyJwt`: verification of JWTs that an issuer signs, other than access tokens.
//!
//! An issuer also signs its responses about opaque tokens (RFC 9701), and logout tokens. What receives them does not
//! need keys of its own: it takes those of a [`JwtAuth`](crate::JwtAuth), by its setter `keys_from`.

pub(crate) mod expected;
pub(crate) mod sealed;
pub(crate) mod verifier;

pub use verifier::VerifyJwt;
