//! `RequireScope`: requires scopes of the credential.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::require::requirement::{Quantifier, Requirement};

/// Requires scopes of the token, or of another credential such as an API key; see the [module](crate::require).
///
/// A scope limits what a token may do on behalf of its user (RFC 6749 §3.3). It does not grant the user anything: check
/// the user's own privileges with roles or permissions.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScope(pub(super) Arc<Requirement>);

impl RequireScope {
    /// Requires this scope.
    ///
    /// ```
    /// use portcullis::{RequireScope, Scopes, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequireScope::new("read:pages")?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann");
    /// let read = Scopes::new(["read:pages"])?;
    /// assert_eq!(send_as(user.clone().with_scopes(read)).await, 200);
    /// assert_eq!(send_as(user).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the scope is not a scope-token (RFC 6749 §3.3), which has no spaces.
    pub fn new(scope: impl AsRef<str>) -> Result<Self, ConfigError> {
        Requirement::scopes("RequireScope::new", Quantifier::All, [scope]).map(|scopes| Self(Arc::new(scopes)))
    }

    /// Requires all of these scopes.
    ///
    /// ```
    /// use portcullis::{RequireScope, Scopes, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequireScope::all(["read:pages", "export:pages"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann");
    /// let both = Scopes::new(["export:pages", "profile", "read:pages"])?;
    /// assert_eq!(send_as(user.clone().with_scopes(both)).await, 200);
    ///
    /// let one = Scopes::new(["read:pages"])?;
    /// assert_eq!(send_as(user.with_scopes(one)).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a scope is not a scope-token (RFC 6749 §3.3) or the list is empty.
    pub fn all<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes("RequireScope::all", Quantifier::All, scopes).map(|scopes| Self(Arc::new(scopes)))
    }

    /// Requires at least one of these scopes. The challenge of a 403 lists them all.
    ///
    /// ```
    /// use portcullis::{RequireScope, Scopes, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequireScope::any(["read:pages", "admin"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann").with_scopes(Scopes::new(["admin"])?);
    /// assert_eq!(send_as(user).await, 200);
    /// assert_eq!(send_as(UserContext::new("bob")).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a scope is not a scope-token (RFC 6749 §3.3) or the list is empty.
    pub fn any<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes("RequireScope::any", Quantifier::Any, scopes).map(|scopes| Self(Arc::new(scopes)))
    }
}
