//! The methods of `ApiKeyAuth` that create, change and revoke keys.

use std::time::Duration;

use crate::api_key::change::{ApiKeyChange, Grace};
use crate::api_key::error::ApiKeyError;
use crate::api_key::event;
use crate::api_key::gate::ApiKeyAuth;
use crate::api_key::grant::reject_api_key;
use crate::api_key::key::digest::KeyDigest;
use crate::api_key::key::format::KeyText;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::key::random::{RandomUnavailable, random_base62};
use crate::api_key::key::text::ApiKey;
use crate::api_key::new_key::{NewApiKey, Secrets};
use crate::api_key::record::{ApiKeyRecord, PreviousDigest};
use crate::api_key::store::MAX_CONFLICTS;
use crate::context::UserContext;
use crate::record_store::StoreError;
use crate::record_store::time::after;
use crate::revocation::user_records::UserNames;
use crate::security_event::EventKind;

/// # Management of keys
///
/// These methods are for the handlers of an app. A user manages its own keys by [`create`](Self::create),
/// [`list`](Self::list), [`find_for`](Self::find_for), [`update`](Self::update), [`rotate_for`](Self::rotate_for) and
/// [`revoke_for`](Self::revoke_for). These methods return the same for the key of another user and for an unknown one.
/// Respond with 404 to both, so that users do not learn which keys others have.
///
/// [`find`](Self::find), [`rotate`](Self::rotate) and [`revoke`](Self::revoke) do not compare the owner of the key with
/// a user. They are for administrators, and for the reports of secret scanners.
///
/// Add a [`RequireCredential`](crate::RequireCredential) to the routes, so that no key lists or changes keys.
///
/// An error of the store is logged with its cause.
impl ApiKeyAuth {
    /// Creates a key. Its text is returned once, and is stored nowhere.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the caller may not create the key, if a setting is invalid, or if the store or the
    /// random generator of the operating system is unavailable.
    pub async fn create(&self, new: NewApiKey) -> Result<ApiKey, ApiKeyError> {
        self.create_unlogged(new).await.inspect_err(|error| error.log("create"))
    }

