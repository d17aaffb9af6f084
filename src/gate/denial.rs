//! `Denial`: why a request is refused, as data.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::context::{Realm, Scopes, Tier};
use crate::field::challenge::Challenge;
use crate::gate::TokenError;

/// Why a request is refused: in the extensions of the refusing response, and what the checks of a
/// [`UserContext`](crate::UserContext) return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    kind: DenialKind,
    realm: Realm,
}

/// The reasons for a refusal, each with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialKind {
    /// 429: the subject is blocked, for having gone over a limit.
    AbnormalUsage(Violation),
    /// 500: the client's address is asked for, and the server told no peer.
    AddressUnknown,
    /// 500: the handler asks for claims of a type that the token's claims are not.
    ClaimsMismatch,
    /// 401: no credential was presented (RFC 6750 §3.1).
    CredentialsMissing,
    /// 500: the named gate or extractor stands where no authenticating gate ran before it.
    GateMissing(&'static str),
    /// 500: a handler asks what a limit has left, and none was counted.
    LimitMissing(&'static str),
    /// 403: the user lacks a permission that is needed; those that were asked for, as `action:resource`.
    InsufficientPermission(Box<[Box<str>]>),
    /// 403: the user lacks a role that is needed; the names of those that were asked for.
    InsufficientRole(Box<[Box<str>]>),
    /// 403: the token lacks a scope that is needed; all that are needed (RFC 6750 §3.1).
    InsufficientScope(Scopes),
    /// 403: the user's tier is below this one.
    InsufficientTier(Tier),
    /// 400: the request's credential is malformed or repeated (RFC 6750 §3.1).
    InvalidRequest(RequestFault),
    /// 401: the token is not accepted (RFC 6750 §3.1).
    InvalidToken(TokenError),
    /// 503: the issuer's keys cannot be had; when to try again.
    KeysUnavailable(Duration),
    /// 500: a handler asks for a nonce, and no content security policy has one.
    NonceMissing,
    /// 429: more units are asked for than the limit has left.
    QuotaExceeded(Violation),
    /// 503: the counts of a limit cannot be had, or only a share of the limit is given out meanwhile.
    ReducedCapacity(Violation),
    /// 403: nothing in the request tells whose limit to count.
    SubjectMissing,
    /// 403: the token is good, but its user is refused.
    UserRefused(AccountRefusal),
    /// 503: the source of users cannot be asked; when to try again.
    UsersUnavailable(Duration),
}

/// What is wrong with how a credential was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestFault {
    /// The credential is not one word after its scheme (RFC 6750 §2.1).
    Malformed,
    /// There is more than one credential, or one in two places (RFC 6750 §2).
    Repeated,
}

/// Why a user is refused although their token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountRefusal {
    /// The account was closed or suspended.
    Inactive,
    /// The account is locked.
    Locked,
    /// For a reason of the app's own, told to the caller: one sentence without a full stop.
    Other(&'static str),
    /// The account is not verified yet.
    Unverified,
}

/// Which limits refuse, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    policies: Box<[Box<str>]>,
    retry_after: Option<Duration>,
}

impl Violation {
    /// These limits refuse, for this long; `None`: a request of such a cost never fits.
    pub fn new(policies: impl IntoIterator<Item: Into<Box<str>>>, retry_after: Option<Duration>) -> Self {
        Self { policies: policies.into_iter().map(Into::into).collect(), retry_after }
    }

    /// The names of the limits.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|name| &**name)
    }
}

impl Denial {
    /// A refusal for this reason, with the realm that its challenge is to name.
    #[must_use]
    pub fn new(kind: DenialKind, realm: Realm) -> Self {
        Self { kind, realm }
    }

    /// The reason.
    #[must_use]
    pub fn kind(&self) -> &DenialKind {
        &self.kind
    }

    /// The status: the caller's fault is 400, 401, 403 or 429, the app's 500, an outage behind it 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            DenialKind::AbnormalUsage(_) | DenialKind::QuotaExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
            DenialKind::InvalidRequest(_) => StatusCode::BAD_REQUEST,
            DenialKind::CredentialsMissing | DenialKind::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            DenialKind::InsufficientPermission(_)
            | DenialKind::InsufficientRole(_)
            | DenialKind::InsufficientScope(_)
            | DenialKind::InsufficientTier(_)
            | DenialKind::SubjectMissing
            | DenialKind::UserRefused(_) => StatusCode::FORBIDDEN,
            DenialKind::AddressUnknown
            | DenialKind::ClaimsMismatch
            | DenialKind::GateMissing(_)
            | DenialKind::LimitMissing(_)
            | DenialKind::NonceMissing => StatusCode::INTERNAL_SERVER_ERROR,
            DenialKind::KeysUnavailable(_) | DenialKind::ReducedCapacity(_) | DenialKind::UsersUnavailable(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The error code of RFC 6750 §3.1, where one applies.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        match self.kind {
            DenialKind::InvalidRequest(_) => Some("invalid_request"),
            DenialKind::InvalidToken(_) => Some("invalid_token"),
            DenialKind::InsufficientPermission(_)
            | DenialKind::InsufficientRole(_)
            | DenialKind::InsufficientScope(_)
            | DenialKind::InsufficientTier(_) => Some("insufficient_scope"),
            _ => None,
        }
    }

    /// The `WWW-Authenticate` challenge of a 400, 401 or 403 (RFC 6750 §3).
    #[must_use]
    pub fn challenge(&self) -> Option<HeaderValue> {
        let status = self.status();
        if !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let mut challenge = Challenge::bearer(self.realm.name());
        if let Some(error) = self.error() {
            challenge = challenge.error(error, &self.detail());
        }
        if let DenialKind::InsufficientScope(needed) = &self.kind {
            challenge = challenge.scope(needed.iter());
        }
        Some(challenge.into_header())
    }

