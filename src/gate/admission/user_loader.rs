//! `LoadError` and `UserLoader`: the app's function that loads the user of a verified credential.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::request;

use crate::context::route::{matched_path, method_name};
use crate::context::{Credential, Realm, UserContext};
use crate::error::error_chain;
use crate::gate::denial::{AccountRefusal, Denial, DenialKind};
use crate::gate::reply::Reply;
use crate::gate::token_error::TokenError;
use crate::runtime;

/// Why a user loader, such as [`JwtAuthBuilder::load_user`](crate::jwt::JwtAuthBuilder::load_user), returns no user.
///
/// The variant decides the response, so a database error must not become [`Unknown`](Self::Unknown): the client would
/// discard a valid credential.
///
/// ```
/// use std::error::Error;
/// use portcullis::gate::{AccountRefusal, LoadError};
///
/// let locked = LoadError::refused(AccountRefusal::Locked);
/// assert_eq!(locked.to_string(), "the account is locked");
///
/// let failed = LoadError::unavailable(std::io::Error::other("pool timed out"));
/// assert!(matches!(failed, LoadError::Unavailable { .. }));
/// assert_eq!(failed.source().unwrap().to_string(), "pool timed out");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// 403: the user may not use the app at present, although the credential is valid.
    #[non_exhaustive]
    Refused {
        /// Why the account is rejected.
        refusal: AccountRefusal,
    },
    /// 401 `invalid_token`: the credential has been revoked.
    ///
    /// For apps whose records say which tokens are valid, such as by a number that each token carries and that a
    /// password change increases:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{UserContext, gate::LoadError};
    ///
    /// # struct Account { token_version: u32 }
    /// # async fn find(_: &str) -> Result<Option<Account>, std::io::Error> {
    /// #     Ok(Some(Account { token_version: 2 }))
    /// # }
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     token_version: u32,
    /// }
    ///
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     let account = find(user.id()).await.map_err(LoadError::unavailable)?;
    ///     let account = account.ok_or(LoadError::Unknown)?;
    ///     // A token without the claim is rejected too.
    ///     match user.claims::<Claims>() {
    ///         Ok(claims) if claims.token_version == account.token_version => {
    ///             Ok(user)
    ///         }
    ///         _ => Err(LoadError::Revoked),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api");
    /// # let app = Router::new().route("/", get(|| async {}));
    /// # let app = app.layer(auth.load_user(load).build()?);
    /// for (version, status) in [(1, 401), (2, 200)] {
    ///     let token = TokenBuilder::first_party(iss, secret, "ann")
    ///         .audience("api")
    ///         .claim("token_version", version)
    ///         .sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Revoked,
    /// 503: the users cannot be loaded at present.
    #[non_exhaustive]
    Unavailable {
        /// How long the client should wait before it tries again, for `Retry-After`.
        retry_after: Duration,
        /// The cause, which is logged and is the [`source`](Error::source) of this error. The response does not have
        /// it.
        cause: Option<Arc<dyn Error + Send + Sync>>,
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

    /// Returns [`Unavailable`](Self::Unavailable) with a cause, such as a database error or a text.
    ///
    /// The layer logs the cause with all of its sources at `warn`. Clients are asked to retry after one second.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { retry_after: RETRY_AFTER, cause: Some(cause.into().into()) }
    }

    /// Returns [`Unavailable`](Self::Unavailable) with this `Retry-After` and no cause.
    #[must_use]
    pub fn unavailable_for(retry_after: Duration) -> Self {
        Self::Unavailable { retry_after, cause: None }
    }

    /// Returns the reason to reject a user with this kind of credential.
    pub(crate) fn kind(&self, credential: Credential) -> DenialKind {
        let invalid = |error| match credential {
            Credential::Token => DenialKind::InvalidToken(error),
            _ => DenialKind::InvalidCredential,
        };
        match self {
            Self::Refused { refusal } => DenialKind::AccountRefused(refusal.clone()),
            Self::Revoked => invalid(TokenError::Revoked),
            Self::Unavailable { retry_after, .. } => DenialKind::users_unavailable(*retry_after),
            Self::Unknown => invalid(TokenError::User),
        }
    }

    /// Returns the response to a request whose user cannot be loaded.
    pub(crate) fn reply(&self, head: &request::Parts, credential: Credential, realm: Realm) -> Reply {
        Reply::logged_denial(head, self.logged_denial(Some(head), credential, realm))
    }

    /// Logs and returns why a user cannot be loaded. The cause has a line of its own: it is a text of the app, which a
    /// security event must not have.
    pub(crate) fn logged_denial(&self, head: Option<&request::Parts>, credential: Credential, realm: Realm) -> Denial {
        let denial = Denial::new(self.kind(credential), realm);
        if let Some(cause) = self.source() {
            tracing::warn!(
                kind = denial.code(),
                status = denial.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                cause = %error_chain(cause),
                "cannot load the user"
            );
        }
        denial.log(head);
        denial
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Denial::new(self.kind(Credential::Token), Realm::default()), f)
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable { cause: Some(cause), .. } => Some(&**cause),
            _ => None,
        }
    }
}

/// The app's loader function, type-erased, so that a gate has no type parameter for it.
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
    pub(crate) async fn load(&self, user: UserContext, timeout: Duration) -> Result<UserContext, LoadError> {
        // Tokio's timer panics without a runtime that has timers, and a request must not panic.
        if let Err(fault) = runtime::current() {
            return Err(LoadError::unavailable(fault.to_string()));
        }
        let loaded = tokio::time::timeout(timeout, (self.0)(user)).await;
        loaded.unwrap_or_else(|_| Err(LoadError::unavailable(format!("the user loader took longer than {timeout:?}"))))
    }
}

impl fmt::Debug for UserLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLoader").finish_non_exhaustive()
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_is_no_token_is_not_called_a_token() {
        for error in [LoadError::Revoked, LoadError::Unknown] {
            assert!(matches!(error.kind(Credential::Token), DenialKind::InvalidToken(_)));
            for credential in [Credential::ApiKey, Credential::Session, Credential::Other] {
                assert_eq!(error.kind(credential), DenialKind::InvalidCredential);
            }
        }
    }
}
