//! Public keys in PEM (RFC 7468). The only file that uses jsonwebtoken.

use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;

/// Reads the public key of a PEM text (`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`) for this algorithm.
///
/// jsonwebtoken only removes the PEM and DER wrapping. [`Verifier`] checks the key itself.
///
/// # Errors
///
/// Returns [`KeyError`] if the text is not a public key for this algorithm.
pub(crate) fn verifier(algorithm: Algorithm, pem: &str) -> Result<Verifier, KeyError> {
    // Also `RSA PRIVATE KEY`, `EC PRIVATE KEY` and `ENCRYPTED PRIVATE KEY`.
    if pem.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let key = match algorithm.family() {
        KeyFamily::Ed25519 => DecodingKey::from_ed_pem(pem.as_bytes()),
        KeyFamily::Hmac => return Err(KeyError::WrongType),
        KeyFamily::P256 | KeyFamily::P384 => DecodingKey::from_ec_pem(pem.as_bytes()),
        KeyFamily::Rsa => DecodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let key = key.map_err(|_| KeyError::Malformed)?;
    let DecodingKeyKind::SecretOrDer(bytes) = key.kind() else { return Err(KeyError::Malformed) };
    match algorithm.family() {
        KeyFamily::Ed25519 => Verifier::ed25519(bytes),
        KeyFamily::Rsa => Verifier::rsa_der(algorithm, bytes),
        KeyFamily::Hmac | KeyFamily::P256 | KeyFamily::P384 => Verifier::ec(algorithm, bytes),
    }
}
