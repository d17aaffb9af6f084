//! The revocation of keys: in the store for ever, and at once in this process and those that share revocations.

use std::sync::Arc;

use crate::api_key::error::ApiKeyError;
use crate::api_key::event;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::policy::Policy;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::store::MAX_CONFLICTS;
use crate::gate::DenialKind;
use crate::record_store::StoreError;
use crate::record_store::time::to_system_time;
use crate::revocation::Revocation;
use crate::revocation::user_records::{RecordsError, RevokeAll, UserNames, UserRecords};

impl Policy {
    /// Revokes a key. Returns whether there was a key of this id that was not revoked yet.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store is unavailable, or if the revocation could not be shared.
    pub(super) async fn revoke(&self, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        let known = self.store.find(id).await;
        if matches!(known, Ok(None)) {
            // The app may have deleted the record, and then it must not be used from the cache.
            self.cache.forget(id);
            return Ok(false);
        }
        // If the store is unavailable, the key is rejected nevertheless, as long as the entry is kept.
        let shared = self.share_revocation(id);
        self.cache.forget(id);
        known?;
        let revoked = self.revoke_record(id).await;
        shared.await?;
        revoked
    }

    /// Revokes the keys of an owner that these names include, and returns their ids.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store is unavailable, or if the revocations could not be shared.
    pub(super) async fn revoke_all(&self, names: &UserNames) -> Result<Vec<ApiKeyId>, ApiKeyError> {
        let (issuer, owner_id) = (names.issuer.as_deref(), &*names.id);
        let known = self.store.find_by_owner(issuer, owner_id).await?;
        let known = known.iter().filter(|record| record.revoked_at.is_none() && names.include(record.created_at));
        let known: Vec<_> =
            known.map(|record| record.id).filter(|id| names.kept.as_deref() != Some(id.as_str())).collect();
        // Before the store revokes them, so that an error of the store leaves none of them valid here.
        let mut shared: Vec<_> = known.iter().map(|id| (*id, self.share_revocation(id))).collect();
        let revoked = if names.kept.is_some() || names.issued_until.is_some() {
            self.revoke_records(&known).await
        } else {
            let at = to_system_time(self.clock.since_epoch().as_secs());
            let revoked = self.store.revoke_all(issuer, owner_id, at).await.map_err(ApiKeyError::Store);
            revoked.iter().flatten().for_each(|id| event::revoked(issuer, owner_id, id));
            revoked
        };
        for id in revoked.iter().flatten().filter(|id| !known.contains(id)) {
            // A key that was created meanwhile.
            shared.push((*id, self.share_revocation(id)));
        }
        shared.iter().for_each(|(id, _)| self.cache.forget(id));
        let ids = revoked?;
        for (_, shared) in shared {
            shared.await?;
        }
        Ok(ids)
    }

    /// Revokes a key that was created while its owner was revoked, so that the store did not know it yet.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::OwnerRevoked`] if the owner was revoked, and another [`ApiKeyError`] if the store is
    /// unavailable.
    pub(super) async fn revoke_if_owner_is_revoked(&self, new: &ApiKeyRecord) -> Result<(), ApiKeyError> {
        let Some(revocations) = &self.revocations else { return Ok(()) };
        match revocations.check_credential(&self.cache.user_of(new)) {
            Err(DenialKind::InvalidCredential) => {
                self.revoke_record(&new.id).await?;
                Err(ApiKeyError::OwnerRevoked)
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn revoke_records(&self, ids: &[ApiKeyId]) -> Result<Vec<ApiKeyId>, ApiKeyError> {
        let mut revoked = Vec::new();
        for id in ids {
            if self.revoke_record(id).await? {
                revoked.push(*id);
            }
        }
        Ok(revoked)
    }

    /// Revokes a key in the store. Returns whether it was not revoked yet.
    pub(super) async fn revoke_record(&self, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        let at = to_system_time(self.clock.since_epoch().as_secs());
        let revoked = self.change(id, |record| Some(record.into_revoked(at))).await?;
        if let Some(record) = &revoked {
            event::revoked(record.owner_issuer(), record.owner_id(), id);
        }
        Ok(revoked.is_some())
    }

    /// Changes a record that is not revoked, again if another change comes first. Returns the stored record, `None` if
    /// there is no such record, or if `next` returns `None`.
    pub(super) async fn change(
        &self,
        id: &ApiKeyId,
        next: impl Fn(ApiKeyRecord) -> Option<ApiKeyRecord>,
    ) -> Result<Option<ApiKeyRecord>, ApiKeyError> {
        let mut attempts = 0;
        loop {
            let current = self.store.find(id).await?.filter(|record| record.revoked_at.is_none());
            let Some(changed) = current.and_then(&next) else { return Ok(None) };
            let saved = self.store.save(&changed).await;
            // Also after an error: a timeout does not tell whether the record was stored.
            self.cache.forget(id);
            match saved {
                Err(StoreError::Conflict) if attempts < MAX_CONFLICTS => attempts += 1,
                saved => {
                    saved?;
                    return Ok(Some(changed));
                }
            }
        }
    }

    /// Rejects a key in this process. The future is ready when other processes reject it too.
    fn share_revocation(&self, id: &ApiKeyId) -> impl Future<Output = Result<(), ApiKeyError>> + Send + use<> {
        let shared = self.revocations.as_ref();
        let shared = shared.map(|revocations| revocations.apply(Revocation::api_key(id.as_str())));
        async move {
            match shared {
                Some(shared) => shared.await.map_err(ApiKeyError::Revocation),
                None => Ok(()),
            }
        }
    }
}

/// When a user or a key is revoked, the keys are revoked in the store too, because they may be valid for longer than the
/// revocation is kept.
impl UserRecords for Policy {
    fn revoke_user(self: Arc<Self>, names: UserNames) -> RevokeAll {
        Box::pin(async move {
            let revoked = self.revoke_all(&names).await;
            revoked.map(|_| ()).map_err(|error| {
                error.log("revoke_all");
                Arc::new(error) as RecordsError
            })
        })
    }

    fn revoke_credential(self: Arc<Self>, id: Box<str>) -> RevokeAll {
        Box::pin(async move {
            // A custom gate may have keys with other ids. They are not in this store.
            let Ok(id) = id.parse() else { return Ok(()) };
            let revoked = self.revoke_record(&id).await;
            revoked.map(|_| ()).map_err(|error| {
                error.log("revoke");
                Arc::new(error) as RecordsError
            })
        })
    }
}
