//! The code of a `Denial`: a stable name of the reason, for programs.

use crate::gate::denial::{AccountRefusal, CredentialError, Denial, DenialKind};
use crate::gate::token_error::TokenError;

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
    /// body, `error-code` of a gRPC response, and `kind` in the log.
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
        match self {
            Self::AbnormalUsage(_) => "abnormal_usage",
            Self::AccountRefused(AccountRefusal::Inactive) => "account_inactive",
            Self::AccountRefused(AccountRefusal::Locked) => "account_locked",
            Self::AccountRefused(AccountRefusal::Other { .. }) => "account_refused",
            Self::AccountRefused(AccountRefusal::Unverified) => "account_unverified",
            Self::AddressRefused { .. } => "address_refused",
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
            | Self::TrustedProxiesMissing { .. } => "server_misconfigured",
            Self::ApiKeyStoreUnavailable { .. } => "api_key_store_unavailable",
            Self::BreachCheckUnavailable { .. } => "breach_check_unavailable",
            Self::ClientNotAllowed => "client_not_allowed",
            Self::CredentialNotAccepted { .. } => "credential_not_accepted",
            Self::CredentialsMissing => "credentials_missing",
            Self::CrossSite { .. } => "cross_site",
            Self::CsrfTokenInvalid => "csrf_token_invalid",
            Self::EmailNotVerified => "email_not_verified",
            Self::InsufficientAuthorizationDetails { .. } => "insufficient_authorization_details",
            Self::InsufficientClaims => "insufficient_claims",
            Self::InsufficientPermission { .. } => "insufficient_permission",
            Self::InsufficientRole { .. } => "insufficient_role",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::InsufficientTier { .. } => "insufficient_tier",
            Self::InvalidApiKeySettings(_) => "api_key_settings_invalid",
            Self::InvalidCredential => "credential_invalid",
            Self::InvalidOneTimeToken => "one_time_token_invalid",
            Self::InvalidCredentials => "login_failed",
            Self::InvalidRequest(CredentialError::Malformed) => "credential_malformed",
            Self::InvalidRequest(CredentialError::Multiple) => "credential_repeated",
            Self::IntrospectionUnavailable { .. } => "introspection_unavailable",
            Self::InvalidToken(error) => error.code(),
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::NotOwner => "not_owner",
            Self::Overloaded { .. } => "overloaded",
            Self::PasswordRejected { .. } => "password_rejected",
            Self::QuotaExceeded(_) => "quota_exceeded",
            Self::RateLimitKeyMissing => "rate_limit_key_missing",
            Self::ReducedCapacity(_) => "reduced_capacity",
            Self::ReplayCacheUnavailable { .. } => "replay_cache_unavailable",
            Self::RevocationsUnavailable { .. } => "revocations_unavailable",
            Self::SessionNotFound => "session_not_found",
            Self::SessionStoreUnavailable { .. } => "session_store_unavailable",
            Self::TooManySessions => "too_many_sessions",
            Self::UsersUnavailable { .. } => "users_unavailable",
        }
    }
}

impl TokenError {
    /// Returns the code of the reason, which begins with `token_`.
    fn code(&self) -> &'static str {
        match self {
            Self::Algorithm => "token_algorithm_not_allowed",
            Self::Audience => "token_audience_mismatch",
            Self::Charset => "token_character_invalid",
            Self::ClaimInvalid { .. } => "token_claim_invalid",
            Self::ClaimMismatch { .. } => "token_claim_mismatch",
            Self::ClaimMissing { .. } => "token_claim_missing",
            Self::Claims => "token_payload_malformed",
            Self::Confirmation => "token_sender_constrained",
            Self::Critical => "token_extension_unsupported",
            Self::Encoding => "token_encoding_invalid",
            Self::Encrypted => "token_encrypted",
            Self::Expired => "token_expired",
            Self::Header => "token_header_malformed",
            Self::Inactive => "token_inactive",
            Self::IssuedInFuture => "token_issued_in_future",
            Self::Issuer => "token_issuer_untrusted",
            Self::Key => "token_key_unknown",
            Self::Lifetime => "token_lifetime_too_long",
            Self::Nested => "token_nested",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Revoked => "token_revoked",
            Self::Segments => "token_segments_invalid",
            Self::Signature => "token_signature_invalid",
            Self::TooLong => "token_too_long",
            Self::Type => "token_type_mismatch",
            Self::User => "token_user_unknown",
        }
    }
}
