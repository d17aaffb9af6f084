//! `KeyDigest`: what is stored of a secret, and `KeyHasher`, which computes it.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};

/// The SHA-256 of the id and the secret of a key, or their HMAC-SHA-256 with a pepper.
///
/// The secret has 190 random bits, so a fast hash suffices: no one can try all secrets.
#[derive(Clone, Copy)]
pub(crate) struct KeyDigest([u8; DIGEST_LEN]);

pub(crate) const DIGEST_LEN: usize = digest::SHA256_OUTPUT_LEN;

impl KeyDigest {
    pub(crate) fn from_bytes(bytes: [u8; DIGEST_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.0
    }

    /// Compares two digests in a time that does not depend on them.
    #[must_use]
    pub(crate) fn is_equal(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// Shows nothing: a digest is not for logs.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest")
    }
}

/// Computes the digests of keys.
pub(crate) struct KeyHasher {
    /// Prepared once: a signature then hashes half as many blocks.
    pepper: Option<hmac::Key>,
}

impl KeyHasher {
    pub(crate) fn new(pepper: Option<&[u8]>) -> Self {
        Self { pepper: pepper.map(|pepper| hmac::Key::new(hmac::HMAC_SHA256, pepper)) }
    }

    pub(crate) fn digest(&self, id_and_secret: &[u8]) -> KeyDigest {
        let mut bytes = [0; DIGEST_LEN];
        match &self.pepper {
            Some(pepper) => bytes.copy_from_slice(hmac::sign(pepper, id_and_secret).as_ref()),
            None => bytes.copy_from_slice(digest::digest(&digest::SHA256, id_and_secret).as_ref()),
        }
        KeyDigest(bytes)
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").field("has_pepper", &self.pepper.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sha_256_or_hmac_sha_256() {
        // FIPS 180-4, and RFC 4231 §4.3.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(KeyHasher::new(None).digest(b"abc").as_bytes()), sha256);
        let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let digest = KeyHasher::new(Some(b"Jefe")).digest(b"what do ya want for nothing?");
        assert_eq!(hex::encode(digest.as_bytes()), hmac);
    }

    #[test]
    fn only_the_digest_of_the_same_text_is_equal() {
        let hasher = KeyHasher::new(None);
        assert!(hasher.digest(b"a").is_equal(&hasher.digest(b"a")));
        assert!(!hasher.digest(b"a").is_equal(&hasher.digest(b"b")));
        assert!(!hasher.digest(b"a").is_equal(&KeyHasher::new(Some(&[7; 32])).digest(b"a")));
    }
}
