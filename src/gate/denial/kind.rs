//! `DenialKind`: the reasons to reject a request.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use crate::context::{Credential, Scopes, Tier};
use crate::error::ConfigError;
use crate::gate::denial::causes::{AccountRefusal, CredentialError};
use crate::gate::denial::password_problem::PasswordProblem;
use crate::gate::required_names::RequiredNames;
use crate::gate::token_error::TokenError;
use crate::gate::violation::Violation;

/// The reasons to reject a request, each with its status.
///
/// A reason with data of its own has named fields, and may get more of them. To create one, call the method with the
/// name of the variant: `DenialKind::insufficient_scope(scopes)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialKind {
    /// 429: the subject is blocked because it exceeded a rate limit.
    AbnormalUsage(Violation),
    /// 403: the credential is valid, but the user's account is rejected.
    AccountRefused(AccountRefusal),
    /// 500: the client's address is needed, the connection has none, and the trusted proxy forwarded none.
    AddressNotForwarded,
    /// 403: requests from the client's address are not allowed, for example with this API key.
    #[non_exhaustive]
    #[doc(alias("403", "allow list", "forbidden", "ip"))]
    AddressRefused {
        /// The client's address; `None` if it is unknown. The response does not have it.
        address: Option<IpAddr>,
    },
    /// 500: the client's address is needed, and the server did not provide that of the connection.
    AddressUnknown,
    /// 503: the store of API keys is unavailable, or too many keys are being looked up.
    #[non_exhaustive]
    #[doc(alias = "503")]
    ApiKeyStoreUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 500: a layer or extractor needs an outer layer that authenticates, and none ran.
    #[non_exhaustive]
    #[doc(alias = "500")]
    AuthLayerMissing {
        /// The layer or extractor.
        required_by: &'static str,
    },
    /// 503: it cannot be checked at present whether a new password was breached, and the app requires the check.
    #[non_exhaustive]
    #[doc(alias = "503")]
    BreachCheckUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 500: a handler extracts claims of a type that no token's claims fit.
    ClaimsMismatch,
    /// 403: a client acts on its own behalf, and only users are admitted.
    #[doc(alias("403", "forbidden", "service account"))]
    ClientNotAllowed,
    /// 403: the kind of credential is not accepted.
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    CredentialNotAccepted {
        /// The names of the kinds that the layer or check accepts. Empty if it accepts all kinds but some.
        accepted: RequiredNames,
        /// The kind of credential in the request.
        credential: Credential,
    },
    /// 401: the request carries no credential (RFC 6750 §3.1).
    #[doc(alias("401", "unauthorized"))]
    CredentialsMissing,
    /// 403: a page of another site caused the request, or it does not say which page did; see [`Csrf`](crate::Csrf).
    #[non_exhaustive]
    #[doc(alias("403", "csrf", "forbidden"))]
    CrossSite {
        /// The value of `Origin`; `None` if there is none. The response does not have it.
        origin: Option<HeaderValue>,
    },
    /// 403: the request has no valid CSRF token; see [`CsrfForm`](crate::session::CsrfForm).
    #[doc(alias("403", "csrf", "forbidden"))]
    CsrfTokenInvalid,
    /// 403: the user's email address is not verified, according to the credential or the user loader.
    #[doc(alias("403", "forbidden"))]
    EmailNotVerified,
    /// 401: the user must authenticate again, or with a further factor (RFC 9470 §3).
    #[non_exhaustive]
    #[doc(alias("401", "mfa", "step-up", "unauthorized"))]
    InsufficientAuthentication {},
    /// 403: the token does not have a required authorization detail (RFC 9396).
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    InsufficientAuthorizationDetails {
        /// The `type` of the authorization detail.
        required: &'static str,
    },
    /// 403: a handler extracts claims that the credential does not have. Only tokens have claims.
    #[doc(alias("403", "forbidden"))]
    InsufficientClaims,
    /// 403: the user does not have the required permissions.
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    InsufficientPermission {
        /// The permissions of the layer or check, as `action:resource`.
        required: RequiredNames,
    },
    /// 403: the user does not have the required roles.
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    InsufficientRole {
        /// The names of the roles of the layer or check.
        required: RequiredNames,
    },
    /// 403: the token or other credential does not have the required scopes (RFC 6750 §3.1).
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    InsufficientScope {
        /// The scopes of the layer or check.
        required: Scopes,
    },
    /// 403: the user's tier is too low.
    #[non_exhaustive]
    #[doc(alias("403", "forbidden"))]
    InsufficientTier {
        /// The lowest tier that is admitted.
        required: Tier,
    },
    /// 422: a setting of an API key to create or change is invalid. The response names it.
    #[doc(alias("422", "unprocessable"))]
    InvalidApiKeySettings(ConfigError),
    /// 401: a credential that is no token is invalid, for example an API key that is unknown, expired or revoked.
    #[doc(alias("401", "unauthorized"))]
    InvalidCredential,
    /// 401: the account or the password of a login is wrong. The response is the same for an unknown account.
    #[doc(alias("401", "login", "unauthorized"))]
    InvalidCredentials,
    /// 503: the authorization server that is asked about tokens is unavailable, or is being asked about too many.
    #[non_exhaustive]
    IntrospectionUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 400: the request's credential is malformed, or there are several (RFC 6750 §3.1).
    #[doc(alias = "400")]
    InvalidRequest(CredentialError),
    /// 400: a one-time token, for example of a reset link, is invalid, expired or redeemed, or the account has changed.
    #[doc(alias("400", "bad request"))]
    InvalidOneTimeToken,
    /// 401: the token is invalid (RFC 6750 §3.1).
    #[doc(alias("401", "unauthorized"))]
    InvalidToken(TokenError),
    /// 503: the issuer's keys are unavailable.
    #[non_exhaustive]
    #[doc(alias = "503")]
    KeysUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 500: a handler extracts a nonce, and no content security policy has one.
    NonceMissing,
    /// 403: the resource belongs to another user.
    #[doc(alias("403", "forbidden"))]
    NotOwner,
    /// 500: a handler revokes a credential of a user that has no issuer or id to revoke it by.
    NotRevocable,
    /// 500: a handler uses one-time tokens in a way that would make them unsafe, for example with an empty state.
    #[non_exhaustive]
    #[doc(alias = "500")]
    OneTimeTokenMisuse {
        /// The mistake, with its remedy.
        mistake: &'static str,
    },
    /// 500: a layer or extractor requires a user on a route that
    /// [`StackBuilder::open`](crate::stack::StackBuilder::open) names, where no credential is read.
    #[non_exhaustive]
    OpenRoute {
        /// The layer or extractor.
        required_by: &'static str,
    },
    /// 503: too many passwords are being hashed. The caller is not at fault, so limits that count failures do not count
    /// the request.
    #[non_exhaustive]
    #[doc(alias = "503")]
    Overloaded {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 500: a handler compares a new password with more previous ones than the settings allow.
    #[non_exhaustive]
    #[doc(alias = "500")]
    PasswordHistoryTooLong {
        /// The maximum number of previous passwords.
        max: usize,
    },
    /// 422: a new password is rejected. The response has all reasons.
    #[non_exhaustive]
    #[doc(alias("422", "unprocessable"))]
    PasswordRejected {
        /// The reasons, at least one.
        problems: Vec<PasswordProblem>,
    },
    /// 429: a rate limit is exceeded.
    #[doc(alias("429", "too many requests"))]
    QuotaExceeded(Violation),
    /// 403: the request does not carry what the rate limit's key needs, for example an API key.
    RateLimitKeyMissing,
    /// 500: a handler extracts the status of a rate limit, and no rate limit counted the request.
    #[non_exhaustive]
    RateLimitMissing {
        /// The extractor.
        required_by: &'static str,
    },
    /// 503: the store of a rate limit is unavailable, and the limit fails closed or grants only a part of its quota.
    #[doc(alias = "503")]
    ReducedCapacity(Violation),
    /// 503: it is not known at present whether a one-time token was redeemed.
    #[non_exhaustive]
    #[doc(alias = "503")]
    ReplayCacheUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 503: it is not known at present which credentials are revoked.
    #[non_exhaustive]
    #[doc(alias = "503")]
    RevocationsUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 500: a handler changes a session after the response was sent, or logs in a user without an id or
    /// with values of more than 4 KiB.
    #[doc(alias = "500")]
    SessionChangeInvalid,
    /// 500: a handler extracts a `Session`, and no `SessionAuth` layer ran.
    #[doc(alias = "500")]
    SessionLayerMissing,
    /// 404: the user has no session with this id.
    #[doc(alias("404", "not found"))]
    SessionNotFound,
    /// 503: the store of sessions is unavailable, or too many sessions are being looked up.
    #[non_exhaustive]
    #[doc(alias = "503")]
    SessionStoreUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// 403: the user has as many sessions as allowed.
    #[doc(alias("403", "forbidden"))]
    TooManySessions,
    /// 500: the client's address is needed, and no [`TrustedProxies`](crate::TrustedProxies) layer looked for it.
    #[non_exhaustive]
    TrustedProxiesMissing {
        /// The layer or extractor.
        required_by: &'static str,
    },
    /// 503: the user loader is unavailable.
    #[non_exhaustive]
    #[doc(alias = "503")]
    UsersUnavailable {
        /// The time after which to retry.
        retry_after: Duration,
    },
}
