//! `CachedSession`: a record in the form in which requests check it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::context::UserContext;
use crate::lookup::Age;
use crate::session::record::SessionRecord;
use crate::session::timeouts::Timeouts;
use crate::session::usage::SessionUsage;

/// A record that was read from the store, with the user that its requests have.
#[derive(Debug)]
pub(super) struct CachedSession {
    pub(super) record: SessionRecord,
    pub(super) user: UserContext,
    pub(super) usage: Arc<SessionUsage>,
    pub(super) age: Age,
    /// In milliseconds since the start of the cache.
    pub(super) read_at: u64,
    /// The user that the app's function has loaded.
    pub(super) loaded: OnceLock<UserContext>,
    /// The hash of the address and the user agent that the app has accepted; 0 for those at the login.
    accepted: AtomicU64,
}

/// Whether a session is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    Ended,
    /// It was not used for too long, as far as this process knows.
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
        Self { record, user, usage, age, read_at, loaded: OnceLock::new(), accepted: AtomicU64::new(0) }
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
}
