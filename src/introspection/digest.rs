//! `TokenDigest`: what a token is known by in the cache, without its text.

use siphasher::sip128::SipHasher24;

/// A keyed digest of a token. Two tokens with the same one would be the same token to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 16]);

/// Computes digests with a key of this layer and process: SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash",
/// 2012).
///
/// It is a pseudorandom function, so a caller who does not know the key can only guess a token whose digest is that of
/// another one, and each guess is a request that succeeds with a probability of 2^-128 per cached token. HMAC-SHA-256
/// would be as safe, and take more instructions than the whole check of a cached token.
#[derive(Clone)]
pub(super) struct TokenHasher(SipHasher24);

impl TokenHasher {
    /// Creates a hasher with a random key.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no random bytes.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        Ok(Self::with_key(&key))
    }

    pub(super) fn with_key(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub(super) fn digest(&self, token: &[u8]) -> TokenDigest {
        // In one call, which is faster than `Hasher::write` and `finish128`.
        TokenDigest(self.0.hash(token).as_bytes())
    }
}

impl TokenDigest {
    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns a part of the digest, which selects where the token is in a table.
    pub(super) fn hash(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Shows no key.
impl std::fmt::Debug for TokenHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenHasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_siphash_2_4_with_128_bits() {
        // The reference implementation's vectors_sip128: key 00..0f, and the input 00..0e.
        let key = std::array::from_fn(|index| index as u8);
        let input: [u8; 15] = std::array::from_fn(|index| index as u8);
        let expected = [0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9];
        assert_eq!(TokenHasher::with_key(&key).digest(&input).as_bytes(), &expected);
    }

    #[test]
    fn two_hashers_have_different_keys_and_neither_is_shown() {
        let [one, other] = [(); 2].map(|()| TokenHasher::random().unwrap());
        assert_ne!(one.digest(b"a"), other.digest(b"a"));
        assert_eq!(one.digest(b"a"), one.digest(b"a"));
        assert_ne!(one.digest(b"a"), one.digest(b"b"));
        assert_eq!(format!("{one:?}"), "TokenHasher { .. }");
    }
}
