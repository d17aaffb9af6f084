//! `ApiKeyChange`: new settings of a key, and `Grace`.

use std::time::Duration;

use crate::api_key::error::ApiKeyError;
use crate::api_key::grant::Grant;
use crate::api_key::record::ApiKeyRecord;
use crate::context::{Quota, UserContext};

/// New settings of a key, for [`ApiKeyAuth::update`](crate::ApiKeyAuth::update). What is not set stays as it is.
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiKeyChange(Grant);

impl ApiKeyChange {
    /// Creates a change by the owner of the key.
    ///
    /// The key can get only privileges that the user has. The key of another owner is not changed.
    pub fn for_user(user: &UserContext) -> Self {
        Self(Grant::new(user, false))
    }

    /// Creates a change by an administrator, of a key of any owner and with any privileges.
    ///
    /// Check before that the administrator may change keys.
    pub fn by_administrator(administrator: &UserContext) -> Self {
        Self(Grant::new(administrator, true))
    }

    /// Sets the name (at most 200 bytes).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name(name.into());
        self
    }

    /// Sets the scopes.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.0.scopes(scopes);
        self
    }

    /// Sets the roles.
    pub fn roles(mut self, roles: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.roles(roles);
        self
    }

    /// Sets the permissions, as `action:resource`.
    pub fn permissions(mut self, permissions: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.0.permissions(permissions);
        self
    }

    /// Sets the tier.
    pub fn tier(mut self, tier: impl Into<String>) -> Self {
        self.0.tier(tier.into());
        self
    }

    /// Sets the networks in which a client must be (at most 100; an empty list allows any address).
    pub fn networks(mut self, networks: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.0.networks(networks);
        self
    }

    /// Sets the [quota](crate::api_key::NewApiKey::quota) of the key; `None` removes it.
    pub fn quota(mut self, quota: impl Into<Option<Quota>>) -> Self {
        self.0.quota(quota.into());
        self
    }

    /// Changes a setting if there is a value, for example an optional member of a request's body.
    ///
    /// ```
    /// use portcullis::UserContext;
    /// use portcullis::api_key::ApiKeyChange;
    ///
    /// struct Body {
    ///     name: Option<String>,
    ///     scopes: Option<Vec<String>>,
    /// }
    ///
    /// fn change(user: &UserContext, body: Body) -> ApiKeyChange {
    ///     ApiKeyChange::for_user(user)
    ///         .when_some(body.name, ApiKeyChange::name)
    ///         .when_some(body.scopes, ApiKeyChange::scopes)
    /// }
    /// # change(&UserContext::new("ann"), Body { name: Some("ci".to_owned()), scopes: None });
    /// ```
    pub fn when_some<T>(self, value: Option<T>, set: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => set(self, value),
            None => self,
        }
    }

    /// Checks that the caller may make the change.
    ///
    /// # Errors
    ///
    /// Returns why it may not.
    pub(super) fn check(&self) -> Result<(), ApiKeyError> {
        self.0.check()
    }

    /// Whether the caller may change this key.
    pub(super) fn may_change(&self, record: &ApiKeyRecord) -> bool {
        self.0.is_administrator() || record.is_owned_by(self.0.caller())
    }

    /// Returns the next version of the record.
    pub(super) fn apply(&self, mut record: ApiKeyRecord) -> ApiKeyRecord {
        self.0.write(&mut record);
        record.version = record.version.saturating_add(1);
        record
    }
}

/// How long the old text of a key stays valid after a [rotation](crate::ApiKeyAuth::rotate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace(Duration);

impl Grace {
    /// Rejects the old text at once, without a grace period.
    ///
    /// Other processes reject it when they read the record again: within the
    /// [`cache_ttl`](crate::api_key::ApiKeyAuthBuilder::cache_ttl). If a key has leaked,
    /// [revoke](crate::ApiKeyAuth::revoke) it and create another one.
    #[must_use]
    pub fn none() -> Self {
        Self(Duration::ZERO)
    }

    /// Keeps the old text valid for this number of minutes.
    #[must_use]
    pub fn minutes(minutes: u32) -> Self {
        Self(Duration::from_secs(60 * u64::from(minutes)))
    }

    /// Keeps the old text valid for this number of hours.
    #[must_use]
    pub fn hours(hours: u32) -> Self {
        Self(Duration::from_secs(3_600 * u64::from(hours)))
    }

    /// Keeps the old text valid for this number of days.
    #[must_use]
    pub fn days(days: u32) -> Self {
        Self(Duration::from_secs(86_400 * u64::from(days)))
    }

    pub(super) fn duration(self) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_period_is_in_minutes_hours_or_days() {
        let periods = [Grace::none(), Grace::minutes(120), Grace::hours(48), Grace::days(3)];
        assert_eq!(periods.map(|grace| grace.duration().as_secs()), [0, 7_200, 172_800, 259_200]);
    }
}
