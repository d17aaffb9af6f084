//! `Denial`: why a request is rejected, as data.

mod causes;
pub(super) mod challenges;
mod code;
mod constructors;
mod detail;
mod log;
mod password_problem;
mod status;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use crate::context::{Credential, Realm, Scopes, Tier};
use crate::error::ConfigError;
use crate::gate::required_names::RequiredNames;
use crate::gate::token_error::TokenError;
use crate::gate::violation::Violation;

pub use causes::{AccountRefusal, CredentialError};
pub use password_problem::PasswordProblem;

/// Why a request is rejected.
///
/// A rejecting response carries it in its extensions. The `require_*` methods of a [`UserContext`](crate::UserContext)
/// return it as their error, and a custom gate turns it into a response with
/// [`Reply::denial`](crate::gate::Reply::denial).
///
/// ```
/// use portcullis::context::Realm;
/// use portcullis::gate::{Denial, DenialKind, TokenError};
///
/// let kind = DenialKind::InvalidToken(TokenError::Expired);
/// let denial = Denial::new(kind, Realm::new("api"));
/// assert_eq!(denial.status(), 401);
/// assert_eq!(denial.code(), "token_expired");
/// assert_eq!(denial.error(), Some("invalid_token"));
/// assert_eq!(denial.detail(), "the token has expired");
/// let challenge = "Bearer realm=\"api\", error=\"invalid_token\", \
///                  error_description=\"the token has expired\"";
/// assert!(denial.challenges().eq([challenge]));
/// ```
///
/// It says whose fault the rejection is. 400, 401, 403, 422 and 429 are the caller's, 500 is the app's, and 503 means
/// that a service behind the app is unavailable. An outage never looks like an invalid credential or an exceeded quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    kind: DenialKind,
    realm: Realm,
    /// The schemes of other gates, by which the caller may authenticate instead.
    alternatives: Option<Realm>,
    /// Whether a script has sent the request, so that a challenge for `Basic` would open a dialog over its page.
    is_of_script: bool,
}

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

impl Denial {
    /// Creates a denial; `realm` is the protection space that its challenges name, with its schemes.
    #[must_use]
    pub fn new(kind: DenialKind, realm: Realm) -> Self {
        Self { kind, realm, alternatives: None, is_of_script: false }
    }

    /// Returns the reason.
    ///
    /// Match on it to react to certain reasons. New ones may be added, so keep the default for all others:
    ///
    /// ```
    /// use portcullis::context::Realm;
    /// use portcullis::gate::{Denial, DenialKind, TokenError};
    ///
    /// fn text(denial: &Denial) -> String {
    ///     match denial.kind() {
    ///         DenialKind::InvalidToken(TokenError::Expired) => {
    ///             "please log in again".to_owned()
    ///         }
    ///         DenialKind::InsufficientTier { required, .. } => {
    ///             format!("upgrade to {}", required.name())
    ///         }
    ///         _ => denial.detail().into_owned(),
    ///     }
    /// }
    ///
    /// let kind = DenialKind::InvalidToken(TokenError::Expired);
    /// let expired = Denial::new(kind, Realm::default());
    /// assert_eq!(text(&expired), "please log in again");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &DenialKind {
        &self.kind
    }

    /// Returns the protection space that the challenges name.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// Whether the request has no valid credential.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        matches!(
            self.kind,
            DenialKind::CredentialsMissing | DenialKind::InvalidCredential | DenialKind::InvalidToken(_)
        )
    }

    /// Returns the error code of RFC 6750 §3.1, if one applies: `invalid_request`, `invalid_token` or
    /// `insufficient_scope`.
    ///
    /// `insufficient_scope` stands for every missing privilege, because the RFC has no other code. Without a
    /// credential, there is no error code. [`code`](Self::code) distinguishes all reasons.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        match self.kind {
            DenialKind::InvalidRequest(_) => Some("invalid_request"),
            DenialKind::InvalidCredential | DenialKind::InvalidToken(_) => Some("invalid_token"),
            // RFC 9396 registers no code for missing authorization details.
            DenialKind::InsufficientAuthorizationDetails { .. }
            | DenialKind::InsufficientPermission { .. }
            | DenialKind::InsufficientRole { .. }
            | DenialKind::InsufficientScope { .. }
            | DenialKind::InsufficientTier { .. } => Some("insufficient_scope"),
            _ => None,
        }
    }

    /// Returns the time after which to retry, for a rate limit or an outage.
    ///
    /// In whole seconds, rounded up and at least 1, so that a caller who waits that long is not too early.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let wait = match self.kind {
            DenialKind::ApiKeyStoreUnavailable { retry_after }
            | DenialKind::BreachCheckUnavailable { retry_after }
            | DenialKind::IntrospectionUnavailable { retry_after }
            | DenialKind::KeysUnavailable { retry_after }
            | DenialKind::Overloaded { retry_after }
            | DenialKind::ReplayCacheUnavailable { retry_after }
            | DenialKind::RevocationsUnavailable { retry_after }
            | DenialKind::SessionStoreUnavailable { retry_after }
            | DenialKind::UsersUnavailable { retry_after } => retry_after,
            _ => self.violation()?.retry_after?,
        };
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Some(Duration::from_secs(seconds.max(1)))
    }

    /// Returns the rate limits that reject the request; `None` if the reason is another.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match &self.kind {
            DenialKind::AbnormalUsage(violation)
            | DenialKind::QuotaExceeded(violation)
            | DenialKind::ReducedCapacity(violation) => Some(violation),
            _ => None,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail())
    }
}

impl Error for Denial {}
