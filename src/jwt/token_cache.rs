//! `TokenCache`: the verified-token cache.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::time::Duration;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::jwt::issuers::table::IssuerRef;
use crate::lookup::{CachedCredential, CredentialCache};

/// Tokens that have been verified, with their users.
///
/// Nothing is notified about withdrawn keys. An entry has the generation of the keys that verified it, and the policy
/// compares it with the current one on each hit.
#[derive(Debug)]
pub(crate) struct TokenCache {
    /// The keys are whole tokens, wiped from memory when the entry is dropped, since a token is a credential.
    tokens: CredentialCache<Zeroizing<Box<[u8]>>, CachedToken>,
    /// A fast hash suffices, because no caller can choose the end of a valid signature.
    token_hasher: SeedableRandomState,
}

/// What is known of a verified token.
#[derive(Clone, Debug)]
pub(crate) struct CachedToken {
    /// The user before the app's `map_user`, which runs on every request.
    pub(crate) user: UserContext,
    pub(crate) issuer: IssuerRef,
    /// The generation of the issuer's keys that verified the token.
    pub(crate) key_generation: u64,
    /// Since 1970. If the clock is set back before this time, the entry is not used.
    pub(crate) verified_at: Duration,
    /// When the token expires, including the leeway; since 1970.
    pub(crate) expires_at: Duration,
}

impl TokenCache {
    /// Creates a cache for about this number of tokens.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        let seed = RandomState::new().hash_one(capacity);
        Self {
            tokens: CredentialCache::per_thread(capacity),
            token_hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_random()),
        }
    }

    /// Returns a cached token that has not expired.
    pub(crate) fn get(&self, token: &[u8], now: Duration) -> Option<CachedToken> {
        self.tokens.get(self.hash(token), token, now)
    }

    /// Caches a verified token, unless it is long or all entries of its set are in use.
    pub(crate) fn insert(&self, token: &str, cached: CachedToken) {
        if token.len() <= MAX_CACHED_LEN {
            let token = token.as_bytes();
            self.tokens.insert(self.hash(token), token, |token| Zeroizing::new(token.into()), cached);
        }
    }

    /// Hashes the end of a token, which is its signature and therefore as good as random.
    ///
    /// Hashing the rest, a kilobyte or more, would add nothing. Callers cannot choose signatures that fall into one
    /// set: only tokens with a valid signature are inserted, and the hash is seeded.
    fn hash(&self, token: &[u8]) -> u64 {
        self.token_hasher.hash_one(token.last_chunk::<HASHED_BYTES>().map_or(token, |end| end))
    }
}

impl CachedCredential for CachedToken {
    type Time = Duration;

    fn user(&self) -> &UserContext {
        &self.user
    }

    fn verified_at(&self) -> Duration {
        self.verified_at
    }

    fn expires_at(&self) -> Duration {
        self.expires_at
    }

    /// Whether the token has expired or its keys are outdated.
    fn is_outdated(&self, newest: &Self) -> bool {
        // An issuer's generations only increase, so an older one is never current again.
        let has_old_keys = self.issuer.is_same(&newest.issuer) && self.key_generation < newest.key_generation;
        self.expires_at <= newest.verified_at || has_old_keys
    }
}

// Longer tokens are rare, and take more memory than they save work.
const MAX_CACHED_LEN: usize = 8_192;

// A signature has at least this length: HS256 has 32 bytes, which are 43 characters.
const HASHED_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(issuer: usize, key_generation: u64) -> CachedToken {
        CachedToken {
            user: UserContext::new("ann"),
            issuer: IssuerRef::Configured(issuer),
            key_generation,
            verified_at: Duration::from_secs(100),
            expires_at: Duration::from_secs(200),
        }
    }

    #[test]
    fn tokens_with_the_same_end_are_distinguished() {
        let cache = TokenCache::new(NonZeroUsize::MIN);
        let tail = "x".repeat(HASHED_BYTES);
        cache.insert(&format!("aa.{tail}"), cached(0, 7));
        let is_cached = |token: &str| cache.get(token.as_bytes(), Duration::from_secs(150)).is_some();
        assert!(is_cached(&format!("aa.{tail}")));
        for other in [format!("ab.{tail}"), format!("a.{tail}"), format!("aaa.{tail}"), tail, String::new()] {
            assert!(!is_cached(&other), "{other}");
        }
    }

    #[test]
    fn a_token_of_more_than_8192_bytes_is_not_cached() {
        let cache = TokenCache::new(NonZeroUsize::MIN);
        for (len, is_cached) in [(MAX_CACHED_LEN, true), (MAX_CACHED_LEN + 1, false)] {
            let token = "a".repeat(len);
            cache.insert(&token, cached(0, 0));
            assert_eq!(cache.get(token.as_bytes(), Duration::from_secs(150)).is_some(), is_cached, "{len}");
        }
    }

    #[test]
    fn a_token_is_outdated_once_its_issuer_has_other_keys_or_it_has_expired() {
        assert!(cached(0, 1).is_outdated(&cached(0, 2)));
        assert!(!cached(0, 2).is_outdated(&cached(0, 2)) && !cached(0, 2).is_outdated(&cached(0, 1)));
        assert!(!cached(0, 1).is_outdated(&cached(1, 2)), "the keys of another issuer");
        assert!(cached(0, 2).is_outdated(&CachedToken { verified_at: Duration::from_secs(200), ..cached(0, 2) }));
    }
}
