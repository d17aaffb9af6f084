//! The security events of sessions.

use std::net::IpAddr;

use crate::context::UserContext;
use crate::security_event::{EventKind, Reason, SecurityEvent};
use crate::session::id::SessionId;

/// Emits that a session of this user starts.
pub(super) fn started(user: &UserContext, id: &SessionId, address: Option<IpAddr>) {
    let Some(event) = SecurityEvent::counted(EventKind::SessionStarted) else { return };
    event.with_user_context(user).with_session(id.as_str()).with_known_address(address).write();
}

/// Emits that a session of this user has ended. The address is that of the client whose request ended it.
pub(super) fn ended(user: &UserContext, id: &SessionId, reason: Reason, address: Option<IpAddr>) {
    let Some(event) = SecurityEvent::counted(EventKind::SessionEnded) else { return };
    let event = event.with_owner(user.issuer(), user.id()).with_session(id.as_str());
    event.with_reason(reason).with_known_address(address).write();
}
