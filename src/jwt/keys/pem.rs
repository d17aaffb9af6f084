//! Public keys in PEM (RFC 7468). The only room that names jsonwebtoken.

use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use crate::jwt::algorithm::{Algorithm, Family};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyFault;

/// The public key in a PEM text, `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`, for this algorithm.
pub(crate) fn verifier(algorithm: Algorithm, pem: &str) -> Result<Verifier, KeyFault> {
    if pem.contains("PRIVATE KEY") {
        return Err(KeyFault::Private);
    }
    let key = match algorithm.family() {
        Family::Ed25519 => DecodingKey::from_ed_pem(pem.as_bytes()),
        Family::Hmac => return Err(KeyFault::Kind),
        Family::P256 | Family::P384 => DecodingKey::from_ec_pem(pem.as_bytes()),
        Family::Rsa => DecodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let key = key.map_err(|_| KeyFault::Malformed)?;
    let DecodingKeyKind::SecretOrDer(bytes) = key.kind() else { return Err(KeyFault::Malformed) };
    match algorithm.family() {
        Family::Ed25519 => Verifier::ed25519(bytes),
        Family::Rsa => Verifier::rsa_der(algorithm, bytes),
        Family::Hmac | Family::P256 | Family::P384 => Verifier::ec(algorithm, bytes),
    }
}
