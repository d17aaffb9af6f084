//! `Users`: the user of a record, with the tiers and roles of the app.

use std::time::Duration;

use crate::api_key::record::ApiKeyRecord;
use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Credential, Identity, Realm, SharedStr, Tier, UserContext};

/// What the app knows of privileges.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) realm: Realm,
    pub(super) tiers: Option<Tiers>,
    pub(super) default_tier: Option<Tier>,
    pub(super) roles: Option<Roles>,
}

impl Users {
    /// Returns the user that requests with this key have.
    pub(super) fn user_of(&self, record: &ApiKeyRecord) -> UserContext {
        let tier_name = record.tier();
        let tier = tier_name.and_then(|name| self.tiers.as_ref()?.find(name));
        let default_tier = if tier_name.is_none() { self.default_tier.clone() } else { None };
        let permissions = record.permissions().map(|permission| SharedStr::from(permission.as_str()));
        let identity = Identity {
            id: Some(record.owner_id().into()),
            issuer: record.owner_issuer().map(Into::into),
            credential: Credential::ApiKey,
            scopes: record.scopes().clone(),
            roles: record.roles().map(SharedStr::from).collect(),
            permissions: permissions.collect(),
            role_table: self.roles.clone(),
            tier: tier.or(default_tier),
            tier_name: tier_name.map(SharedStr::from),
            is_client: record.owner.is_client,
            token_id: Some(record.id().as_str().into()),
            issued_at: Some(Duration::from_secs(record.created_at)),
            expires_at: record.expires_at.map(Duration::from_secs),
            quota: record.quota,
            realm: self.realm.clone(),
            ..Identity::default()
        };
        UserContext::from_identity(identity).with_revocation_ids()
    }
}
