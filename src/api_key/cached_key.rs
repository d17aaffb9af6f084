//! `CachedKey`: a record in the form in which requests check it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::api_key::key::digest::KeyDigest;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::usage::UsageCounter;
use crate::context::UserContext;
use crate::gate::DenialKind;
use crate::revocation::handle::Revocations;

/// A record that was read from the store, with the user that its requests have.
#[derive(Debug)]
pub(super) struct CachedKey {
    record: ApiKeyRecord,
    user: UserContext,
    usage: Arc<UsageCounter>,
    age: Age,
}

/// How long the record may be used. Times are in milliseconds since the start of the cache.
#[derive(Debug)]
pub(super) struct Age {
    /// When the record must be read again. It moves on if the store is unavailable then.
    read_at: AtomicU64,
    /// When it was read last, or could not be read.
    tried_at: AtomicU64,
    /// Until when the record is used if it cannot be read.
    stale_until: u64,
}

impl Age {
    pub(super) fn new(now: u64, ttl: Duration, stale_for: Duration) -> Self {
        let read_at = now.saturating_add(millis(ttl));
        Self {
            read_at: AtomicU64::new(read_at),
            tried_at: AtomicU64::new(now),
            stale_until: read_at.saturating_add(millis(stale_for)),
        }
    }

    pub(super) fn is_current(&self, now: u64) -> bool {
        now < self.read_at.load(Ordering::Relaxed)
    }

    /// Lets the record be read again before its time, but at most once a second. Returns whether it may be read now.
    pub(super) fn expire(&self, now: u64) -> bool {
        let may_be_read = now >= self.tried_at.load(Ordering::Relaxed).saturating_add(RETRY_AFTER);
        if may_be_read {
            self.read_at.fetch_min(now, Ordering::Relaxed);
        }
        may_be_read
    }

    /// Records that the record could not be read. Returns whether it may be used meanwhile.
    pub(super) fn extend(&self, now: u64) -> bool {
        let may_be_used = now < self.stale_until;
        self.tried_at.store(now, Ordering::Relaxed);
        if may_be_used {
            let read_at = now.saturating_add(RETRY_AFTER).min(self.stale_until);
            self.read_at.store(read_at, Ordering::Relaxed);
        }
        may_be_used
    }
}

impl CachedKey {
    pub(super) fn new(record: ApiKeyRecord, user: UserContext, usage: Arc<UsageCounter>, age: Age) -> Self {
        Self { record, user, usage, age }
    }

    pub(super) fn age(&self) -> &Age {
        &self.age
    }

    /// Checks a key that was presented, and returns its user. `now` is since 1970.
    ///
    /// The order reveals nothing to a caller without the secret: without it, every response is the same.
    ///
    /// # Errors
    ///
    /// Returns a 401 if the secret is wrong or the key is not valid now, a 403 if the client is in none of its
    /// networks, and a 503 if it is not known whether the key was revoked.
    pub(super) fn check(
        &self,
        presented: &KeyDigest,
        now: Duration,
        client: Option<IpAddr>,
        revocations: Option<&Revocations>,
    ) -> Result<&UserContext, DenialKind> {
        let now = now.as_secs();
        if !self.is_secret(presented, now) || !self.is_valid(now) {
            return Err(DenialKind::InvalidCredential);
        }
        if let Some(revocations) = revocations {
            revocations.check_credential(&self.user)?;
        }
        let networks = &self.record.networks;
        if !networks.is_empty() && !client.is_some_and(|client| networks.contains_client(client)) {
            return Err(DenialKind::address_refused(client));
        }
        self.usage.count(now);
        Ok(&self.user)
    }

    /// Whether the digest is that of no secret in the record. Another process may have rotated the key since it was read.
    pub(super) fn is_unknown_secret(&self, presented: &KeyDigest) -> bool {
        !self.is_secret(presented, 0)
    }

    /// Whether the digest is that of the secret, or of the one before the last rotation.
    fn is_secret(&self, presented: &KeyDigest, now: u64) -> bool {
        let previous = self.record.previous.filter(|previous| now < previous.valid_until);
        self.record.digest.is_equal(presented) || previous.is_some_and(|previous| previous.digest.is_equal(presented))
    }

    fn is_valid(&self, now: u64) -> bool {
        let record = &self.record;
        record.revoked_at.is_none()
            && record.not_before.is_none_or(|start| start <= now)
            && record.expires_at.is_none_or(|end| now < end)
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In milliseconds: how often a key whose record cannot be read is looked up.
const RETRY_AFTER: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_may_be_read_before_its_ttl_at_most_once_a_second() {
        let age = Age::new(1_000, Duration::from_secs(10), Duration::from_secs(300));
        assert!(!age.expire(1_999) && age.is_current(1_999));
        assert!(age.expire(2_000) && !age.is_current(2_000));
        // The store is down.
        assert!(age.extend(2_500) && !age.expire(3_499) && age.expire(3_500));
        assert!(!age.is_current(3_500));
    }

    #[test]
    fn a_record_is_used_until_it_is_stale_and_read_at_most_once_a_second_after_its_ttl() {
        let age = Age::new(1_000, Duration::from_secs(10), Duration::from_secs(300));
        assert!(age.is_current(10_999) && !age.is_current(11_000));
        assert!(age.extend(11_000));
        assert!(age.is_current(11_999) && !age.is_current(12_000));
        assert!(age.extend(310_500));
        assert!(age.is_current(310_999) && !age.is_current(311_000));
        assert!(!age.extend(311_000));
        let without = Age::new(0, Duration::ZERO, Duration::ZERO);
        assert!(!without.is_current(0) && !without.extend(0));
    }
}
