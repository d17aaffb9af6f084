//! `FoundIssuers`: the issuers that were found while the app runs, in bounded memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::jwt::issuer::trusted::TrustedIssuer;

/// An issuer that was found by its `iss`.
///
/// Cached tokens refer to it, so once it is withdrawn, none of them is accepted anymore.
#[derive(Debug)]
pub(crate) struct FoundIssuer {
    pub(crate) issuer: TrustedIssuer,
    /// When it was found, and for how long; `None` for an issuer that does not expire.
    found_at: Instant,
    max_age: Option<Duration>,
    is_withdrawn: AtomicBool,
    /// Whether one of its keys has verified a token, so that the issuer is not one that only a caller has invented.
    has_verified: AtomicBool,
    /// When it was last used, in milliseconds since it was found.
    last_used: AtomicU64,
}

impl FoundIssuer {
    pub(crate) fn new(issuer: TrustedIssuer, now: Instant, max_age: Option<Duration>) -> Self {
        Self {
            issuer,
            found_at: now,
            max_age,
            is_withdrawn: AtomicBool::new(false),
            has_verified: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
        }
    }

    /// Records that the issuer is used, and returns whether its tokens are still accepted.
    pub(crate) fn is_current(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.found_at);
        if self.is_withdrawn.load(Ordering::Acquire) || self.max_age.is_some_and(|max_age| age >= max_age) {
            return false;
        }
        let used_at = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        // Written at most once in a while, so that requests on many processors rarely contend for it.
        if used_at.saturating_sub(self.last_used.load(Ordering::Relaxed)) >= USE_RESOLUTION {
            self.last_used.store(used_at, Ordering::Relaxed);
        }
        true
    }

    /// Whether it should be looked up again in the background, before it expires.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.found_at);
        self.max_age.is_some_and(|max_age| age >= max_age.mul_f64(REFRESH_AT))
    }

    /// Records that one of its keys has verified a token.
    pub(crate) fn record_verified(&self) {
        // Written once, so that requests on many processors rarely contend for it.
        if !self.has_verified.load(Ordering::Relaxed) {
            self.has_verified.store(true, Ordering::Relaxed);
        }
    }

    fn withdraw(&self) {
        self.is_withdrawn.store(true, Ordering::Release);
    }

    /// The order of eviction. A server that publishes keys for any name would otherwise let a flood of invented names
    /// evict the issuers of all tenants. One that was just found has had no time to verify a token.
    fn eviction_order(&self, now: Instant) -> (bool, Instant) {
        let is_new = now.saturating_duration_since(self.found_at) < UNVERIFIED_GRACE;
        (is_new || self.has_verified.load(Ordering::Relaxed), self.last_used_at())
    }

    fn last_used_at(&self) -> Instant {
        let age = Duration::from_millis(self.last_used.load(Ordering::Relaxed));
        self.found_at.checked_add(age).unwrap_or(self.found_at)
    }
}

/// The issuers that were found, by their names. If there are too many, the least recently used one is removed, if
/// possible one that has not verified a token.
#[derive(Debug)]
pub(crate) struct FoundIssuers {
    capacity: usize,
    /// Read once for each token that is not cached, which takes 20 us or more.
    issuers: RwLock<HashMap<Arc<str>, Arc<FoundIssuer>>>,
}

impl FoundIssuers {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, issuers: RwLock::default() }
    }

    /// Returns the issuer of this name, if it has not expired.
    pub(crate) fn get(&self, name: &str, now: Instant) -> Option<Arc<FoundIssuer>> {
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        issuers.get(name).filter(|found| found.is_current(now)).map(Arc::clone)
    }

    /// Returns the issuer of this name, even if it has expired.
    pub(crate) fn get_expired(&self, name: &str) -> Option<Arc<FoundIssuer>> {
        self.issuers.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }

    /// Adds an issuer, or replaces the one of the same name.
    ///
    /// An issuer that is removed or replaced is withdrawn, so that a later [`remove`](Self::remove) of its name need
    /// not find it.
    pub(crate) fn insert(&self, found: FoundIssuer) {
        let mut issuers = self.issuers.write().unwrap_or_else(PoisonError::into_inner);
        let name = Arc::clone(&found.issuer.name);
        if issuers.len() >= self.capacity && !issuers.contains_key(&name) {
            // A scan takes 50 us with 10,000 issuers, and an insertion follows a lookup that takes milliseconds. So no
            // list in the order of use is needed, which each request would have to lock.
            let oldest = issuers.values().min_by_key(|other| other.eviction_order(found.found_at));
            if let Some(oldest) = oldest.map(|found| Arc::clone(&found.issuer.name)) {
                issuers.remove(&oldest).iter().for_each(|found| found.withdraw());
            }
        }
        if issuers.get(&name).is_some_and(|replaced| replaced.has_verified.load(Ordering::Relaxed)) {
            found.record_verified();
        }
        issuers.insert(name, Arc::new(found)).iter().for_each(|replaced| replaced.withdraw());
    }

    /// Removes an issuer. Returns whether there was one of this name.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let removed = self.issuers.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        removed.iter().for_each(|found| found.withdraw());
        removed.is_some()
    }
}

// In milliseconds. Which of two issuers was used last matters only over minutes.
const USE_RESOLUTION: u64 = 100;

// Its first request may have to wait for its keys.
const UNVERIFIED_GRACE: Duration = Duration::from_secs(10);

// The part of the lifetime after which an issuer is looked up again. Until it expires, no request waits for that.
const REFRESH_AT: f64 = 0.8;
