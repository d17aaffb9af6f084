//! The status of a `Denial`, which says whose fault the rejection is.

use http::StatusCode;

use crate::gate::denial::{Denial, DenialKind};

impl Denial {
    /// Returns the status that belongs to the reason.
    ///
    /// It is 400, 401, 403, 404, 422 or 429 if the caller is at fault, 500 if the app is, and 503 if a service behind
    /// the app is unavailable. A 401 becomes 403 if the [`Realm`](crate::context::Realm) has no scheme that a challenge
    /// could name, like that of a `ClientCertAuth`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            DenialKind::AbnormalUsage(_) | DenialKind::QuotaExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
            DenialKind::InvalidOneTimeToken | DenialKind::InvalidRequest(_) => StatusCode::BAD_REQUEST,
            DenialKind::InvalidApiKeySettings(_) | DenialKind::PasswordRejected { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            // A 401 must have a challenge (RFC 9110 §15.5.2), and there is no scheme for a client certificate.
            DenialKind::CredentialsMissing
            | DenialKind::InsufficientAuthentication { .. }
            | DenialKind::InvalidCredential
            | DenialKind::InvalidCredentials
            | DenialKind::InvalidToken(_) => {
                if self.has_scheme() {
                    StatusCode::UNAUTHORIZED
                } else {
                    StatusCode::FORBIDDEN
                }
            }
            DenialKind::AccountRefused(_)
            | DenialKind::AddressRefused { .. }
            | DenialKind::ClientNotAllowed
            | DenialKind::CredentialNotAccepted { .. }
            | DenialKind::CrossSite { .. }
            | DenialKind::CsrfTokenInvalid
            | DenialKind::EmailNotVerified
            | DenialKind::InsufficientAuthorizationDetails { .. }
            | DenialKind::InsufficientClaims
            | DenialKind::InsufficientPermission { .. }
            | DenialKind::InsufficientRole { .. }
            | DenialKind::InsufficientScope { .. }
            | DenialKind::InsufficientTier { .. }
            | DenialKind::NotOwner
            | DenialKind::RateLimitKeyMissing
            | DenialKind::TooManySessions => StatusCode::FORBIDDEN,
            DenialKind::SessionNotFound => StatusCode::NOT_FOUND,
            DenialKind::AddressNotForwarded
            | DenialKind::AddressUnknown
            | DenialKind::AuthLayerMissing { .. }
            | DenialKind::ClaimsMismatch
            | DenialKind::NonceMissing
            | DenialKind::NotRevocable
            | DenialKind::OneTimeTokenMisuse { .. }
            | DenialKind::OpenRoute { .. }
            | DenialKind::PasswordHistoryTooLong { .. }
            | DenialKind::RateLimitMissing { .. }
            | DenialKind::SessionChangeInvalid
            | DenialKind::SessionLayerMissing
            | DenialKind::TrustedProxiesMissing { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            DenialKind::ApiKeyStoreUnavailable { .. }
            | DenialKind::BreachCheckUnavailable { .. }
            | DenialKind::IntrospectionUnavailable { .. }
            | DenialKind::KeysUnavailable { .. }
            | DenialKind::Overloaded { .. }
            | DenialKind::ReducedCapacity(_)
            | DenialKind::ReplayCacheUnavailable { .. }
            | DenialKind::RevocationsUnavailable { .. }
            | DenialKind::SessionStoreUnavailable { .. }
            | DenialKind::UsersUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
