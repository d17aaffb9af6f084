//! The methods of `ApiKeyAuth` that create, change and revoke keys.

use std::time::Duration;

use crate::api_key::change::{ApiKeyChange, Grace};
use crate::api_key::error::ApiKeyError;
use crate::api_key::gate::ApiKeyAuth;
use crate::api_key::key::digest::KeyDigest;
use crate::api_key::key::format::KeyText;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::key::random::{RandomUnavailable, random_base62};
use crate::api_key::key::text::ApiKey;
use crate::api_key::new_key::{NewApiKey, Secrets};
use crate::api_key::record::{ApiKeyRecord, PreviousDigest};
use crate::api_key::store::{MAX_CONFLICTS, StoreError};
use crate::api_key::time::after;
use crate::context::UserContext;

/// # Management of keys
///
/// These methods are for the handlers of an app. Except for [`create`](Self::create) and [`update`](Self::update), they
/// do not compare the owner of a key with a user: find the key of the user by [`find_for`](Self::find_for) first. Add a
/// [`RequireCredential`](crate::RequireCredential) to their routes, so that no key creates or changes keys.
impl ApiKeyAuth {
    /// Creates a key. Its text is returned once, and is stored nowhere.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the caller may not create the key, if a setting is invalid, or if the store or the
    /// random generator of the operating system is unavailable.
    pub async fn create(&self, mut new: NewApiKey) -> Result<ApiKey, ApiKeyError> {
        let now = self.policy.clock.since_epoch();
        new.check(now)?;
        let mut attempts = 0;
        loop {
            let id = random_base62().map_err(unavailable)?;
            let id = ApiKeyId::new(id).ok_or(ApiKeyError::RandomUnavailable)?;
            let (text, digest) = self.new_secret(id)?;
            let record = new.to_record(Secrets { id, digest }, now);
            match self.policy.store.save(&record).await {
                // Another key has this id, which does not happen with a working generator.
                Err(StoreError::Conflict) if attempts < MAX_CONFLICTS => attempts += 1,
                saved => {
                    saved?;
                    self.policy.cache.forget(&id);
                    self.policy.revoke_if_owner_is_revoked(&record).await?;
                    return Ok(ApiKey::new(text, record));
                }
            }
        }
    }

    /// Returns the record of a key, `None` if there is none of this id. It is read from the store.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Store`] if the store is unavailable.
    pub async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, ApiKeyError> {
        Ok(self.policy.store.find(id).await?)
    }

    /// Returns the record of a key that this user owns, `None` if there is none of this id or another user owns it.
    ///
    /// Respond with 404 in both cases, so that users do not learn which keys others have.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Store`] if the store is unavailable.
    pub async fn find_for(&self, user: &UserContext, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, ApiKeyError> {
        Ok(self.find(id).await?.filter(|record| record.is_owned_by(user)))
    }

    /// Returns the records of all keys of a user, also of revoked ones.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Store`] if the store is unavailable.
    pub async fn list(&self, user: &UserContext) -> Result<Vec<ApiKeyRecord>, ApiKeyError> {
        Ok(self.policy.store.find_by_owner(user.issuer(), user.id()).await?)
    }

    /// Creates a new text for a key, and keeps the old one valid for a while. Returns `None` if there is no key of this
    /// id, or if it is revoked.
    ///
    /// Id, privileges, networks, expiry and usage stay. A second rotation within the grace period ends the oldest text.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store or the random generator of the operating system is unavailable.
    pub async fn rotate(&self, id: &ApiKeyId, grace: Grace) -> Result<Option<ApiKey>, ApiKeyError> {
        let (text, digest) = self.new_secret(*id)?;
        let now = self.policy.clock.since_epoch();
        let rotated = self.policy.change(id, |record| rotated(record, digest, grace, now)).await?;
        Ok(rotated.map(|record| ApiKey::new(text, record)))
    }

    /// Changes settings of a key, and returns its new record. Returns `None` if there is no key of this id, if it is
    /// revoked, or if the caller is not its owner.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the caller may not make the change, if a setting is invalid, or if the store is
    /// unavailable.
    pub async fn update(&self, id: &ApiKeyId, change: ApiKeyChange) -> Result<Option<ApiKeyRecord>, ApiKeyError> {
        change.check()?;
        self.policy.change(id, |record| change.may_change(&record).then(|| change.apply(record))).await
    }

    /// Revokes a key for ever. Returns whether there was a key of this id that was not revoked yet.
    ///
    /// This process rejects the key from the call on, and others as soon as they know of it: within a second if
    /// [`Revocations`](crate::Revocations) are shared, else within the
    /// [`cache_ttl`](crate::api_key::ApiKeyAuthBuilder::cache_ttl).
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store is unavailable, or if the revocation could not be shared. Call it again
    /// then.
    pub async fn revoke(&self, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        self.policy.revoke(id).await
    }

    /// Revokes all keys of a user for ever, and returns their ids.
    ///
    /// The user stays logged in. [`Revocations::revoke_all`](crate::Revocations::revoke_all) logs a user out everywhere,
    /// and also does what this method does.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store is unavailable, or if the revocations could not be shared. Call it again
    /// then.
    pub async fn revoke_all(&self, user: &UserContext) -> Result<Vec<ApiKeyId>, ApiKeyError> {
        self.policy.revoke_all(user.issuer(), user.id(), None).await
    }

    /// Returns a regular expression that matches the keys, for secret scanners.
    ///
    /// ```
    /// # use portcullis::{ApiKeyAuth, api_key::MemoryKeys};
    /// let keys = ApiKeyAuth::builder()
    ///     .prefix("acme_live")
    ///     .store(MemoryKeys::new())
    ///     .build()?;
    /// assert_eq!(keys.pattern(), "acme_live_[0-9A-Za-z]{50}");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn pattern(&self) -> String {
        self.policy.format.pattern()
    }

    /// Writes the usage of keys to the store now. Call it when the app shuts down.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Store`] if the store is unavailable. The usage is then part of the next attempt.
    pub async fn flush(&self) -> Result<(), ApiKeyError> {
        Ok(self.policy.usage.write().await?)
    }

    fn new_secret(&self, id: ApiKeyId) -> Result<(KeyText, KeyDigest), ApiKeyError> {
        let text = self.policy.format.new_text(id).map_err(unavailable)?;
        // A text that was just created has its parts.
        let parts = self.policy.format.parse(text.as_str()).ok_or(ApiKeyError::RandomUnavailable)?;
        let digest = self.policy.hasher.digest(parts.id_and_secret);
        Ok((text, digest))
    }
}

/// Returns the next version of the record, with a new digest.
fn rotated(mut record: ApiKeyRecord, digest: KeyDigest, grace: Grace, now: Duration) -> Option<ApiKeyRecord> {
    let previous = PreviousDigest { digest: record.digest, valid_until: after(now, grace.duration()) };
    record.previous = (!grace.duration().is_zero()).then_some(previous);
    record.digest = digest;
    record.version = record.version.saturating_add(1);
    Some(record)
}

fn unavailable(_: RandomUnavailable) -> ApiKeyError {
    ApiKeyError::RandomUnavailable
}
