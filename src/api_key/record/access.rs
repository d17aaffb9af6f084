//! The accessors of `ApiKeyRecord`, and the changes that a store makes.

use std::time::SystemTime;

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::context::{Permission, Quota, Scopes, UserContext};
use crate::record_store::time::{of_system_time, to_system_time};

/// The key and its owner.
impl ApiKeyRecord {
    /// Returns the id, by which a store finds the record.
    #[must_use]
    pub fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// Returns the name that the owner gave the key; empty if none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id of the user or client that the key acts for.
    #[must_use]
    pub fn owner_id(&self) -> &str {
        &self.owner.id
    }

    /// Returns the issuer of the owner, `None` if the owner has none.
    #[must_use]
    pub fn owner_issuer(&self) -> Option<&str> {
        self.owner.issuer.as_deref()
    }

    /// Returns whether the key acts for this user: the issuer and the id are the same.
    #[must_use]
    pub fn is_owned_by(&self, user: &UserContext) -> bool {
        self.owner.is(user)
    }
}

/// What the key may do.
impl ApiKeyRecord {
    /// Returns the scopes. A key without scopes has none.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.privileges.scopes
    }

    /// Returns the roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.privileges.roles.iter().map(String::as_str)
    }

    /// Returns the permissions that the key has directly, not through a role.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.privileges.permissions.iter()
    }

    /// Returns the name of the tier.
    #[must_use]
    pub fn tier(&self) -> Option<&str> {
        self.privileges.tier.as_deref()
    }

    /// Returns the networks in which the client must be, such as `203.0.113.0/24`; none if any address is allowed.
    pub fn networks(&self) -> impl Iterator<Item = String> {
        self.networks.iter().map(|network| network.to_string())
    }

    /// Returns the quota of the key; `None` if it has none of its own.
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        self.quota
    }
}

/// Times, usage and version.
impl ApiKeyRecord {
    /// Returns when the key was created.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        to_system_time(self.created_at)
    }

    /// Returns when the key becomes valid; `None` if it is valid from the start.
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.not_before.map(to_system_time)
    }

    /// Returns when the key expires; `None` if it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.map(to_system_time)
    }

    /// Returns when the key was revoked; `None` if it was not.
    #[must_use]
    pub fn revoked_at(&self) -> Option<SystemTime> {
        self.revoked_at.map(to_system_time)
    }

    /// Returns whether the key can be used at this time: it is not revoked, not expired, and valid already.
    ///
    /// The address of a client and the account of the owner are not compared.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use portcullis::api_key::{MemoryKeys, NewApiKey};
    /// use portcullis::{ApiKeyAuth, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build()?;
    /// let day = Duration::from_secs(86_400);
    /// let new = NewApiKey::for_user(&UserContext::new("ann")).expires_in(day);
    /// let key = keys.create(new).await?;
    /// let now = SystemTime::now();
    /// assert!(key.record().is_active(now));
    /// assert!(!key.record().is_active(now + 2 * day));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_active(&self, now: SystemTime) -> bool {
        let now = of_system_time(now);
        let is_valid_already = self.not_before.is_none_or(|start| start <= now);
        let has_expired = self.expires_at.is_some_and(|end| end <= now);
        self.revoked_at.is_none() && is_valid_already && !has_expired
    }

    /// Returns when the key was last used, up to a minute late; `None` if never.
    #[must_use]
    pub fn last_used_at(&self) -> Option<SystemTime> {
        self.last_used_at.map(to_system_time)
    }

    /// Returns how often the key was used, up to a minute late.
    #[must_use]
    pub fn usage_count(&self) -> u64 {
        self.usage_count
    }

    /// Returns the version: 1 for a new key, and one more after each change.
    ///
    /// A store compares it when it [saves](crate::api_key::ApiKeyStore::save) a record.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// For stores.
impl ApiKeyRecord {
    /// Sets the usage, which a store keeps beside the record.
    #[must_use]
    pub fn with_usage(mut self, count: u64, last_used_at: Option<SystemTime>) -> Self {
        self.usage_count = count;
        self.last_used_at = last_used_at.map(of_system_time);
        self
    }

    /// Returns the next version of the record, revoked at this time. A revoked record stays as it is.
    ///
    /// For a store that implements [`revoke_all`](crate::api_key::ApiKeyStore::revoke_all) itself.
    #[must_use]
    pub fn into_revoked(mut self, at: SystemTime) -> Self {
        if self.revoked_at.is_none() {
            self.revoked_at = Some(of_system_time(at));
            self.previous = None;
            self.version = self.version.saturating_add(1);
        }
        self
    }
}
