//! Public keys in PEM (RFC 7468).

use crate::jwt::keys::public_key::PublicKey;
use crate::jwt::keys::weak::KeyError;

/// Reads the public key of a PEM text: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`. Of several, the first is read.
///
/// # Errors
///
/// Returns [`KeyError`] if the text is not a public key.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, KeyError> {
    // Also `RSA PRIVATE KEY`, `EC PRIVATE KEY` and `ENCRYPTED PRIVATE KEY`.
    if text.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let block = pem::parse(text).map_err(|_| KeyError::Malformed)?;
    match block.tag() {
        "PUBLIC KEY" => PublicKey::from_spki(block.contents()),
        "RSA PUBLIC KEY" => PublicKey::from_pkcs1(block.contents()),
        "CERTIFICATE" => PublicKey::from_certificate(block.contents()),
        _ => Err(KeyError::Malformed),
    }
}
