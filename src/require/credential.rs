//! `RequireCredential`: requires certain kinds of credentials.

use std::sync::Arc;

use crate::context::Credential;
use crate::error::ConfigError;
use crate::require::requirement::Requirement;

/// Requires certain kinds of credentials, such as a session; see the [module](crate::require).
///
/// Use it where an app accepts several kinds and not every kind may do everything. For example, a page where users
/// create API keys is for sessions only: otherwise, a stolen API key can create another one.
///
/// The kind is [`UserContext::credential`](crate::UserContext::credential). A custom gate sets it with
/// [`with_credential`](crate::UserContext::with_credential); otherwise it is [`Credential::Other`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireCredential(pub(super) Arc<Requirement>);

impl RequireCredential {
    /// Requires this kind of credential.
    ///
    /// ```
    /// use portcullis::{RequireCredential, UserContext};
    /// use portcullis::{context::Credential, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequireCredential::new(Credential::Session);
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let ann = UserContext::new("ann");
    /// let by_session = ann.clone().with_credential(Credential::Session);
    /// assert_eq!(send_as(by_session).await, 200);
    /// let by_api_key = ann.with_credential(Credential::ApiKey);
    /// assert_eq!(send_as(by_api_key).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(credential: Credential) -> Self {
        Self(Arc::new(Requirement::Credentials(Box::new([credential]))))
    }

    /// Requires one of these kinds of credentials. The response to all others lists them.
    ///
    /// ```
    /// use portcullis::{RequireCredential, UserContext};
    /// use portcullis::{context::Credential, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let kinds = [Credential::Session, Credential::Token];
    /// let layer = RequireCredential::any(kinds)?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let ann = UserContext::new("ann");
    /// let by_token = ann.clone().with_credential(Credential::Token);
    /// assert_eq!(send_as(by_token).await, 200);
    /// let by_password = ann.with_credential(Credential::Basic);
    /// assert_eq!(send_as(by_password).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty.
    pub fn any(credentials: impl IntoIterator<Item = Credential>) -> Result<Self, ConfigError> {
        Requirement::credentials("RequireCredential::any", credentials).map(|required| Self(Arc::new(required)))
    }

    /// Requires a credential of any other kind than these.
    ///
    /// It also accepts kinds that a later version of this crate adds. To accept only known ones, use
    /// [`any`](Self::any).
    ///
    /// ```
    /// use portcullis::{RequireCredential, UserContext};
    /// use portcullis::{context::Credential, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequireCredential::except([Credential::ApiKey])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let ann = UserContext::new("ann");
    /// let by_token = ann.clone().with_credential(Credential::Token);
    /// assert_eq!(send_as(by_token).await, 200);
    /// let by_api_key = ann.with_credential(Credential::ApiKey);
    /// assert_eq!(send_as(by_api_key).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty.
    #[doc(alias("none_of", "not"))]
    pub fn except(credentials: impl IntoIterator<Item = Credential>) -> Result<Self, ConfigError> {
        let required = Requirement::credentials_except("RequireCredential::except", credentials);
        required.map(|required| Self(Arc::new(required)))
    }
}
