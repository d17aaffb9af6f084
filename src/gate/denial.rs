//! `Denial`: why a request is rejected, as data.

mod causes;
pub(super) mod challenges;
mod code;
mod constructors;
mod detail;
mod event;
mod kind;
mod log;
mod password_problem;
mod status;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::context::Realm;
use crate::gate::violation::Violation;

pub use causes::{AccountRefusal, CredentialError};
pub use kind::DenialKind;
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
    /// `insufficient_scope`; or `insufficient_user_authentication` of RFC 9470 §3.
    ///
    /// `insufficient_scope` stands for every missing privilege, because the RFC has no other code. Without a
    /// credential, there is no error code. [`code`](Self::code) distinguishes all reasons.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        match self.kind {
            DenialKind::InvalidRequest(_) => Some("invalid_request"),
            DenialKind::InvalidCredential | DenialKind::InvalidToken(_) => Some("invalid_token"),
            DenialKind::InsufficientAuthentication { .. } => Some("insufficient_user_authentication"),
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
