//! `CachedSession`: a record in the form in which requests check it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::context::UserContext;
use crate::lookup::Age;
use crate::revocation::renewal::CookieRenewal;
use crate::session::record::SessionRecord;
use crate::session::timeouts::Timeouts;
use crate::session::usage::SessionUsage;

/// A record that was read from the store, with the user that its requests have.
#[derive(Debug)]
pub(super) struct CachedSession {
    pub(super) record: SessionRecord,
    pub(super) user: UserContext,
    pub(super) usage: Arc<SessionUsage>,
    pub(super) renewal: CookieRenewal,
    pub(super) age: Age,
    /// In milliseconds since the start of the cache.
    pub(super) read_at: u64,
    /// The user that the user loader has returned.
    pub(super) loaded: OnceLock<UserContext>,
    /// The hash of the address and the user agent that the app has accepted; 0 for those at the login.
    accepted: AtomicU64,
    /// Whether a request is removing the record, because the session was revoked.
    is_removed: AtomicBool,
}

/// Whether a session is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    Ended,
    /// It has been idle for too long, as far as this process knows.
    Idle,
}

impl CachedSession {
    pub(super) fn new(
        record: SessionRecord,
        user: UserContext,
        usage: Arc<SessionUsage>,
        age: Age,
        read_at: u64,
    ) -> Self {
        let renewal = CookieRenewal::of(&record.digest.to_hex());
        Self {
            record,
            user,
            usage,
            renewal,
            age,
            read_at,
            loaded: OnceLock::new(),
            accepted: AtomicU64::new(0),
            is_removed: AtomicBool::new(false),
        }
    }

    /// Compares the session with the clock. `now` is in whole seconds since 1970.
    pub(super) fn validity(&self, timeouts: Timeouts, now: u64) -> Validity {
        let is_replaced = self.record.replacement.is_some_and(|replacement| now >= replacement.valid_until);
        if is_replaced || now >= self.record.expires_at {
            return Validity::Ended;
        }
        let is_idle = timeouts.has_ended(self.record.expires_at, self.usage.last_used_at(), now);
        if is_idle { Validity::Idle } else { Validity::Valid }
    }

    /// Whether the app has accepted an address and a user agent with this hash.
    pub(super) fn has_accepted(&self, hash: u64) -> bool {
        self.accepted.load(Ordering::Relaxed) == hash
    }

    pub(super) fn accept(&self, hash: u64) {
        self.accepted.store(hash, Ordering::Relaxed);
    }

    /// Records that the record is being removed. Returns whether this call is the first.
    pub(super) fn set_removed(&self) -> bool {
        !self.is_removed.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::record::Replacement;
    use crate::session::record::tests::record;

    fn session(record: SessionRecord) -> CachedSession {
        let usage = Arc::new(SessionUsage::new(record.digest, record.last_used_at));
        let age = Age::new(0, Duration::ZERO, Duration::ZERO);
        CachedSession::new(record.clone(), record.user, usage, age, 0)
    }

    #[test]
    fn a_session_ends_at_the_first_of_its_ends() {
        let login = record(1, "ann");
        let at = login.logged_in_at;
        let replacement = Some(Replacement { nonce: [0; 16], valid_until: at + 10 });
        let replaced = session(SessionRecord { replacement, ..login.clone() });
        let short = session(SessionRecord { expires_at: at + 60, ..login.clone() });
        let current = session(login);
        for (session, now, expected) in [
            (&current, at, Validity::Valid),
            (&current, at + 1_799, Validity::Valid),
            (&current, at + 1_800, Validity::Idle),
            (&current, at + 43_200, Validity::Ended),
            (&short, at + 59, Validity::Valid),
            (&short, at + 60, Validity::Ended),
            (&replaced, at + 9, Validity::Valid),
            (&replaced, at + 10, Validity::Ended),
        ] {
            assert_eq!(session.validity(Timeouts::default(), now), expected, "{now}");
        }
        current.usage.record(at + 1_000);
        assert_eq!(current.validity(Timeouts::default(), at + 2_799), Validity::Valid);
        assert_eq!(current.validity(Timeouts::default(), at + 2_800), Validity::Idle);
    }

    #[test]
    fn an_accepted_client_is_remembered() {
        let session = session(record(1, "ann"));
        assert!(!session.has_accepted(7));
        session.accept(7);
        assert!(session.has_accepted(7) && !session.has_accepted(8));
    }
}
