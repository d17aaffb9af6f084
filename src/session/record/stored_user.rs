//! `StoredUser`: the form of a user in a record.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::context::{Identity, Scopes, SharedStr, UserContext};

/// The identity and the privileges of a user. Claims and the record of the app are not stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredUser {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    /// The session at an OpenID provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl StoredUser {
    pub(super) fn of(user: &UserContext) -> Self {
        let identity = user.identity();
        let text = |text: &Option<SharedStr>| text.as_deref().map(str::to_owned);
        let texts = |texts: &[SharedStr]| texts.iter().map(|text| text.to_string()).collect();
        Self {
            id: user.id().to_owned(),
            issuer: identity.issuer.as_deref().map(str::to_owned),
            tenant: text(&identity.tenant),
            client_id: text(&identity.client_id),
            email: text(&identity.email),
            email_verified: identity.is_email_verified,
            name: text(&identity.name),
            scope: identity.scopes.to_string(),
            roles: texts(&identity.roles),
            permissions: texts(&identity.permissions),
            tier: user.tier_name().map(str::to_owned),
            acr: text(&identity.acr),
            amr: texts(&identity.amr),
            auth_time: identity.auth_time.map(|time| time.as_secs()),
            sid: text(&identity.session_id),
        }
    }

    /// Returns the user; `None` if a value is invalid.
    pub(super) fn into_user(self) -> Option<UserContext> {
        let text = |text: Option<String>| text.map(SharedStr::from);
        let texts = |texts: Vec<String>| texts.into_iter().map(SharedStr::from).collect();
        let id = Some(self.id).filter(|id| !id.is_empty())?;
        Some(UserContext::from_identity(Identity {
            id: Some(id.into()),
            issuer: self.issuer.map(Into::into),
            tenant: text(self.tenant),
            client_id: text(self.client_id),
            email: text(self.email),
            is_email_verified: self.email_verified,
            name: text(self.name),
            scopes: self.scope.parse::<Scopes>().ok()?,
            roles: texts(self.roles),
            permissions: texts(self.permissions),
            tier_name: text(self.tier),
            acr: text(self.acr),
            amr: texts(self.amr),
            auth_time: self.auth_time.map(Duration::from_secs),
            session_id: text(self.sid),
            ..Identity::default()
        }))
    }
}

/// By reference, as serde passes it.
fn is_false(value: &bool) -> bool {
    !*value
}
