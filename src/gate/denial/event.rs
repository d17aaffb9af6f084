//! Which rejections are security events.

use crate::gate::denial::DenialKind;
use crate::security_event::EventKind;

impl DenialKind {
    /// Returns the event of a rejection. `None` if it is none.
    ///
    /// Every reason is in one row, so that a new one cannot be forgotten.
    #[rustfmt::skip]
    pub(super) fn event(&self) -> Option<EventKind> {
        match self {
            // 400 and 401: a credential that was presented is rejected.
            Self::InvalidCredential
            | Self::InvalidOneTimeToken
            | Self::InvalidRequest(_)
            | Self::InvalidToken(_)
            // 401: the user must authenticate again.
            | Self::InsufficientAuthentication { .. }
            // 403: the credential is valid, and the user may not do this.
            | Self::AccountRefused(_)
            | Self::ClientNotAllowed
            | Self::CredentialNotAccepted { .. }
            | Self::EmailNotVerified
            | Self::InsufficientAuthorizationDetails { .. }
            | Self::InsufficientClaims
            | Self::InsufficientPermission { .. }
            | Self::InsufficientRole { .. }
            | Self::InsufficientScope { .. }
            | Self::InsufficientTier { .. }
            | Self::NotOwner
            | Self::TooManySessions
            // 403: the client, or the page that caused the request, is not allowed.
            | Self::AddressRefused { .. }
            | Self::CrossSite { .. }
            | Self::CsrfTokenInvalid
            | Self::RateLimitKeyMissing => Some(EventKind::AccessDenied),
            // 429.
            Self::AbnormalUsage(_)
            | Self::QuotaExceeded(_) => Some(EventKind::RateLimited),
            // 422.
            Self::PasswordRejected { .. } => Some(EventKind::PasswordRejected),
            // 503.
            Self::Overloaded { .. } => Some(EventKind::Overloaded),
            Self::ApiKeyStoreUnavailable { .. }
            | Self::BreachCheckUnavailable { .. }
            | Self::IntrospectionUnavailable { .. }
            | Self::KeysUnavailable { .. }
            | Self::ReducedCapacity(_)
            | Self::ReplayCacheUnavailable { .. }
            | Self::RevocationsUnavailable { .. }
            | Self::SessionStoreUnavailable { .. }
            | Self::UsersUnavailable { .. } => Some(EventKind::StoreUnavailable),
            // 401: every client may send a request without a credential, and browsers do.
            Self::CredentialsMissing
            // 401: only the app knows the account of a failed login, and emits its event.
            | Self::InvalidCredentials
            // 404 and 422: values of a user who may use the route.
            | Self::InvalidApiKeySettings(_)
            | Self::SessionNotFound
            // 500: a mistake of the app, which is logged with its remedy.
            | Self::AddressNotForwarded
            | Self::AddressUnknown
            | Self::AuthLayerMissing { .. }
            | Self::ClaimsMismatch
            | Self::NonceMissing
            | Self::NotRevocable
            | Self::OneTimeTokenMisuse { .. }
            | Self::OpenRoute { .. }
            | Self::PasswordHistoryTooLong { .. }
            | Self::RateLimitMissing { .. }
            | Self::SessionChangeInvalid
            | Self::SessionLayerMissing
            | Self::TrustedProxiesMissing { .. } => None,
        }
    }
}
