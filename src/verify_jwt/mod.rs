//! `VerifyJwt`: verification of JWTs that an issuer signs, other than access tokens.
//!
//! An issuer also signs its responses about opaque tokens (RFC 9701), logout tokens and security event tokens. What
//! receives them does not need keys of its own: it takes those of a [`JwtAuth`](crate::JwtAuth), by its setter
//! `keys_from`, or an issuer, by its setter `transmitter`.

pub(crate) mod expected;
pub(crate) mod sealed;
#[cfg(feature = "shared_signals")]
pub(crate) mod transmitter;
pub(crate) mod verifier;

#[cfg(feature = "shared_signals")]
pub use transmitter::Transmitter;
pub use verifier::VerifyJwt;
