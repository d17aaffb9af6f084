//! `SessionError`: why a session was not started, changed or ended.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::context::{AuthScheme, Realm};
use crate::error::error_chain;
use crate::gate::{Denial, DenialKind};
use crate::record_store::StoreError;
use crate::revocation::RevokeError;
use crate::session::random::RandomUnavailable;

/// Why a session was not started, changed or ended.
///
/// In a handler that returns a [`Denial`], `?` converts it.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The request has no session, or its session has ended since.
    NotLoggedIn,
    /// The user has no session with this id.
    NotFound,
    /// The user has as many sessions as
    /// [`reject_over_limit`](crate::session::SessionAuthBuilder::reject_over_limit) allows.
    OverLimit,
    /// The operating system provides no random bytes.
    RandomUnavailable,
    /// The response has already been sent, so the cookie cannot change.
    ///
    /// A task that outlives the response called the method too late.
    ResponseSent,
    /// The revocation could not be stored or shared, so some process may still accept the session.
    Revocation(RevokeError),
    /// The store failed, so it is not known whether the change was stored.
    Store(StoreError),
    /// The values of the user exceed 4 KiB. A session is not for application data.
    TooLarge,
    /// The user has no id.
    UserInvalid,
    /// The user was [revoked](crate::Revocations::revoke_all) while the session was started.
    ///
    /// The session has ended too.
    UserRevoked,
}

impl SessionError {
    /// Returns the status of the response.
    ///
    /// It is 401 without a session, 403 above the limit, 404 for an unknown id, 500 for a mistake in the app, and 503
    /// for an outage or a revoked user.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.denial().status()
    }

    /// Returns the rejection that a handler responds with.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let kind = match self {
            Self::NotLoggedIn => DenialKind::CredentialsMissing,
            Self::NotFound => DenialKind::SessionNotFound,
            Self::OverLimit => DenialKind::TooManySessions,
            Self::ResponseSent | Self::TooLarge | Self::UserInvalid => DenialKind::SessionChangeInvalid,
            Self::Revocation(error) => return error.clone().into(),
            Self::RandomUnavailable | Self::Store(_) | Self::UserRevoked => {
                DenialKind::session_store_unavailable(RETRY_AFTER)
            }
        };
        // The name is a token, so there is a scheme.
        Denial::new(kind, Realm::default().with_schemes(AuthScheme::new("Session")))
    }

    /// Logs an outage with its cause, which the response does not have. `method` is that of `Session` or `SessionAuth`.
    ///
    /// [`Revocations`](crate::Revocations) log revocations that could not be shared.
    pub(super) fn log(&self, method: &'static str) {
        if let Self::RandomUnavailable | Self::Store(_) = self {
            tracing::warn!(method, cause = error_chain(self), "cannot read or change sessions");
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLoggedIn => "the request has no session",
            Self::NotFound => "the user has no such session",
            Self::OverLimit => "the user has too many sessions",
            Self::RandomUnavailable => "the operating system provides no random bytes",
            Self::ResponseSent => "the response has been sent already",
            Self::Revocation(_) => "the revocation of the session could not be stored or shared",
            Self::Store(_) => "the store of sessions failed",
            Self::TooLarge => "the record of the session has more than 4 KiB",
            Self::UserInvalid => "the user has no id",
            Self::UserRevoked => "all credentials of the user were revoked while the session was started",
        })
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Revocation(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Creates the rejection that a handler responds with.
impl From<SessionError> for Denial {
    fn from(error: SessionError) -> Self {
        error.denial()
    }
}

impl From<RandomUnavailable> for SessionError {
    fn from(RandomUnavailable: RandomUnavailable) -> Self {
        Self::RandomUnavailable
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
