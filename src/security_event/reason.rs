//! `Reason`: why something was rejected, failed or ended, as a closed list.

use std::fmt;

/// Why something was rejected, failed or ended.
///
/// A reason has no data, so it may be the label of a metric. Those of rejections are the
/// [codes](crate::_guide::recipes::error_bodies#codes) of [`DenialKind`](crate::gate::DenialKind).
///
/// ```
/// use portcullis::security_event::Reason;
///
/// assert_eq!(Reason::PasswordWrong.code(), "password_wrong");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The caller is blocked because it exceeded a rate limit.
    AbnormalUsage,
    /// The account is closed or suspended.
    AccountInactive,
    /// The account is locked.
    AccountLocked,
    /// The app rejects the account for a reason of its own.
    AccountRefused,
    /// There is no such account.
    AccountUnknown,
    /// The account is not verified yet.
    AccountUnverified,
    /// Requests from the client's address are not allowed.
    AddressRefused,
    /// The client's address has a bad reputation.
    AddressReputation,
    /// A setting of an API key is invalid.
    ApiKeySettingsInvalid,
    /// The store of API keys is unavailable.
    ApiKeyStoreUnavailable,
    /// The OpenID provider logged the user out.
    BackChannelLogout,
    /// It is not known whether a new password is in a breach.
    BreachCheckUnavailable,
    /// The client of a session changed, and the app ended the session.
    ClientChanged,
    /// A client acts on its own behalf, and only users are admitted.
    ClientNotAllowed,
    /// A one-time code was used a second time.
    CodeReplayed,
    /// A one-time code, or the code of a second factor, is wrong.
    CodeWrong,
    /// An API key, a password, a session or another credential that is no token is invalid.
    CredentialInvalid,
    /// The credential is malformed.
    CredentialMalformed,
    /// The kind of credential is not accepted.
    CredentialNotAccepted,
    /// The request has several credentials.
    CredentialRepeated,
    /// The request has no credential.
    CredentialsMissing,
    /// A page of another site caused the request.
    CrossSite,
    /// The CSRF token of a form is invalid.
    CsrfTokenInvalid,
    /// The user's email address is not verified.
    EmailNotVerified,
    /// There were failed attempts before.
    FailedAttempts,
    /// The stored hash is missing or cannot be used.
    HashUnusable,
    /// The user must authenticate again, or with a further factor.
    InsufficientAuthentication,
    /// The token does not have a required authorization detail.
    InsufficientAuthorizationDetails,
    /// The credential does not have the required claims.
    InsufficientClaims,
    /// The user does not have a required permission.
    InsufficientPermission,
    /// The user does not have a required role.
    InsufficientRole,
    /// The credential does not have a required scope.
    InsufficientScope,
    /// The user's tier is too low.
    InsufficientTier,
    /// The authorization server is unavailable.
    IntrospectionUnavailable,
    /// The response of a service is invalid.
    InvalidResponse,
    /// The issuer's keys are unavailable.
    KeysUnavailable,
    /// The user logged out.
    LoggedOut,
    /// The account or the password is wrong.
    LoginFailed,
    /// The user logged in again in the same browser.
    LoginReplaced,
    /// The resource belongs to another user.
    NotOwner,
    /// A one-time token is invalid, expired or redeemed, or the account has changed.
    OneTimeTokenInvalid,
    /// Too many passwords are being hashed.
    Overloaded,
    /// A new password is in a known breach.
    PasswordBreached,
    /// A new password is common.
    PasswordCommon,
    /// A new password is made of the user's name, or of another word that can be guessed.
    PasswordContext,
    /// A new password has a character that is not allowed.
    PasswordInvalid,
    /// A new password is rejected.
    PasswordRejected,
    /// A new password was used before.
    PasswordReused,
    /// A new password is too long.
    PasswordTooLong,
    /// A new password is too short.
    PasswordTooShort,
    /// The password is wrong.
    PasswordWrong,
    /// The queue is full.
    QueueFull,
    /// A rate limit is exceeded.
    QuotaExceeded,
    /// The request does not have what a rate limit counts by.
    RateLimitKeyMissing,
    /// The store of a rate limit is unavailable.
    ReducedCapacity,
    /// It is not known whether a one-time token was redeemed.
    ReplayCacheUnavailable,
    /// It is not known which credentials are revoked.
    RevocationsUnavailable,
    /// The app, or the user, revoked it.
    RevokedByApp,
    /// The user has no second factor.
    SecondFactorMissing,
    /// The app is misconfigured.
    ServerMisconfigured,
    /// The user has more sessions than allowed, and the oldest one ended.
    SessionLimit,
    /// The user has no such session.
    SessionNotFound,
    /// The store of sessions is unavailable.
    SessionStoreUnavailable,
    /// The identity provider sent a security event.
    SharedSignal,
    /// The account has changed since the token was issued.
    StateChanged,
    /// A service, or a function of the app, took too long.
    TimedOut,
    /// The token's algorithm is not allowed.
    TokenAlgorithmNotAllowed,
    /// The token is for another audience.
    TokenAudienceMismatch,
    /// The token has an invalid character.
    TokenCharacterInvalid,
    /// A claim of the token is invalid.
    TokenClaimInvalid,
    /// A claim of the token does not have a required value.
    TokenClaimMismatch,
    /// The token does not have a required claim.
    TokenClaimMissing,
    /// The token is not valid base64url.
    TokenEncodingInvalid,
    /// The token is encrypted.
    TokenEncrypted,
    /// The token has expired.
    TokenExpired,
    /// The token has an extension that is not supported.
    TokenExtensionUnsupported,
    /// The token's header is malformed.
    TokenHeaderMalformed,
    /// The token is not active.
    TokenInactive,
    /// The token was issued in the future.
    TokenIssuedInFuture,
    /// The token's issuer is not trusted.
    TokenIssuerUntrusted,
    /// The token's key is unknown.
    TokenKeyUnknown,
    /// The token is valid for too long.
    TokenLifetimeTooLong,
    /// The token contains another token.
    TokenNested,
    /// The token is not valid yet.
    TokenNotYetValid,
    /// The token's payload is malformed.
    TokenPayloadMalformed,
    /// The token was revoked.
    TokenRevoked,
    /// The token does not have three segments.
    TokenSegmentsInvalid,
    /// The token is bound to a key of its client.
    TokenSenderConstrained,
    /// The token's signature is invalid.
    TokenSignatureInvalid,
    /// The token is too long.
    TokenTooLong,
    /// The token is of another type.
    TokenTypeMismatch,
    /// The token's user is unknown.
    TokenUserUnknown,
    /// The user has as many sessions as allowed.
    TooManySessions,
    /// A service, or a function of the app, failed.
    Unavailable,
    /// The device is unknown.
    UnknownDevice,
    /// The location is unusual.
    UnusualLocation,
    /// The time is unusual.
    UnusualTime,
    /// The user loader is unavailable.
    UsersUnavailable,
}

