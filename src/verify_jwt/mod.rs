//! `VerifyJwt`: verification of JWTs that an issuer signs, other than access tokens.
//!
//! An issuer also signs its responses about opaque tokens (RFC 9701), logout tokens and security event tokens. Their
//! receivers need no keys of their own: their setter `keys_from` takes a [`JwtAuth`](crate::JwtAuth), whose keys they
//! use, or their setter `transmitter` takes an issuer.

pub(crate) mod expected;
pub(crate) mod sealed;
#[cfg(feature = "shared_signals")]
pub(crate) mod transmitter;
pub(crate) mod verifier;

#[cfg(feature = "shared_signals")]
pub use transmitter::Transmitter;
pub use verifier::VerifyJwt;
