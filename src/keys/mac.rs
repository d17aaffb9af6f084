//! `MacKeys`: the keys of one use, which sign and verify by HMAC-SHA-256 (RFC 2104).

use std::fmt;

use aws_lc_rs::hmac;

use crate::keys::key_id::KeyId;

/// The keys that the secrets of a ring have for one use: the current one, and the previous ones.
#[derive(Clone)]
pub(crate) struct MacKeys {
    current: (KeyId, MacKey),
    previous: Vec<(KeyId, MacKey)>,
}

impl MacKeys {
    pub(super) fn new(current: (KeyId, MacKey), previous: Vec<(KeyId, MacKey)>) -> Self {
        Self { current, previous }
    }

    /// Returns the key that signs.
    pub(crate) fn current(&self) -> &(KeyId, MacKey) {
        &self.current
    }

    /// Returns the key with this id, if the ring has its secret.
    #[cfg(any(test, feature = "login_protection", feature = "one_time_tokens"))]
    pub(crate) fn by_id(&self, id: KeyId) -> Option<&MacKey> {
        self.all().find(|(key_id, _)| *key_id == id).map(|(_, key)| key)
    }

    /// Returns all keys, the current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &(KeyId, MacKey)> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Shows the ids, which are public.
impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().map(|(id, _)| id)).finish()
    }
}

/// A key that signs and verifies by HMAC-SHA-256.
#[derive(Clone)]
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Returns the tag of these parts.
    ///
    /// Each part is preceded by its length, so that the tag of `["ab", "c"]` is not that of `["a", "bc"]`.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether a tag, or the beginning of one with at least 8 bytes, is that of these parts. Takes the same time for
    /// every wrong tag of one length.
    #[cfg(any(test, feature = "login_protection", feature = "one_time_tokens"))]
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let expected = self.sign(parts);
        let Some(expected) = expected.get(..tag.len()).filter(|expected| expected.len() >= SHORTEST_TAG) else {
            return false;
        };
        aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).is_ok()
    }
}

/// Does not show the key.
impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

#[cfg(any(test, feature = "login_protection", feature = "one_time_tokens"))]
const SHORTEST_TAG: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_its_parts_and_of_their_bounds() {
        let key = MacKey::new(&[7; 32]);
        let tag = key.sign(&[b"ab", b"c"]);
        assert!(key.verify(&[b"ab", b"c"], &tag));
        for other in [&[b"a" as &[u8], b"bc"] as &[&[u8]], &[b"abc"], &[b"ab", b"c", b""], &[b"ab"], &[]] {
            assert!(!key.verify(other, &tag), "{other:?}");
        }
        assert!(!MacKey::new(&[8; 32]).verify(&[b"ab", b"c"], &tag));
    }

    #[test]
    fn a_shortened_tag_of_at_least_8_bytes_verifies() {
        let key = MacKey::new(&[7; 32]);
        let tag = key.sign(&[b"ab"]);
        for len in 0..=32 {
            assert_eq!(key.verify(&[b"ab"], &tag[..len]), len >= 8, "{len}");
        }
        assert!(!key.verify(&[b"ab"], &[&tag[..], b"0"].concat()));
        for bit in 0..64 {
            let mut changed: [u8; 8] = tag[..8].try_into().unwrap();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&[b"ab"], &changed), "{bit}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", MacKey::new(&[7; 32])), "MacKey(..)");
    }
}
