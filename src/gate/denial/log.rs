//! The log line of a `Denial`: a security event, a mistake of the app, or a line at `debug`.

use std::borrow::Cow;

use http::request;

use crate::context::route::{matched_path, method_name};
use crate::gate::denial::{Denial, DenialKind};
use crate::security_event::{EventKind, SecurityEvent};

impl Denial {
    /// Logs the denial in one line: as a security event, at `error` if the app is at fault, else at `debug`.
    ///
    /// Without a head, the line has no `method`, no `route`, no user and no address. The route is the matched pattern:
    /// a path may have an id or a secret in it.
    pub(crate) fn log(&self, head: Option<&request::Parts>) {
        if let Some(kind) = self.kind.event() {
            self.emit(kind, head);
        } else if let Some(mistake) = self.kind.mistake() {
            tracing::error!(
                kind = self.code(),
                status = self.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                "{mistake}"
            );
        } else {
            tracing::debug!(
                kind = self.code(),
                status = self.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                reason = &*self.reason_text(),
                "request rejected"
            );
        }
    }

    /// Emits the security event of the denial.
    fn emit(&self, kind: EventKind, head: Option<&request::Parts>) {
        let Some(mut event) = SecurityEvent::counted(kind) else { return };
        if let Some(head) = head {
            event = event.with_request(head);
        }
        if let DenialKind::AddressRefused { address } = self.kind {
            event = event.with_known_address(address);
        }
        let limit = self.violation().map(|violation| violation.names());
        if let Some(limit) = &limit {
            event = event.with_limit(limit);
        }
        let reason = self.reason_text();
        event.with_reason(self.kind.reason()).with_rejection(self.status().as_u16(), &reason).write();
    }

    /// Returns the detail; for a claim, with the claim's name.
    fn reason_text(&self) -> Cow<'static, str> {
        match &self.kind {
            DenialKind::InvalidToken(error) => error.to_string().into(),
            _ => self.detail(),
        }
    }
}
