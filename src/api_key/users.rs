//! The user of a record, with the tiers and roles of the app.

use std::time::Duration;

use crate::api_key::record::ApiKeyRecord;
use crate::context::{AppSettings, Credential, Identity, SharedStr, UserContext};

/// Returns the user that requests with the key of this record have.
pub(super) fn user_of(record: &ApiKeyRecord, app: &AppSettings) -> UserContext {
    let permissions = record.permissions().map(|permission| SharedStr::from(permission.as_str()));
    let mut identity = Identity {
        id: Some(record.owner_id().into()),
        issuer: record.owner_issuer().map(Into::into),
        credential: Credential::ApiKey,
        scopes: record.scopes().clone(),
        roles: record.roles().map(SharedStr::from).collect(),
        permissions: permissions.collect(),
        tier_name: record.tier().map(SharedStr::from),
        is_client: record.owner.is_client,
        token_id: Some(record.id().as_str().into()),
        issued_at: Some(Duration::from_secs(record.created_at)),
        expires_at: record.expires_at.map(Duration::from_secs),
        quota: record.quota,
        ..Identity::default()
    };
    app.complete(&mut identity);
    UserContext::from_identity(identity).with_revocation_ids()
}
