//! Verification keys: parsing, rejection of weak keys, signature checks.

pub(crate) mod ed25519;
pub(crate) mod jwks;
pub(crate) mod pem;
pub(crate) mod verifier;
pub(crate) mod weak;
