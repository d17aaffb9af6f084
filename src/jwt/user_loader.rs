//! What is asked of a user loader, after the token was verified and before the request goes on.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::context::{Realm, UserContext};
use crate::gate::{AccountRefusal, Denial, DenialKind, TokenError};
use crate::jwt::remote::fetch::error_chain;

/// Why a user loader gives no user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The user may not come in although the token is good: 403.
    Refused(AccountRefusal),
    /// The source of users cannot be asked: 503, with the time after which to try again.
    Unavailable(Duration),
    /// There is no such user: 401 `invalid_token`.
    Unknown,
}

impl LoadError {
    /// The source of users cannot be asked for this cause, which is logged: to try again in a second.
    pub fn unavailable(cause: impl Error + 'static) -> Self {
        tracing::warn!(cause = %error_chain(&cause), "users cannot be loaded");
        Self::Unavailable(RETRY)
    }

    pub(crate) fn kind(self) -> DenialKind {
        match self {
            Self::Refused(refusal) => DenialKind::AccountRefused(refusal),
            Self::Unavailable(wait) => DenialKind::UsersUnavailable { retry_after: wait },
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

/// A user loader, its type forgotten.
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

    /// Asks the loader, and gives it up where it takes too long.
    pub(crate) async fn load(&self, user: UserContext) -> Result<UserContext, LoadError> {
        if tokio::runtime::Handle::try_current().is_err() {
            tracing::error!("users cannot be loaded outside of a tokio runtime");
            return Err(LoadError::Unavailable(RETRY));
        }
        let loaded = tokio::time::timeout(TIMEOUT, (self.0)(user)).await;
        loaded.unwrap_or(Err(LoadError::Unavailable(RETRY)))
    }
}

impl fmt::Debug for UserLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLoader").finish_non_exhaustive()
    }
}

// A request does not wait forever for somebody else's database.
const RETRY: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
