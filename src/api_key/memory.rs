//! `MemoryKeys`: a store in this process, for tests and for apps whose keys need not survive a restart.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::store::ApiKeyStore;
use crate::api_key::usage::ApiKeyUsage;
use crate::record_store::StoreError;

/// A store of API keys in the memory of this process. Clones share the keys.
///
/// It is for tests: all keys end with the process. It keeps revoked and expired records too.
#[derive(Clone, Default)]
pub struct MemoryKeys(Arc<Mutex<HashMap<ApiKeyId, ApiKeyRecord>>>);

impl MemoryKeys {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApiKeyId, ApiKeyRecord>> {
        // Each change replaces a whole record, so no panic leaves half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiKeyStore for MemoryKeys {
    async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        Ok(self.lock().get(id).cloned())
    }

    async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let is_owned = |record: &&ApiKeyRecord| record.owner_issuer() == issuer && record.owner_id() == id;
        let mut records: Vec<_> = self.lock().values().filter(is_owned).cloned().collect();
        records.sort_by_key(|record| (record.created_at(), *record.id()));
        Ok(records)
    }

    async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        let mut records = self.lock();
        let stored = records.get(record.id());
        if stored.map_or(0, ApiKeyRecord::version).checked_add(1) != Some(record.version()) {
            return Err(StoreError::Conflict);
        }
        let (count, last_used_at) = stored.map_or((0, None), |stored| (stored.usage_count(), stored.last_used_at()));
        records.insert(*record.id(), record.clone().with_usage(count, last_used_at));
        Ok(())
    }

    async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        let mut records = self.lock();
        for usage in usage {
            if let Some(record) = records.get_mut(usage.id()) {
                let count = record.usage_count().saturating_add(usage.count());
                let last_used_at = record.last_used_at().max(Some(usage.last_used_at()));
                *record = record.clone().with_usage(count, last_used_at);
            }
        }
        Ok(())
    }
}

/// Shows the number of keys.
impl fmt::Debug for MemoryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryKeys").field("keys", &self.lock().len()).finish_non_exhaustive()
    }
}
