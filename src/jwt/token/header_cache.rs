//! `HeaderCache`: the headers of accepted tokens, already parsed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use crate::jwt::token::header::Header;

/// The headers of accepted tokens. All tokens of a key have the same header.
///
/// The cache is an array of slots, and the hash of a header selects its slot. So a lookup takes the same time whatever
/// the number of issuers. The key of an entry is the whole base64url text, so a hit is exact and needs no decoding.
/// Reading takes no lock.
///
/// A hit skips only the parsing. The algorithm, the type and the `kid` are checked against the issuer's settings for
/// every token, so issuers share the cache but no key.
///
/// Parsing a header takes 3,400 instructions. That is 7 % of the verification of an HS256 token that is not in the
/// verified-token cache (0.7 % with EdDSA).
pub(crate) struct HeaderCache {
    slots: Box<[ArcSwapOption<CachedHeader>]>,
    /// A fast hash suffices: only headers of accepted tokens are inserted, and a collision costs one parsing.
    hasher: SeedableRandomState,
}

#[derive(Debug)]
pub(crate) struct CachedHeader {
    /// The base64url segment of the token.
    segment: Box<str>,
    pub(crate) header: Header<'static>,
    /// Whether another token with this header was accepted since one with another header was.
    ///
    /// This is the reference bit of the clock algorithm (second chance) for a slot with one entry.
    is_in_use: AtomicBool,
}

impl HeaderCache {
    /// Creates a cache for this number of issuers, each of which signs with one key, or with two during a rotation.
    pub(crate) fn new(issuers: usize) -> Self {
        let slots = issuers.saturating_mul(SLOTS_PER_ISSUER).clamp(MIN_SLOTS, MAX_SLOTS);
        let seed = RandomState::new().hash_one(slots);
        Self {
            slots: (0..slots).map(|_| ArcSwapOption::empty()).collect(),
            hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_random()),
        }
    }

    /// Returns the parsed header if the segment is a cached one.
    pub(crate) fn get(&self, segment: &str) -> Option<Arc<CachedHeader>> {
        let cached = self.slot(segment)?.load();
        cached.as_ref().filter(|cached| *cached.segment == *segment).map(Arc::clone)
    }

    /// Records the header of an accepted token.
    ///
    /// Only accepted tokens are recorded, because anyone can send a token with any header and evict an entry. If two
    /// headers share a slot, one of them stays cached instead of both replacing each other.
    pub(crate) fn record(&self, segment: &str, header: &Header<'_>) {
        let Some(slot) = self.slot(segment) else { return };
        match slot.load().as_ref() {
            // Two threads may race here. At worst, an entry in use is replaced and parsed once more, so the atomics
            // need no ordering.
            Some(cached) if *cached.segment == *segment => cached.is_in_use.store(true, Ordering::Relaxed),
            Some(cached) if cached.is_in_use.swap(false, Ordering::Relaxed) => {}
            _ => {
                let (segment, header) = (segment.into(), header.to_owned());
                slot.store(Some(Arc::new(CachedHeader { segment, header, is_in_use: AtomicBool::new(false) })));
            }
        }
    }

    /// Returns the slot of a header, `None` if the header is too long.
    fn slot(&self, segment: &str) -> Option<&ArcSwapOption<CachedHeader>> {
        if segment.len() > MAX_CACHED_LEN {
            return None;
        }
        // The high word of the product maps the hash to an index below the length, without a division.
        let index = (u128::from(self.hasher.hash_one(segment)) * self.slots.len() as u128) >> 64;
        self.slots.get(index as usize)
    }
}

/// Shows the capacity only.
impl fmt::Debug for HeaderCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderCache").field("capacity", &self.slots.len()).finish_non_exhaustive()
    }
}

// Two headers during a rotation, and twice as many slots, so that few headers share one.
const SLOTS_PER_ISSUER: usize = 4;

// With fewer, the two headers of a rotation would often share a slot.
const MIN_SLOTS: usize = 16;

// 32 KiB, and 6 MiB if every header has the maximum length. With more issuers, the headers in use stay cached.
const MAX_SLOTS: usize = 4_096;

// Real headers have some hundred bytes. A header with a certificate chain (`x5c`) is not kept in memory.
const MAX_CACHED_LEN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::algorithm::Algorithm;

    fn header(kid: &str) -> Header<'_> {
        Header { algorithm: Algorithm::Es256, kid: Some(kid.into()), typ: None }
    }

    /// A cache whose headers all share one slot.
    fn with_one_slot() -> HeaderCache {
        let mut cache = HeaderCache::new(1);
        cache.slots = Box::new([ArcSwapOption::empty()]);
        cache
    }

    fn cached_kid(cache: &HeaderCache, segment: &str) -> Option<String> {
        cache.get(segment).map(|cached| cached.header.kid.as_deref().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_hit_needs_all_bytes_of_the_header() {
        let cache = with_one_slot();
        assert_eq!(cached_kid(&cache, "eyJh"), None);
        cache.record("eyJh", &header("a"));
        assert_eq!(cached_kid(&cache, "eyJh").as_deref(), Some("a"));
        for other in ["eyJ", "eyJhI", "eyJi", ""] {
            assert_eq!(cached_kid(&cache, other), None, "{other}");
        }
    }

    #[test]
    fn of_two_headers_in_one_slot_one_stays_and_one_out_of_use_is_replaced() {
        let cache = with_one_slot();
        cache.record("a", &header("a"));
        for _ in 0..3 {
            cache.record("a", &header("a"));
            cache.record("b", &header("b"));
            assert_eq!(cached_kid(&cache, "b"), None);
        }
        // A lookup alone does not keep it, since the token may be rejected afterwards.
        assert!(cache.get("a").is_some());
        cache.record("b", &header("b"));
        assert_eq!((cached_kid(&cache, "a"), cached_kid(&cache, "b").as_deref()), (None, Some("b")));
    }

    #[test]
    fn the_headers_of_many_issuers_are_cached_in_bounded_memory() {
        let cache = HeaderCache::new(100);
        for issuer in 0..100 {
            let kid = format!("kid-{issuer}");
            cache.record(&kid, &header(&kid));
        }
        let cached = (0..100).filter(|issuer| cache.get(&format!("kid-{issuer}")).is_some()).count();
        // On average, 12 of 100 headers share one of 400 slots with another one.
        assert!(cached > 60, "{cached}");
        assert_eq!(HeaderCache::new(usize::MAX).slots.len(), MAX_SLOTS);
        assert_eq!(HeaderCache::new(0).slots.len(), MIN_SLOTS);
    }

    #[test]
    fn a_long_header_is_not_cached() {
        let cache = HeaderCache::new(1);
        let (longest, too_long) = ("a".repeat(MAX_CACHED_LEN), "a".repeat(MAX_CACHED_LEN + 1));
        cache.record(&too_long, &header("a"));
        assert!(cache.get(&too_long).is_none());
        cache.record(&longest, &header("a"));
        assert!(cache.get(&longest).is_some());
    }
}
