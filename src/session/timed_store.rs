//! `TimedStore`: the app's store, type-erased and with a timeout for each call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::record_store::{StoreCall, StoreError, within_timeout};
use crate::session::id::SessionId;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionDigest;
use crate::session::store::{Created, SessionLimit, SessionStore, SessionUse};

/// The app's store. It has no type parameter, so that the gate has none.
#[derive(Clone)]
pub(super) struct TimedStore {
    store: Arc<dyn DynStore>,
    timeout: Duration,
}

impl TimedStore {
    pub(super) fn new(store: Arc<dyn DynStore>, timeout: Duration) -> Self {
        Self { store, timeout }
    }

    /// Returns the record of this digest, and ignores one of another digest, which only a faulty store returns.
    pub(super) async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>, StoreError> {
        let record = within_timeout(self.timeout, self.store.find(digest)).await?;
        Ok(record.filter(|record| record.digest.is_equal(digest)))
    }

    pub(super) async fn create(
        &self,
        record: &SessionRecord,
        limit: Option<SessionLimit>,
    ) -> Result<Created, StoreError> {
        within_timeout(self.timeout, self.store.create(record, limit)).await
    }

    pub(super) async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<(), StoreError> {
        within_timeout(self.timeout, self.store.renew(old, renewed)).await
    }

    pub(super) async fn touch(&self, uses: &[SessionUse]) -> Result<(), StoreError> {
        within_timeout(self.timeout, self.store.touch(uses)).await
    }

    pub(super) async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool, StoreError> {
        within_timeout(self.timeout, self.store.remove(issuer, owner, id)).await
    }

    pub(super) async fn find_by_owner(
        &self,
        issuer: Option<&str>,
        owner: &str,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        within_timeout(self.timeout, self.store.find_by_owner(issuer, owner)).await
    }

    pub(super) async fn remove_all(
        &self,
        issuer: Option<&str>,
        owner: &str,
        except: Option<&SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        within_timeout(self.timeout, self.store.remove_all(issuer, owner, except)).await
    }
}

impl fmt::Debug for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedStore").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// The object-safe form of [`SessionStore`].
pub(super) trait DynStore: Send + Sync {
    fn find<'a>(&'a self, digest: &'a SessionDigest) -> StoreCall<'a, Option<SessionRecord>>;

    fn create<'a>(&'a self, record: &'a SessionRecord, limit: Option<SessionLimit>) -> StoreCall<'a, Created>;

    fn renew<'a>(&'a self, old: &'a SessionRecord, renewed: &'a SessionRecord) -> StoreCall<'a, ()>;

    fn touch<'a>(&'a self, uses: &'a [SessionUse]) -> StoreCall<'a, ()>;

    fn remove<'a>(&'a self, issuer: Option<&'a str>, owner: &'a str, id: &'a SessionId) -> StoreCall<'a, bool>;

    fn find_by_owner<'a>(&'a self, issuer: Option<&'a str>, owner: &'a str) -> StoreCall<'a, Vec<SessionRecord>>;

    fn remove_all<'a>(
        &'a self,
        issuer: Option<&'a str>,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> StoreCall<'a, Vec<SessionId>>;
}

impl<S: SessionStore> DynStore for S {
    fn find<'a>(&'a self, digest: &'a SessionDigest) -> StoreCall<'a, Option<SessionRecord>> {
        Box::pin(SessionStore::find(self, digest))
    }

    fn create<'a>(&'a self, record: &'a SessionRecord, limit: Option<SessionLimit>) -> StoreCall<'a, Created> {
        Box::pin(SessionStore::create(self, record, limit))
    }

    fn renew<'a>(&'a self, old: &'a SessionRecord, renewed: &'a SessionRecord) -> StoreCall<'a, ()> {
        Box::pin(SessionStore::renew(self, old, renewed))
    }

    fn touch<'a>(&'a self, uses: &'a [SessionUse]) -> StoreCall<'a, ()> {
        Box::pin(SessionStore::touch(self, uses))
    }

    fn remove<'a>(&'a self, issuer: Option<&'a str>, owner: &'a str, id: &'a SessionId) -> StoreCall<'a, bool> {
        Box::pin(SessionStore::remove(self, issuer, owner, id))
    }

    fn find_by_owner<'a>(&'a self, issuer: Option<&'a str>, owner: &'a str) -> StoreCall<'a, Vec<SessionRecord>> {
        Box::pin(SessionStore::find_by_owner(self, issuer, owner))
    }

    fn remove_all<'a>(
        &'a self,
        issuer: Option<&'a str>,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> StoreCall<'a, Vec<SessionId>> {
        Box::pin(SessionStore::remove_all(self, issuer, owner, except))
    }
}
