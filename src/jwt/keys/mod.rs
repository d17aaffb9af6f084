//! Signature keys: how they are read, checked for weaknesses, and used.

pub(crate) mod ed25519;
pub(crate) mod jwks;
pub(crate) mod pem;
pub(crate) mod verifier;
pub(crate) mod weak;
