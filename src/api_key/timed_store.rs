//! `TimedStore`: the app's store, type-erased and with a timeout for each call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::store::ApiKeyStore;
use crate::api_key::usage::ApiKeyUsage;
use crate::record_store::{StoreCall, StoreError, within_timeout};

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

    /// Returns the record of this id. One with another id, which only a broken store returns, is none.
    pub(super) async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let record = within_timeout(self.timeout, self.store.find(id)).await?;
        Ok(record.filter(|record| record.id() == id))
    }

    pub(super) async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<ApiKeyRecord>, StoreError> {
        within_timeout(self.timeout, self.store.find_by_owner(issuer, id)).await
    }

    pub(super) async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        within_timeout(self.timeout, self.store.save(record)).await
    }

    pub(super) async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        within_timeout(self.timeout, self.store.record_usage(usage)).await
    }

    pub(super) async fn revoke_all(
        &self,
        issuer: Option<&str>,
        id: &str,
        at: SystemTime,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        within_timeout(self.timeout, self.store.revoke_all(issuer, id, at)).await
    }
}

impl fmt::Debug for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedStore").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// The object-safe form of [`ApiKeyStore`].
pub(super) trait DynStore: Send + Sync {
    fn find<'a>(&'a self, id: &'a ApiKeyId) -> StoreCall<'a, Option<ApiKeyRecord>>;

    fn find_by_owner<'a>(&'a self, issuer: Option<&'a str>, id: &'a str) -> StoreCall<'a, Vec<ApiKeyRecord>>;

    fn save<'a>(&'a self, record: &'a ApiKeyRecord) -> StoreCall<'a, ()>;

    fn record_usage<'a>(&'a self, usage: &'a [ApiKeyUsage]) -> StoreCall<'a, ()>;

    fn revoke_all<'a>(&'a self, issuer: Option<&'a str>, id: &'a str, at: SystemTime) -> StoreCall<'a, Vec<ApiKeyId>>;
}

impl<S: ApiKeyStore> DynStore for S {
    fn find<'a>(&'a self, id: &'a ApiKeyId) -> StoreCall<'a, Option<ApiKeyRecord>> {
        Box::pin(ApiKeyStore::find(self, id))
    }

    fn find_by_owner<'a>(&'a self, issuer: Option<&'a str>, id: &'a str) -> StoreCall<'a, Vec<ApiKeyRecord>> {
        Box::pin(ApiKeyStore::find_by_owner(self, issuer, id))
    }

    fn save<'a>(&'a self, record: &'a ApiKeyRecord) -> StoreCall<'a, ()> {
        Box::pin(ApiKeyStore::save(self, record))
    }

    fn record_usage<'a>(&'a self, usage: &'a [ApiKeyUsage]) -> StoreCall<'a, ()> {
        Box::pin(ApiKeyStore::record_usage(self, usage))
    }

    fn revoke_all<'a>(&'a self, issuer: Option<&'a str>, id: &'a str, at: SystemTime) -> StoreCall<'a, Vec<ApiKeyId>> {
        Box::pin(ApiKeyStore::revoke_all(self, issuer, id, at))
    }
}
