//! `MemorySessions`: a store in the memory of this process.

mod table;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::record_store::StoreError;
use crate::session::id::SessionId;
use crate::session::memory::table::Table;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionDigest;
use crate::session::store::{Created, SessionLimit, SessionStore, SessionUse};

/// A store of sessions in the memory of this process. Clones share the sessions.
///
/// It is for tests, and for apps of one process whose users can log in again after a restart. It holds at most
/// [`capacity`](Self::with_capacity) sessions. At that number, a login removes the least recently used session of the
/// user with the most sessions, so that one user cannot log out the others.
#[derive(Clone)]
pub struct MemorySessions {
    table: Arc<Mutex<Table>>,
    clock: Clock,
}

impl MemorySessions {
    /// Creates an empty store for 100,000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// Creates an empty store for this number of sessions, at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { table: Arc::new(Mutex::new(Table::new(capacity.max(1)))), clock: Clock::system() }
    }

    /// Sets the clock by which sessions expire (default: the system's).
    ///
    /// In tests, set the [`FakeClock`](crate::testing::FakeClock) that the layer has.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Returns the table without the records that have expired.
    fn lock(&self) -> MutexGuard<'_, Table> {
        // Each change is complete before anything can panic.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove_expired(self.clock.since_epoch().as_secs());
        table
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionStore for MemorySessions {
    async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.lock().get(digest).cloned())
    }

    async fn create(&self, record: &SessionRecord, limit: Option<SessionLimit>) -> Result<Created, StoreError> {
        Ok(self.lock().create(record, limit))
    }

    async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<(), StoreError> {
        if self.lock().renew(old, renewed) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn touch(&self, uses: &[SessionUse]) -> Result<(), StoreError> {
        let mut table = self.lock();
        uses.iter().for_each(|session_use| table.touch(session_use));
        Ok(())
    }

    async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool, StoreError> {
        Ok(self.lock().remove(issuer, owner, id))
    }

    async fn find_by_owner(&self, issuer: Option<&str>, owner: &str) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.lock().of_owner(issuer, owner))
    }
}

/// Shows the number of sessions.
impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions").field("sessions", &self.lock().len()).finish_non_exhaustive()
    }
}

/// About 100 MB with typical users.
const CAPACITY: usize = 100_000;
