//! The log line of a `Denial`: its level shows whether the caller or the app is at fault.

use std::borrow::Cow;

use http::request;

use crate::context::route::{matched_path, method_name};
use crate::gate::denial::{Denial, DenialKind};

impl Denial {
    /// Logs the denial in one line: at `debug` if the caller is at fault, at `warn` if the user loader is unavailable,
    /// at `error` if the app is at fault. Unavailable keys are logged at `debug`, because the failed fetch is logged
    /// already.
    ///
    /// Without a head, the line has no `method` and no `route`. The route is the matched pattern: a path may have an id
    /// or a secret in it.
    pub(crate) fn log(&self, head: Option<&request::Parts>) {
        if let Some(mistake) = self.kind.mistake() {
            tracing::error!(
                kind = self.code(),
                status = self.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                "{mistake}"
            );
        } else if let DenialKind::UsersUnavailable { .. } = self.kind {
            tracing::warn!(
                kind = self.code(),
                status = self.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                reason = &*self.reason(),
                "request rejected"
            );
        } else {
            tracing::debug!(
                kind = self.code(),
                status = self.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                limit = self.violation().map(|violation| violation.names()),
                reason = &*self.reason(),
                "request rejected"
            );
        }
    }

    /// Returns the detail; for a claim, with the claim's name. Line breaks are escaped, because a handler may check for
    /// a role or scope whose name the caller chose, and not every subscriber escapes them.
    fn reason(&self) -> Cow<'static, str> {
        let reason = match &self.kind {
            DenialKind::InvalidToken(error) => error.to_string().into(),
            _ => self.detail(),
        };
        if reason.contains(char::is_control) { reason.escape_debug().to_string().into() } else { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Realm;
    use crate::gate::token_error::TokenError;

    #[test]
    fn a_reason_is_one_line_whatever_name_the_caller_chose() {
        let reason = |kind| Denial::new(kind, Realm::default()).reason();
        assert_eq!(reason(DenialKind::insufficient_role(["a\nERROR"])), "required role: a\\nERROR");
        assert_eq!(reason(DenialKind::insufficient_role(["\"\u{e4}\""])), "required role: \"\u{e4}\"");
        let missing = DenialKind::InvalidToken(TokenError::claim_missing("exp"));
        assert_eq!(reason(missing), "a required claim is missing: exp");
    }
}
