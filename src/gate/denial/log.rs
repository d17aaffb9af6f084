//! The log line of a `Denial`: its level shows whether the caller or the app is at fault.

use crate::gate::denial::{Denial, DenialKind};

impl Denial {
    /// Logs the denial in one line: at `debug` if the caller is at fault, at `warn` if the user loader is unavailable,
    /// at `error` if the app is at fault. Unavailable keys are logged at `debug`, because the failed fetch is logged
    /// already.
    pub(crate) fn log(&self) {
        let status = self.status().as_u16();
        match &self.kind {
            DenialKind::AuthLayerMissing { required_by } => {
                tracing::error!(status, "{required_by} requires an authenticating layer; add JwtAuth around it");
            }
            DenialKind::AddressUnknown => tracing::error!(
                status,
                "the peer's address is unknown; serve with into_make_service_with_connect_info::<SocketAddr>(), or \
                 insert a SocketAddr into the request's extensions (on tonic, the one in TcpConnectInfo)"
            ),
            DenialKind::RateLimitMissing { required_by } => tracing::error!(
                status,
                "{required_by} requires a RateLimit layer that counts the request (for an Attempt, one that \
                 counts failures); add one, or extract an Option if the route may be exempt"
            ),
            DenialKind::NonceMissing => tracing::error!(
                status,
                "CspNonce requires a SecurityHeaders layer whose policy has a nonce; add \
                 SecurityHeaders::html(), or Source::Nonce to the existing policy"
            ),
            DenialKind::ClaimsMismatch => {
                tracing::error!(status, "the token's claims do not fit the type that a handler extracts");
            }
            DenialKind::InvalidToken(error) => tracing::debug!(status, reason = %error, "request rejected"),
            DenialKind::UsersUnavailable { .. } => {
                tracing::warn!(status, reason = %self.detail(), "request rejected");
            }
            // `?` escapes line breaks: a handler may check for a role or scope whose name the caller chose.
            _ => tracing::debug!(status, reason = ?self.detail(), "request rejected"),
        }
    }
}
