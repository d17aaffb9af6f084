//! `SessionSecret`: the random text in the cookie, and `SessionDigest`, which stores keep of it.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::session::random::{RandomUnavailable, random_bytes};

/// The secret of a session: 256 random bits, as 43 characters of base64url (RFC 4648 §5).
///
/// It is copied for each request, so it has no allocation of its own.
#[derive(Clone)]
pub(super) struct SessionSecret(Zeroizing<[u8; LEN]>);

impl SessionSecret {
    /// Returns a new secret from random bytes of the operating system.
    ///
    /// # Errors
    ///
    /// Returns [`RandomUnavailable`] if its generator fails.
    pub(super) fn random() -> Result<Self, RandomUnavailable> {
        random_bytes::<32>().map(|bytes| Self::of_bytes(&*bytes))
    }

    /// Returns the secret that follows this one after a renewal.
    ///
    /// Every request with this secret computes the same next one, so concurrent renewals result in the same cookie. The
    /// store has only the nonce, from which the next secret cannot be computed.
    pub(super) fn next(&self, nonce: &[u8; 16]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        Self::of_bytes(hmac::sign(&key, nonce).as_ref())
    }

    /// Parses the value of a cookie; `None` if it is not 43 characters of base64url.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; LEN] = text.as_bytes().try_into().ok()?;
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
        // No branch for each byte, which costs 300 more instructions.
        let is_valid = bytes.iter().fold(true, |is_valid, byte| is_valid & is_base64url(byte));
        is_valid.then(|| Self(Zeroizing::new(*bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        // All bytes are ASCII.
        std::str::from_utf8(&*self.0).unwrap_or_default()
    }

    pub(super) fn digest(&self) -> SessionDigest {
        SessionDigest::of(&*self.0)
    }

    /// `bytes` are 32: random ones, or an HMAC-SHA-256.
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut text = Zeroizing::new([b'A'; LEN]);
        // 32 bytes always fit.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut *text);
        Self(text)
    }
}

/// Does not show the secret.
impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// The SHA-256 of the text in a cookie, by which a store finds the session.
///
/// The cookie cannot be computed from it. The secret has 256 random bits, so a fast hash suffices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionDigest([u8; 32]);

impl SessionDigest {
    pub(super) fn of(text: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, text);
        // SHA-256 has this length.
        Self(digest.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Creates a digest from the 32 bytes that a store has kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest in lower-case hexadecimal, 64 characters.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Parses what [`to_hex`](Self::to_hex) returns; `None` if the text has another form.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }

    /// Compares two digests in constant time.
    pub(super) fn is_equal(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// Does not show the digest, which is not for logs.
impl fmt::Debug for SessionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionDigest(..)")
    }
}

/// The length of 32 bytes in base64url without padding.
const LEN: usize = 43;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_secret_is_43_characters_of_base64url_and_never_the_same() {
        let secrets: HashSet<String> =
            (0..1_000).map(|_| SessionSecret::random().unwrap().as_str().to_owned()).collect();
        assert_eq!(secrets.len(), 1_000);
        for secret in &secrets {
            assert_eq!(SessionSecret::parse(secret).unwrap().as_str(), secret);
            assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        }
    }

    #[test]
    fn another_length_or_alphabet_is_no_secret() {
        let valid = "A".repeat(43);
        assert!(SessionSecret::parse(&valid).is_some());
        for text in
            ["", "a", &valid[1..], &format!("{valid}A"), &format!("{}=", &valid[1..]), &format!("{}+", &valid[1..])]
        {
            assert!(SessionSecret::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_digest_is_sha_256_of_the_text() {
        // FIPS 180-4.
        let digest = SessionDigest::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_hex(), hex);
        assert_eq!(SessionDigest::from_hex(hex), Some(digest));
        assert_eq!(SessionDigest::from_bytes(*digest.as_bytes()), digest);
        assert!(digest.is_equal(&SessionDigest::of(b"abc")) && !digest.is_equal(&SessionDigest::of(b"abd")));
        assert_eq!((SessionDigest::from_hex("ba"), SessionDigest::from_hex(&"z".repeat(64))), (None, None));
    }

    #[test]
    fn the_next_secret_depends_on_the_current_one_and_on_the_nonce() {
        let secret = SessionSecret::random().unwrap();
        let next = secret.next(&[7; 16]);
        assert!(SessionSecret::parse(next.as_str()).is_some());
        assert_eq!(next.as_str(), SessionSecret::parse(secret.as_str()).unwrap().next(&[7; 16]).as_str());
        assert_ne!(next.as_str(), secret.next(&[8; 16]).as_str());
        assert_ne!(next.as_str(), SessionSecret::random().unwrap().next(&[7; 16]).as_str());
    }

    #[test]
    fn debug_shows_neither_secret_nor_digest() {
        let secret = SessionSecret::random().unwrap();
        assert_eq!(format!("{secret:?} {:?}", secret.digest()), "SessionSecret(..) SessionDigest(..)");
    }
}
