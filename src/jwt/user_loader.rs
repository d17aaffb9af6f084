//! `LoadError` and `UserLoader`: the app's function that loads the user of a verified token.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::context::{Realm, UserContext};
use crate::gate::{AccountRefusal, Denial, DenialKind, TokenError};
use crate::jwt::remote::fetch::error_chain;

/// Why a [user loader](crate::jwt::JwtAuthBuilder::load_user) returns no user.
///
/// The variant decides the response, so a database error must not become [`Unknown`](Self::Unknown): the client would
/// discard a valid token.
///
/// ```
/// use portcullis::{gate::AccountRefusal, jwt::LoadError};
///
/// let locked = LoadError::refused(AccountRefusal::Locked);
/// assert_eq!(locked.to_string(), "the account is locked");
///
/// let failed = LoadError::unavailable(std::io::Error::other("pool timed out"));
/// assert!(matches!(failed, LoadError::Unavailable { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// 403: the user may not use the app at present, although the token is valid.
    #[non_exhaustive]
    Refused {
        /// Why the account is rejected.
        refusal: AccountRefusal,
    },
    /// 503: the users cannot be loaded at present.
    #[non_exhaustive]
    Unavailable {
        /// How long the client should wait before it tries again, for `Retry-After`.
        retry_after: Duration,
    },
    /// 401 `invalid_token`: there is no such user.
    Unknown,
}

impl LoadError {
    /// Returns [`Refused`](Self::Refused).
    #[must_use]
    pub fn refused(refusal: AccountRefusal) -> Self {
        Self::Refused { refusal }
    }

    /// Logs the cause, such as a database error, and returns [`Unavailable`](Self::Unavailable).
    ///
    /// Clients are asked to retry after one second. The log line is at `warn`, with all sources of the error. The
    /// response does not have the cause.
    pub fn unavailable(cause: impl Error + 'static) -> Self {
        tracing::warn!(cause = %error_chain(&cause), "cannot load the user");
        Self::Unavailable { retry_after: RETRY_AFTER }
    }

    /// Returns [`Unavailable`](Self::Unavailable) with this `Retry-After`, and logs nothing.
    #[must_use]
    pub fn unavailable_for(retry_after: Duration) -> Self {
        Self::Unavailable { retry_after }
    }

    pub(crate) fn kind(self) -> DenialKind {
        match self {
            Self::Refused { refusal } => DenialKind::AccountRefused(refusal),
            Self::Unavailable { retry_after } => DenialKind::users_unavailable(retry_after),
            Self::Unknown => DenialKind::InvalidToken(TokenError::User),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Denial::new(self.clone().kind(), Realm::default()), f)
    }
}

impl Error for LoadError {}

/// The app's loader function, type-erased, so that [`JwtAuth`](crate::JwtAuth) has no type parameter for it.
#[derive(Clone)]
pub(crate) struct UserLoader(
    Arc<dyn Fn(UserContext) -> Pin<Box<dyn Future<Output = Result<UserContext, LoadError>> + Send>> + Send + Sync>,
);

impl UserLoader {
    pub(crate) fn new<F, Fut>(load: F) -> Self
    where
        F: Fn(UserContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<UserContext, LoadError>> + Send + 'static,
    {
        Self(Arc::new(move |user| Box::pin(load(user))))
    }

    /// Calls the function, with a timeout.
    pub(crate) async fn load(&self, user: UserContext) -> Result<UserContext, LoadError> {
        // tokio's timer panics outside a runtime, and a request must not panic.
        if tokio::runtime::Handle::try_current().is_err() {
            tracing::error!("cannot load users outside a tokio runtime");
            return Err(LoadError::Unavailable { retry_after: RETRY_AFTER });
        }
        let loaded = tokio::time::timeout(TIMEOUT, (self.0)(user)).await;
        loaded.unwrap_or(Err(LoadError::Unavailable { retry_after: RETRY_AFTER }))
    }
}

impl fmt::Debug for UserLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLoader").finish_non_exhaustive()
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

// Longer than a healthy database takes, and short enough that waiting requests do not accumulate during an outage.
const TIMEOUT: Duration = Duration::from_secs(5);