/// Writes the table: each reason once, in the order of the enum.
macro_rules! table {
    ($($reason:ident: $code:literal;)*) => {
        impl Reason {
            /// All reasons.
            pub(super) const ALL: &[Self] = &[$(Self::$reason),*];

            /// Returns the code, for example `token_expired`. It never changes.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$reason => $code,)*
                }
            }
        }
    };
}

table! {
    AbnormalUsage: "abnormal_usage";
    AccountInactive: "account_inactive";
    AccountLocked: "account_locked";
    AccountRefused: "account_refused";
    AccountUnknown: "account_unknown";
    AccountUnverified: "account_unverified";
    AddressRefused: "address_refused";
    AddressReputation: "address_reputation";
    ApiKeySettingsInvalid: "api_key_settings_invalid";
    ApiKeyStoreUnavailable: "api_key_store_unavailable";
    BackChannelLogout: "back_channel_logout";
    BreachCheckUnavailable: "breach_check_unavailable";
    ClientChanged: "client_changed";
    ClientNotAllowed: "client_not_allowed";
    CodeReplayed: "code_replayed";
    CodeWrong: "code_wrong";
    CredentialInvalid: "credential_invalid";
    CredentialMalformed: "credential_malformed";
    CredentialNotAccepted: "credential_not_accepted";
    CredentialRepeated: "credential_repeated";
    CredentialsMissing: "credentials_missing";
    CrossSite: "cross_site";
    CsrfTokenInvalid: "csrf_token_invalid";
    EmailNotVerified: "email_not_verified";
    FailedAttempts: "failed_attempts";
    HashUnusable: "hash_unusable";
    InsufficientAuthentication: "insufficient_authentication";
    InsufficientAuthorizationDetails: "insufficient_authorization_details";
    InsufficientClaims: "insufficient_claims";
    InsufficientPermission: "insufficient_permission";
    InsufficientRole: "insufficient_role";
    InsufficientScope: "insufficient_scope";
    InsufficientTier: "insufficient_tier";
    IntrospectionUnavailable: "introspection_unavailable";
    InvalidResponse: "invalid_response";
    KeysUnavailable: "keys_unavailable";
    LoggedOut: "logged_out";
    LoginFailed: "login_failed";
    LoginReplaced: "login_replaced";
    NotOwner: "not_owner";
    OneTimeTokenInvalid: "one_time_token_invalid";
    Overloaded: "overloaded";
    PasswordBreached: "password_breached";
    PasswordCommon: "password_common";
    PasswordContext: "password_context";
    PasswordInvalid: "password_invalid";
    PasswordRejected: "password_rejected";
    PasswordReused: "password_reused";
    PasswordTooLong: "password_too_long";
    PasswordTooShort: "password_too_short";
    PasswordWrong: "password_wrong";
    QueueFull: "queue_full";
    QuotaExceeded: "quota_exceeded";
    RateLimitKeyMissing: "rate_limit_key_missing";
    ReducedCapacity: "reduced_capacity";
    ReplayCacheUnavailable: "replay_cache_unavailable";
    RevocationsUnavailable: "revocations_unavailable";
    RevokedByApp: "revoked_by_app";
    SecondFactorMissing: "second_factor_missing";
    ServerMisconfigured: "server_misconfigured";
    SessionLimit: "session_limit";
    SessionNotFound: "session_not_found";
    SessionStoreUnavailable: "session_store_unavailable";
    SharedSignal: "shared_signal";
    StateChanged: "state_changed";
    TimedOut: "timed_out";
    TokenAlgorithmNotAllowed: "token_algorithm_not_allowed";
    TokenAudienceMismatch: "token_audience_mismatch";
    TokenCharacterInvalid: "token_character_invalid";
    TokenClaimInvalid: "token_claim_invalid";
    TokenClaimMismatch: "token_claim_mismatch";
    TokenClaimMissing: "token_claim_missing";
    TokenEncodingInvalid: "token_encoding_invalid";
    TokenEncrypted: "token_encrypted";
    TokenExpired: "token_expired";
    TokenExtensionUnsupported: "token_extension_unsupported";
    TokenHeaderMalformed: "token_header_malformed";
    TokenInactive: "token_inactive";
    TokenIssuedInFuture: "token_issued_in_future";
    TokenIssuerUntrusted: "token_issuer_untrusted";
    TokenKeyUnknown: "token_key_unknown";
    TokenLifetimeTooLong: "token_lifetime_too_long";
    TokenNested: "token_nested";
    TokenNotYetValid: "token_not_yet_valid";
    TokenPayloadMalformed: "token_payload_malformed";
    TokenRevoked: "token_revoked";
    TokenSegmentsInvalid: "token_segments_invalid";
    TokenSenderConstrained: "token_sender_constrained";
    TokenSignatureInvalid: "token_signature_invalid";
    TokenTooLong: "token_too_long";
    TokenTypeMismatch: "token_type_mismatch";
    TokenUserUnknown: "token_user_unknown";
    TooManySessions: "too_many_sessions";
    Unavailable: "unavailable";
    UnknownDevice: "unknown_device";
    UnusualLocation: "unusual_location";
    UnusualTime: "unusual_time";
    UsersUnavailable: "users_unavailable";
}

impl Reason {
    /// Returns the reason with this code.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// Writes the [code](Reason::code).
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
