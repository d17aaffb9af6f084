//! `NewApiKey`: the settings of a key to create.

use std::time::{Duration, SystemTime};

use crate::api_key::error::ApiKeyError;
use crate::api_key::grant::Grant;
use crate::api_key::key::digest::KeyDigest;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::privileges::Privileges;
use crate::api_key::record::{ApiKeyRecord, Owner};
use crate::context::principal::Principal;
use crate::context::{NetworkSet, Quota, UserContext};
use crate::error::{ConfigIssue, IssueKind};
use crate::record_store::time::{after, of_system_time};

/// The settings of a new key, for [`ApiKeyAuth::create`](crate::ApiKeyAuth::create).
///
/// A key has no scopes, roles and permissions unless they are set. Its tier is that of the owner.
///
/// ```
/// use std::time::Duration;
/// use portcullis::api_key::{MemoryKeys, NewApiKey};
/// use portcullis::{ApiKeyAuth, Scopes, UserContext};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build()?;
/// // The user of the request, who has logged in.
/// let ann = UserContext::new("ann")
///     .with_scopes(Scopes::new(["read:reports", "write:reports"])?);
/// let key = keys
///     .create(
///         NewApiKey::for_user(&ann)
///             .name("build server")
///             .scopes(["read:reports"])
///             .networks(["203.0.113.0/24"])
///             .expires_in(Duration::from_secs(90 * 86_400)),
///     )
///     .await?;
/// assert!(key.secret().starts_with("acme_live_"));
///
/// let more = NewApiKey::for_user(&ann).scopes(["delete:reports"]);
/// assert_eq!(keys.create(more).await.unwrap_err().status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NewApiKey {
    grant: Grant,
    owner: Owner,
    owner_tier: Option<String>,
    not_before: Option<SystemTime>,
    expiry: Expiry,
}

#[derive(Clone, Copy, Debug)]
enum Expiry {
    Never,
    In(Duration),
    At(SystemTime),
}

/// What is random of a new key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets {
    pub(super) id: ApiKeyId,
    pub(super) digest: KeyDigest,
}

impl NewApiKey {
    /// Creates a key that acts for this user, by its own request.
    ///
    /// The key has the issuer and the id of the user, so limits and revocations of the user include it. It can get only
    /// privileges that the user has. A user that is authenticated by an API key can create none.
    pub fn for_user(user: &UserContext) -> Self {
        Self::new(Grant::new(user, false), user)
    }

    /// Creates a key that acts for `owner`, by request of an administrator, whose own privileges are not compared.
    ///
    /// Check before that the administrator may create keys. The owner may be a service that never logs in, for example
    /// `UserContext::new("build-server").with_issuer("services")`. An administrator that is authenticated by an API key
    /// can create none.
    pub fn by_administrator(administrator: &UserContext, owner: &UserContext) -> Self {
        Self::new(Grant::new(administrator, true), owner)
    }

    fn new(grant: Grant, owner: &UserContext) -> Self {
        Self {
            grant,
            owner: Owner {
                issuer: owner.issuer().map(str::to_owned),
                id: owner.id().to_owned(),
                is_client: owner.principal() == Principal::Client,
            },
            owner_tier: owner.tier_name().map(str::to_owned),
            not_before: None,
            expiry: Expiry::Never,
        }
    }

