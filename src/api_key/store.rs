//! `ApiKeyStore`: where the records of keys are, which an app implements for its database.

use std::future::Future;
use std::time::SystemTime;

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::usage::ApiKeyUsage;
use crate::record_store::StoreError;

/// Where the records of API keys are kept, such as a table of the app's database.
///
/// [`MemoryKeys`](crate::api_key::MemoryKeys) is one for tests. A table needs these columns:
///
/// | column | value |
/// |---|---|
/// | `id`, the primary key | [`ApiKeyRecord::id`] |
/// | `owner_issuer`, with an index | [`owner_issuer`](ApiKeyRecord::owner_issuer) |
/// | `owner_id`, in the same index | [`owner_id`](ApiKeyRecord::owner_id) |
/// | `version` | [`version`](ApiKeyRecord::version) |
/// | `record` | [`to_json`](ApiKeyRecord::to_json) |
/// | `usage_count`, `last_used_at` | 0 and null; only [`record_usage`](Self::record_usage) changes them |
///
/// The calls have a [timeout](crate::api_key::ApiKeyAuthBuilder::store_timeout), after which they are dropped.
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Returns the record of this id with its usage, `None` if there is none.
    ///
    /// A revoked record is returned too. It is called for the first request with a key, and again when the cached
    /// record is older than the [`cache_ttl`](crate::api_key::ApiKeyAuthBuilder::cache_ttl).
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn find(&self, id: &ApiKeyId) -> impl Future<Output = Result<Option<ApiKeyRecord>, StoreError>> + Send;

    /// Returns all records of an owner with their usage, also revoked ones.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn find_by_owner(
        &self,
        issuer: Option<&str>,
        id: &str,
    ) -> impl Future<Output = Result<Vec<ApiKeyRecord>, StoreError>> + Send;

    /// Stores a record if its version is the next one: 1 if there is no record of this id, else one more than that of
    /// the stored record.
    ///
    /// The comparison and the change are one step, as in `UPDATE .. WHERE id = ? AND version = ?`. So a slow writer
    /// cannot replace a newer record, and a revocation is final. The usage of the record is not stored.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Conflict`] if the version is not the next one, and [`StoreError::Unavailable`] if the store
    /// cannot be reached.
    fn save(&self, record: &ApiKeyRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Adds the usage of several keys to what is stored: the count is added, and the later time stays. Ids that are
    /// unknown are skipped.
    ///
    /// It is called at most once a minute, and by [`flush`](crate::ApiKeyAuth::flush). If it fails, the same usage is
    /// part of the next call.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn record_usage(&self, usage: &[ApiKeyUsage]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Revokes all keys of an owner that are not revoked yet, and returns their ids.
    ///
    /// The default finds the records, and saves the next version of each. A database may do it in one transaction.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the store cannot be reached.
    fn revoke_all(
        &self,
        issuer: Option<&str>,
        id: &str,
        at: SystemTime,
    ) -> impl Future<Output = Result<Vec<ApiKeyId>, StoreError>> + Send {
        async move {
            let mut revoked = Vec::new();
            for record in self.find_by_owner(issuer, id).await? {
                let id = *record.id();
                if revoke(self, record, at).await? {
                    revoked.push(id);
                }
            }
            Ok(revoked)
        }
    }
}

/// Saves a record as revoked, also if another change comes first. Returns whether this call has revoked it.
async fn revoke(store: &(impl ApiKeyStore + ?Sized), record: ApiKeyRecord, at: SystemTime) -> Result<bool, StoreError> {
    let id = *record.id();
    let mut current = Some(record);
    for _ in 0..=MAX_CONFLICTS {
        let Some(record) = current.filter(|record| record.revoked_at().is_none()) else { return Ok(false) };
        match store.save(&record.into_revoked(at)).await {
            Err(StoreError::Conflict) => current = store.find(&id).await?,
            saved => return saved.map(|()| true),
        }
    }
    Err(StoreError::Conflict)
}

/// One more change than a person can make at the same time.
pub(super) const MAX_CONFLICTS: usize = 8;
