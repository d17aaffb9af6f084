//! The security events of API keys.

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::security_event::{EventKind, Reason, SecurityEvent};

/// Emits what has happened to a key.
pub(super) fn emit(kind: EventKind, record: &ApiKeyRecord) {
    let Some(event) = SecurityEvent::counted(kind) else { return };
    event.with_owner(record.owner_issuer(), record.owner_id()).with_api_key(record.id.as_str()).write();
}

/// Emits that a key was revoked.
pub(super) fn revoked(owner_issuer: Option<&str>, owner_id: &str, id: &ApiKeyId) {
    let Some(event) = SecurityEvent::counted(EventKind::ApiKeyRevoked) else { return };
    let event = event.with_owner(owner_issuer, owner_id).with_api_key(id.as_str());
    event.with_reason(Reason::RevokedByApp).write();
}
