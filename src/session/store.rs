//! `SessionStore`: the trait that an app implements to keep sessions in its database.

use std::future::Future;
use std::time::SystemTime;

use crate::record_store::StoreError;
use crate::record_store::time::{of_system_time, to_system_time};
use crate::session::id::SessionId;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionDigest;

/// A store of session records, to implement for your database.
///
/// [`MemorySessions`](crate::session::MemorySessions) and `RedisSessions` are stores. A table needs these columns:
///
/// | column | value |
/// |---|---|
/// | `digest`, the primary key | [`SessionRecord::digest`] |
/// | `owner_id`, `owner_issuer` and `id`, with one index over the three | [`owner_id`](SessionRecord::owner_id), [`owner_issuer`](SessionRecord::owner_issuer), [`id`](SessionRecord::id) |
/// | `kept_until`, with an index | [`kept_until`](SessionRecord::kept_until), after which any call may delete the row |
/// | `last_used_at` | [`last_used_at`](SessionRecord::last_used_at); only [`touch`](Self::touch) changes it |
/// | `is_replaced` | whether [`replaced_until`](SessionRecord::replaced_until) is set |
/// | `record` | [`to_json`](SessionRecord::to_json) |
///
/// The example `sessions` has such a store, for SQLite.
///
/// No method may bring back a session that was removed, whatever a slow request stores. A call that exceeds the
/// [timeout](crate::session::SessionAuthBuilder::store_timeout) is dropped.
pub trait SessionStore: Send + Sync + 'static {
    /// Returns the record of this digest with its last use, even if it is replaced.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached, and [`StoreError::Unreadable`] if the record
    /// cannot be read.
    fn find(&self, digest: &SessionDigest) -> impl Future<Output = Result<Option<SessionRecord>, StoreError>> + Send;

    /// Stores a new session, and enforces the limit of its owner in the same atomic step.
    ///
    /// Above the limit, it removes the least recently used sessions, or stores nothing if the limit [rejects new
    /// sessions](SessionLimit::rejects_new). Concurrent calls must not exceed the limit. Replaced records do not count,
    /// nor do records that expired before [`created_at`](SessionRecord::created_at) of the new one.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn create(
        &self,
        record: &SessionRecord,
        limit: Option<SessionLimit>,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Stores `renewed` and overwrites the stored record of `old`, in one atomic step.
    ///
    /// `old` has [`replaced_until`](SessionRecord::replaced_until), and both have the same id.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Conflict`] if the stored record of the old digest is replaced already or does not exist,
    /// and [`StoreError::Unavailable`] if the store cannot be reached.
    fn renew(
        &self,
        old: &SessionRecord,
        renewed: &SessionRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sets the last use of several records, if it is later than the stored one. Creates no record.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached. The next call has the same uses again.
    fn touch(&self, uses: &[SessionUse]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes a session of an owner with its replaced records, and returns whether there was one.
    ///
    /// It also removes what a [renewal](Self::renew) at the same time has stored, or the renewal is a conflict.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn remove(
        &self,
        issuer: Option<&str>,
        owner: &str,
        id: &SessionId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns the sessions of an owner, without replaced records.
    ///
    /// Expired sessions may be among them. The caller ignores them.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn find_by_owner(
        &self,
        issuer: Option<&str>,
        owner: &str,
    ) -> impl Future<Output = Result<Vec<SessionRecord>, StoreError>> + Send;

    /// Removes all sessions of an owner except the one with the id `except`, and returns their ids.
    ///
    /// The default finds and removes them one by one.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn remove_all(
        &self,
        issuer: Option<&str>,
        owner: &str,
        except: Option<&SessionId>,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send {
        async move {
            let mut removed = Vec::new();
            for record in self.find_by_owner(issuer, owner).await? {
                if Some(record.id()) != except && self.remove(issuer, owner, record.id()).await? {
                    removed.push(*record.id());
                }
            }
            Ok(removed)
        }
    }
}

/// How many sessions a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    pub(super) max: usize,
    pub(super) rejects_new: bool,
}

impl SessionLimit {
    /// Creates a limit above which the least recently used sessions are removed, for tests of a store.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, rejects_new: false }
    }

    /// Returns the same limit, above which new sessions are rejected instead.
    #[must_use]
    pub fn rejecting(self) -> Self {
        Self { rejects_new: true, ..self }
    }

    /// Returns the largest number of sessions that an owner may have.
    #[must_use]
    pub fn max(self) -> usize {
        self.max
    }

    /// Returns whether a new session above the limit is rejected.
    ///
    /// Otherwise, the least recently used ones are removed.
    #[must_use]
    pub fn rejects_new(self) -> bool {
        self.rejects_new
    }
}

/// The result of [`SessionStore::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Created {
    /// The session is stored.
    Stored {
        /// The ids of the sessions of the same owner that were removed.
        removed: Vec<SessionId>,
    },
    /// The owner has as many sessions as the limit allows. Nothing is stored.
    OverLimit,
}

/// The last use of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionUse {
    pub(super) digest: SessionDigest,
    pub(super) at: u64,
}

impl SessionUse {
    /// Creates a use, for tests of a store. The time is rounded down to a second.
    #[must_use]
    pub fn new(digest: SessionDigest, at: SystemTime) -> Self {
        Self { digest, at: of_system_time(at) }
    }

    /// Returns the digest of the record that was used.
    #[must_use]
    pub fn digest(&self) -> &SessionDigest {
        &self.digest
    }

    /// Returns the time of the last use.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        to_system_time(self.at)
    }
}
