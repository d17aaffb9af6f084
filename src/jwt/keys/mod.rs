//! Verification keys: parsing, rejection of weak keys, signature checks.
//!
//! A key is parsed and checked once, when it is configured or fetched. One that is weak or malformed is not used at
//! all, so a signature check can fail for one reason only: the signature.

mod der;
pub(crate) mod ed25519;
pub(crate) mod jwk;
pub(crate) mod jwks;
pub(crate) mod pem;
pub(crate) mod public_key;
pub(crate) mod verifier;
pub(crate) mod weak;

#[cfg(test)]
mod wycheproof;
