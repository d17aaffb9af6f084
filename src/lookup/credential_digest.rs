//! `CredentialDigest`: what a credential is known by in memory, without its text.

use siphasher::sip128::SipHasher24;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// A keyed digest of a credential. Two credentials with the same one would be the same credential to a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CredentialDigest([u8; 16]);

/// Computes digests with a key of this layer and process: SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash",
/// 2012).
///
/// It is a pseudorandom function, so a caller who does not know the key can only guess a credential whose digest is that
/// of another one, and each guess is a request that succeeds with a probability of 2^-128 per known credential.
/// HMAC-SHA-256 would be as safe, and take more instructions than the whole check of a cached token.
#[derive(Clone)]
pub(crate) struct CredentialHasher(SipHasher24);

impl CredentialHasher {
    /// Creates a hasher with a random key. Adds an issue if the operating system provides no random numbers.
    pub(crate) fn random(issues: &mut ConfigIssues) -> Option<Self> {
        let mut key = [0; 16];
        if getrandom::fill(&mut key).is_ok() {
            return Some(Self::with_key(&key));
        }
        let reason = "the operating system provides no random numbers";
        issues.add(ConfigIssue::new("build", IssueKind::Missing, reason, "start the app again"));
        None
    }

    pub(crate) fn with_key(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub(crate) fn digest(&self, text: &[u8]) -> CredentialDigest {
        // In one call, which is faster than `Hasher::write` and `finish128`.
        CredentialDigest(self.0.hash(text).as_bytes())
    }
}

impl CredentialDigest {
    #[cfg(any(feature = "basic", feature = "introspection", test))]
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns a part of the digest, which selects where the credential is in a table.
    #[cfg(feature = "introspection")]
    pub(crate) fn hash(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Shows no key.
impl std::fmt::Debug for CredentialHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialHasher").finish_non_exhaustive()
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
        assert_eq!(CredentialHasher::with_key(&key).digest(&input).as_bytes(), &expected);
    }

    #[test]
    fn two_hashers_have_different_keys_and_neither_is_shown() {
        let [one, other] = [(); 2].map(|()| CredentialHasher::random(&mut ConfigIssues::default()).unwrap());
        assert_ne!(one.digest(b"a"), other.digest(b"a"));
        assert_eq!(one.digest(b"a"), one.digest(b"a"));
        assert_ne!(one.digest(b"a"), one.digest(b"b"));
        assert_eq!(format!("{one:?}"), "CredentialHasher { .. }");
    }
}