    /// When to try again, for a limit or an outage: in whole seconds, rounded up and at least 1, so that who waits that
    /// long does not come too early.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let wait = match self.kind {
            DenialKind::KeysUnavailable(wait) | DenialKind::UsersUnavailable(wait) => wait,
            _ => self.violation()?.retry_after?,
        };
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        Some(Duration::from_secs(seconds.max(1)))
    }

    /// The limits that refuse.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        match &self.kind {
            DenialKind::AbnormalUsage(violation)
            | DenialKind::QuotaExceeded(violation)
            | DenialKind::ReducedCapacity(violation) => Some(violation),
            _ => None,
        }
    }

    /// The type of the problem and its title (RFC 9457 §3.1). `about:blank`, whose title is the status phrase, but for
    /// limits: draft-ietf-httpapi-ratelimit-headers-10 §6.
    pub(crate) fn problem_type(&self) -> (&'static str, &'static str) {
        match self.kind {
            DenialKind::AbnormalUsage(_) => (
                "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
                "Request not satisfied due to detection of abnormal request pattern",
            ),
            DenialKind::QuotaExceeded(_) => (
                "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "Request cannot be satisfied as assigned quota has been exceeded",
            ),
            DenialKind::ReducedCapacity(_) => (
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
                "Request cannot be satisfied due to temporary server capacity constraints",
            ),
            _ => ("about:blank", self.status().canonical_reason().unwrap_or_default()),
        }
    }

    /// One sentence for the caller. It tells what a caller may know: nothing of the app's set-up on a 500.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match &self.kind {
            DenialKind::AbnormalUsage(_) => "blocked for having gone over a limit".into(),
            DenialKind::AddressUnknown
            | DenialKind::ClaimsMismatch
            | DenialKind::GateMissing(_)
            | DenialKind::LimitMissing(_)
            | DenialKind::NonceMissing => "the request could not be judged".into(),
            DenialKind::CredentialsMissing => "a bearer token is required".into(),
            DenialKind::InsufficientPermission(needed) => format!("permission needed: {}", needed.join(", ")).into(),
            DenialKind::InsufficientRole(needed) => format!("role needed: {}", needed.join(", ")).into(),
            DenialKind::InsufficientScope(needed) => format!("scope needed: {needed}").into(),
            DenialKind::InsufficientTier(needed) => format!("tier needed: {} or higher", needed.name()).into(),
            DenialKind::InvalidRequest(RequestFault::Malformed) => "the credential is malformed".into(),
            DenialKind::InvalidRequest(RequestFault::Repeated) => "more than one credential was sent".into(),
            DenialKind::InvalidToken(error) => error.sentence().into(),
            DenialKind::KeysUnavailable(_) => "the issuer's keys are not available".into(),
            DenialKind::QuotaExceeded(violation) if violation.retry_after.is_none() => {
                "the request costs more than the limit ever has".into()
            }
            DenialKind::QuotaExceeded(_) => "the limit is used up".into(),
            DenialKind::ReducedCapacity(_) => "the limit is reduced for a while".into(),
            DenialKind::SubjectMissing => "the request does not tell whose limit to count".into(),
            DenialKind::UserRefused(AccountRefusal::Inactive) => "the account is not active".into(),
            DenialKind::UserRefused(AccountRefusal::Locked) => "the account is locked".into(),
            DenialKind::UserRefused(AccountRefusal::Other(reason)) => (*reason).into(),
            DenialKind::UserRefused(AccountRefusal::Unverified) => "the account is not verified".into(),
            DenialKind::UsersUnavailable(_) => "the user's account is not available".into(),
        }
    }

    /// One line in the log per refusal: the caller's at `debug`, an outage of users at `warn` (of keys, the fetch that
    /// failed was logged), the app's own fault at `error`.
    pub(crate) fn log(&self) {
        let status = self.status().as_u16();
        match &self.kind {
            DenialKind::GateMissing(asker) => {
                tracing::error!(status, "{asker} stands where no authenticating layer ran: add JwtAuth outside of it")
            }
            DenialKind::AddressUnknown => tracing::error!(
                status,
                "no peer address is known: serve with into_make_service_with_connect_info::<SocketAddr>(), or put a \
                 SocketAddr into the request's extensions, on tonic that of TcpConnectInfo"
            ),
            DenialKind::LimitMissing(asker) => tracing::error!(
                status,
                "{asker}: no RateLimit outside of it counted the request (for an Attempt, none that counts only failures): add \
                 one, or take an Option where the route may be exempt"
            ),
            DenialKind::NonceMissing => tracing::error!(
                status,
                "Extractor<CspNonce>: no SecurityHeaders with a nonce in its policy stands outside of it: add SecurityHeaders::html(), or \
                 Source::Nonce to the policy that there is"
            ),
            DenialKind::ClaimsMismatch => {
                tracing::error!(status, "a handler's claims type does not fit the claims of the token");
            }
            DenialKind::InvalidToken(error) => tracing::debug!(status, reason = %error, "request refused"),
            DenialKind::UsersUnavailable(_) => tracing::warn!(status, reason = %self.detail(), "request refused"),
            // Escaped: a check in a handler may have been given a name that the caller chose, with a line break in it.
            _ => tracing::debug!(status, reason = ?self.detail(), "request refused"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail())
    }
}

impl Error for Denial {}