    /// Sets the name, by which the owner distinguishes its keys (at most 200 bytes, default empty).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.grant.name(name.into());
        self
    }

    /// Sets the scopes (default: none).
    pub fn scopes(mut self, scopes: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.grant.scopes(scopes);
        self
    }

    /// Sets the roles (default: none).
    pub fn roles(mut self, roles: impl IntoIterator<Item: Into<String>>) -> Self {
        self.grant.roles(roles);
        self
    }

    /// Sets the permissions, as `action:resource` (default: none).
    pub fn permissions(mut self, permissions: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.grant.permissions(permissions);
        self
    }

    /// Sets the tier (default: that of the owner).
    pub fn tier(mut self, tier: impl Into<String>) -> Self {
        self.grant.tier(tier.into());
        self
    }

    /// Sets the networks in which a client must be, as addresses or in CIDR notation (at most 100, default: any).
    ///
    /// The key then needs a [`TrustedProxies`](crate::TrustedProxies) layer, which finds the address of the client.
    pub fn networks(mut self, networks: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.grant.networks(networks);
        self
    }

    /// Sets the quota of the key, for limits [by credential](crate::rate_limit::Limit::by_credential) (default: the key
    /// has the quota of the limit, or of its tier).
    ///
    /// The quota is that of this key alone: another key of the same owner has its own, or shares that of the owner if
    /// it has none. It is not compared with any quota of the caller, so do not read it from the request of a user.
    ///
    /// ```
    /// use portcullis::api_key::{MemoryKeys, NewApiKey};
    /// use portcullis::{ApiKeyAuth, Quota, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build()?;
    /// let quota = Quota::per_hour(1000)?;
    /// let ann = UserContext::new("ann");
    /// let key = keys.create(NewApiKey::for_user(&ann).quota(quota)).await?;
    /// assert_eq!(key.record().quota(), Some(quota));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "rate limit")]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.grant.quota(Some(quota));
        self
    }

    /// Sets when the key becomes valid (default: at once).
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Sets after which time the key expires (default: it does not expire). It is rounded up to whole seconds.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expiry = Expiry::In(time);
        self
    }

    /// Sets when the key expires (default: it does not expire). It is rounded down to whole seconds.
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expiry = Expiry::At(time);
        self
    }

    /// Sets a value if there is one, for example an optional member of a request's body.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::UserContext;
    /// use portcullis::api_key::NewApiKey;
    ///
    /// fn new_key(user: &UserContext, days: Option<u16>) -> NewApiKey {
    ///     NewApiKey::for_user(user).when_some(days, |new, days| {
    ///         new.expires_in(Duration::from_secs(86_400) * days.into())
    ///     })
    /// }
    /// # new_key(&UserContext::new("ann"), Some(90));
    /// ```
    pub fn when_some<T>(self, value: Option<T>, set: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => set(self, value),
            None => self,
        }
    }

    /// Checks the settings, and that the caller may give the privileges. `now` is since 1970.
    ///
    /// # Errors
    ///
    /// Returns why the key is not created.
    pub(super) fn check(&mut self, now: Duration) -> Result<(), ApiKeyError> {
        if self.owner.id.is_empty() {
            let setting = if self.grant.is_administrator() { "by_administrator" } else { "for_user" };
            let remedy = "pass a user with an id";
            self.grant.issue(ConfigIssue::new(setting, IssueKind::Missing, "the owner has no id", remedy));
        }
        let expires_at = self.expires_at_seconds(now);
        let not_before = self.not_before.map(of_system_time);
        // A period is rounded up, so that one of zero would last up to a second.
        let is_empty = matches!(self.expiry, Expiry::In(Duration::ZERO));
        if is_empty || expires_at.is_some_and(|end| end <= now.as_secs().max(not_before.unwrap_or_default())) {
            let reason = "not in the future, or before the key becomes valid";
            let setting = if matches!(self.expiry, Expiry::In(_)) { "expires_in" } else { "expires_at" };
            self.grant.issue(ConfigIssue::new(setting, IssueKind::Invalid, reason, "set a later time"));
        }
        self.grant.check()
    }

    /// Returns the first version of the record.
    pub(super) fn to_record(&self, secrets: Secrets, now: Duration) -> ApiKeyRecord {
        let mut record = ApiKeyRecord {
            id: secrets.id,
            name: String::new(),
            owner: self.owner.clone(),
            privileges: Privileges { tier: self.owner_tier.clone(), ..Privileges::default() },
            networks: NetworkSet::default(),
            quota: None,
            created_at: now.as_secs(),
            not_before: self.not_before.map(of_system_time),
            expires_at: self.expires_at_seconds(now),
            revoked_at: None,
            digest: secrets.digest,
            previous: None,
            version: 1,
            last_used_at: None,
            usage_count: 0,
        };
        self.grant.write(&mut record);
        record
    }

    fn expires_at_seconds(&self, now: Duration) -> Option<u64> {
        match self.expiry {
            Expiry::Never => None,
            Expiry::In(time) => Some(after(now, time)),
            Expiry::At(time) => Some(of_system_time(time)),
        }
    }
}
