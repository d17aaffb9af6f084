//! The code of a `Denial`: a stable name of the reason, for programs.

use crate::gate::denial::{AccountRefusal, CredentialError, Denial, DenialKind};
use crate::gate::token_error::TokenError;
use crate::security_event::Reason;

impl Denial {
    /// Returns the stable code of the reason; see [`DenialKind::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl DenialKind {
    /// Returns the stable code of the reason, for example `token_expired`.
    ///
    /// The codes are a closed list, which the guide [documents](crate::_guide::recipes::error_bodies#codes). A code
    /// never changes its name or its meaning; a new reason may get a new code. The code is the member `code` of the
    /// body, `error-code` of a gRPC response, and `reason` of a [security
    /// event](crate::security_event).
    ///
    /// ```
    /// use portcullis::gate::{DenialKind, TokenError};
    ///
    /// let expired = DenialKind::InvalidToken(TokenError::Expired);
    /// assert_eq!(expired.code(), "token_expired");
    /// let forged = DenialKind::InvalidToken(TokenError::Signature);
    /// assert_eq!(forged.code(), "token_signature_invalid");
    /// ```
    ///
    /// All mistakes of the app (500) have the code `server_misconfigured`, because a caller can do nothing about them.
    /// The log has the cause.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason().code()
    }

    /// Returns the reason, as in a [`SecurityEvent`](crate::security_event::SecurityEvent).
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::AbnormalUsage(_) => Reason::AbnormalUsage,
            Self::AccountRefused(AccountRefusal::Inactive) => Reason::AccountInactive,
            Self::AccountRefused(AccountRefusal::Locked) => Reason::AccountLocked,
            Self::AccountRefused(AccountRefusal::Other { .. }) => Reason::AccountRefused,
            Self::AccountRefused(AccountRefusal::Unverified) => Reason::AccountUnverified,
            Self::AddressRefused { .. } => Reason::AddressRefused,
            Self::AddressNotForwarded
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
            | Self::TrustedProxiesMissing { .. } => Reason::ServerMisconfigured,
            Self::ApiKeyStoreUnavailable { .. } => Reason::ApiKeyStoreUnavailable,
            Self::BreachCheckUnavailable { .. } => Reason::BreachCheckUnavailable,
            Self::ClientNotAllowed => Reason::ClientNotAllowed,
            Self::CredentialNotAccepted { .. } => Reason::CredentialNotAccepted,
            Self::CredentialsMissing => Reason::CredentialsMissing,
            Self::CrossSite { .. } => Reason::CrossSite,
            Self::CsrfTokenInvalid => Reason::CsrfTokenInvalid,
            Self::EmailNotVerified => Reason::EmailNotVerified,
            Self::InsufficientAuthentication { .. } => Reason::InsufficientAuthentication,
            Self::InsufficientAuthorizationDetails { .. } => Reason::InsufficientAuthorizationDetails,
            Self::InsufficientClaims => Reason::InsufficientClaims,
            Self::InsufficientPermission { .. } => Reason::InsufficientPermission,
            Self::InsufficientRole { .. } => Reason::InsufficientRole,
            Self::InsufficientScope { .. } => Reason::InsufficientScope,
            Self::InsufficientTier { .. } => Reason::InsufficientTier,
            Self::InvalidApiKeySettings(_) => Reason::ApiKeySettingsInvalid,
            Self::InvalidCredential => Reason::CredentialInvalid,
            Self::InvalidCredentials => Reason::LoginFailed,
            Self::InvalidOneTimeToken => Reason::OneTimeTokenInvalid,
            Self::InvalidRequest(CredentialError::Malformed) => Reason::CredentialMalformed,
            Self::InvalidRequest(CredentialError::Multiple) => Reason::CredentialRepeated,
            Self::IntrospectionUnavailable { .. } => Reason::IntrospectionUnavailable,
            Self::InvalidToken(error) => error.reason(),
            Self::KeysUnavailable { .. } => Reason::KeysUnavailable,
            Self::NotOwner => Reason::NotOwner,
            Self::Overloaded { .. } => Reason::Overloaded,
            Self::PasswordRejected { .. } => Reason::PasswordRejected,
            Self::QuotaExceeded(_) => Reason::QuotaExceeded,
            Self::RateLimitKeyMissing => Reason::RateLimitKeyMissing,
            Self::ReducedCapacity(_) => Reason::ReducedCapacity,
            Self::ReplayCacheUnavailable { .. } => Reason::ReplayCacheUnavailable,
            Self::RevocationsUnavailable { .. } => Reason::RevocationsUnavailable,
            Self::SessionNotFound => Reason::SessionNotFound,
            Self::SessionStoreUnavailable { .. } => Reason::SessionStoreUnavailable,
            Self::TooManySessions => Reason::TooManySessions,
            Self::UsersUnavailable { .. } => Reason::UsersUnavailable,
        }
    }
}

impl TokenError {
    /// Returns the reason, whose code begins with `token_`.
    fn reason(&self) -> Reason {
        match self {
            Self::Algorithm => Reason::TokenAlgorithmNotAllowed,
            Self::Audience => Reason::TokenAudienceMismatch,
            Self::Charset => Reason::TokenCharacterInvalid,
            Self::ClaimInvalid { .. } => Reason::TokenClaimInvalid,
            Self::ClaimMismatch { .. } => Reason::TokenClaimMismatch,
            Self::ClaimMissing { .. } => Reason::TokenClaimMissing,
            Self::Claims => Reason::TokenPayloadMalformed,
            Self::Confirmation => Reason::TokenSenderConstrained,
            Self::Critical => Reason::TokenExtensionUnsupported,
            Self::Encoding => Reason::TokenEncodingInvalid,
            Self::Encrypted => Reason::TokenEncrypted,
            Self::Expired => Reason::TokenExpired,
            Self::Header => Reason::TokenHeaderMalformed,
            Self::Inactive => Reason::TokenInactive,
            Self::IssuedInFuture => Reason::TokenIssuedInFuture,
            Self::Issuer => Reason::TokenIssuerUntrusted,
            Self::Key => Reason::TokenKeyUnknown,
            Self::Lifetime => Reason::TokenLifetimeTooLong,
            Self::Nested => Reason::TokenNested,
            Self::NotYetValid => Reason::TokenNotYetValid,
            Self::Revoked => Reason::TokenRevoked,
            Self::Segments => Reason::TokenSegmentsInvalid,
            Self::Signature => Reason::TokenSignatureInvalid,
            Self::TooLong => Reason::TokenTooLong,
            Self::Type => Reason::TokenTypeMismatch,
            Self::User => Reason::TokenUserUnknown,
        }
    }
}