    async fn create_unlogged(&self, mut new: NewApiKey) -> Result<ApiKey, ApiKeyError> {
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
                    event::emit(EventKind::ApiKeyCreated, &record);
                    return Ok(ApiKey::new(text, record));
                }
            }
        }
    }

    /// Returns the record of a key of any user, `None` if there is none of this id. It is read from the store.
    ///
    /// For a route of users, see [`find_for`](Self::find_for).
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Store`] if the store is unavailable.
    pub async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, ApiKeyError> {
        let found = self.policy.store.find(id).await.map_err(ApiKeyError::Store);
        found.inspect_err(|error| error.log("find"))
    }

    /// Returns the record of a key that this user owns, `None` if there is none of this id or another user owns it.
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
        let found = self.policy.store.find_by_owner(user.issuer(), user.id()).await.map_err(ApiKeyError::Store);
        found.inspect_err(|error| error.log("list"))
    }

    /// Creates a new text for a key of this user, and keeps the old one valid for a while. Returns `None` if the user
    /// has no key of this id, or if it is revoked.
    ///
    /// Id, privileges, networks, expiry and usage stay. A second rotation within the grace period ends the oldest text.
    /// Every process accepts the new text within a second.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the user is authenticated by an API key, or if the store or the random generator of
    /// the operating system is unavailable.
    pub async fn rotate_for(
        &self,
        user: &UserContext,
        id: &ApiKeyId,
        grace: Grace,
    ) -> Result<Option<ApiKey>, ApiKeyError> {
        reject_api_key(user)?;
        let rotated = self.rotate_if(id, grace, |record| record.is_owned_by(user)).await;
        rotated.inspect_err(|error| error.log("rotate_for"))
    }

    /// Creates a new text for a key of any user, as [`rotate_for`](Self::rotate_for) does for a key of one user.
    ///
    /// Check before that the caller may do so.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the store or the random generator of the operating system is unavailable.
    pub async fn rotate(&self, id: &ApiKeyId, grace: Grace) -> Result<Option<ApiKey>, ApiKeyError> {
        self.rotate_if(id, grace, |_| true).await.inspect_err(|error| error.log("rotate"))
    }

    async fn rotate_if(
        &self,
        id: &ApiKeyId,
        grace: Grace,
        may_rotate: impl Fn(&ApiKeyRecord) -> bool,
    ) -> Result<Option<ApiKey>, ApiKeyError> {
        let (text, digest) = self.new_secret(*id)?;
        let now = self.policy.clock.since_epoch();
        let next = |record| may_rotate(&record).then(|| rotated(record, digest, grace, now));
        let changed = self.policy.change(id, next).await?;
        Ok(changed.map(|record| {
            event::emit(EventKind::ApiKeyRotated, &record);
            ApiKey::new(text, record)
        }))
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
        let changed = self.policy.change(id, |record| change.may_change(&record).then(|| change.apply(record))).await;
        if let Ok(Some(record)) = &changed {
            event::emit(EventKind::ApiKeyUpdated, record);
        }
        changed.inspect_err(|error| error.log("update"))
    }

    /// Revokes a key of this user for ever. Returns whether the user has a key of this id.
    ///
    /// It is also true if the key was revoked before, so that a client can repeat its request. Other processes reject
    /// the key as after [`revoke`](Self::revoke).
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError`] if the user is authenticated by an API key, if the store is unavailable, or if the
    /// revocation could not be shared. Call it again after an outage.
    pub async fn revoke_for(&self, user: &UserContext, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        reject_api_key(user)?;
        if self.find_for(user, id).await?.is_none() {
            return Ok(false);
        }
        self.policy.revoke(id).await.inspect_err(|error| error.log("revoke_for"))?;
        Ok(true)
    }

    /// Revokes a key of any user for ever. Returns whether there was a key of this id that was not revoked yet.
    ///
    /// Check before that the caller may do so; for a route of users, see [`revoke_for`](Self::revoke_for).
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
        self.policy.revoke(id).await.inspect_err(|error| error.log("revoke"))
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
        let revoked = self.policy.revoke_all(&UserNames::new(user.issuer().unwrap_or_default(), user.id())).await;
        revoked.inspect_err(|error| error.log("revoke_all"))
    }

    /// Returns the text of a key without its secret, by which the owner recognizes it in a list.
    ///
    /// ```
    /// # use portcullis::{ApiKeyAuth, api_key::{ApiKeyId, MemoryKeys}};
    /// let keys = ApiKeyAuth::builder()
    ///     .prefix("acme_live")
    ///     .store(MemoryKeys::new())
    ///     .build()?;
    /// let id: ApiKeyId = "Zx81kQ0aB2cD".parse()?;
    /// assert_eq!(keys.redacted(&id), "acme_live_Zx81kQ0aB2cD...");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    #[doc(alias("masked", "prefix"))]
    pub fn redacted(&self, id: &ApiKeyId) -> String {
        format!("{}{id}...", self.policy.format.prefix())
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
        let written = self.policy.usage.write().await.map_err(ApiKeyError::Store);
        written.inspect_err(|error| error.log("flush"))
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
fn rotated(mut record: ApiKeyRecord, digest: KeyDigest, grace: Grace, now: Duration) -> ApiKeyRecord {
    let previous = PreviousDigest { digest: record.digest, valid_until: after(now, grace.duration()) };
    record.previous = (!grace.duration().is_zero()).then_some(previous);
    record.digest = digest;
    record.version = record.version.saturating_add(1);
    record
}

fn unavailable(_: RandomUnavailable) -> ApiKeyError {
    ApiKeyError::RandomUnavailable
}
