//! `TimedStore`: the app's store, type-erased and with a timeout for each call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::store::{ApiKeyStore, StoreError};
use crate::api_key::usage::ApiKeyUsage;
use crate::runtime;

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
        let record = self.within_timeout(self.store.find(id)).await?;
        Ok(record.filter(|record| record.id() == id))
    }

    pub(super) async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.within_timeout(self.store.find_by_owner(issuer, id)).await
    }

    pub(super) async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        self.within_timeout(self.store.save(record)).await
    }

    pub(super) async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        self.within_timeout(self.store.record_usage(usage)).await
    }

    pub(super) async fn revoke_all(
        &self,
        issuer: Option<&str>,
        id: &str,
        at: SystemTime,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        self.within_timeout(self.store.revoke_all(issuer, id, at)).await
    }

    async fn within_timeout<T>(&self, call: StoreCall<'_, T>) -> Result<T, StoreError> {
        // Tokio's timer panics without a runtime that has timers, and a request must not panic.
        runtime::current().map_err(|fault| StoreError::unavailable(fault.to_string()))?;
        let result = tokio::time::timeout(self.timeout, call).await;
        let timeout = self.timeout;
        result.unwrap_or_else(|_| Err(StoreError::unavailable(format!("the store took longer than {timeout:?}"))))
    }
}

impl fmt::Debug for TimedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedStore").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

type StoreCall<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The object-safe form of [`ApiKeyStore`]. A trait method that returns `impl Future` cannot be called on a trait
/// object.
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
