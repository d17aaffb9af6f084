//! `RequireRole`: requires roles of the user.

use std::sync::Arc;

use crate::context::roles::Roles;
use crate::error::ConfigError;
use crate::require::requirement::{Quantifier, Requirement};

/// Requires roles of the app's table of [`Roles`](crate::Roles); see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireRole(pub(super) Arc<Requirement>);

impl RequireRole {
    /// Requires this role, directly or by inheritance.
    ///
    /// ```
    /// use portcullis::{RequireRole, Roles, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let roles = Roles::builder()
    ///     .role("editor", ["write:page"])
    ///     .role("chief", ["publish:page"])
    ///     .inherits("chief", ["editor"])
    ///     .build()?;
    /// let layer = RequireRole::new(&roles, "editor")?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// // A chief is an editor too.
    /// let chief = UserContext::new("ann").with_roles(["chief"]);
    /// assert_eq!(send_as(chief).await, 200);
    /// assert_eq!(send_as(UserContext::new("bob")).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the table does not have the role.
    pub fn new(roles: &Roles, name: impl AsRef<str>) -> Result<Self, ConfigError> {
        Requirement::roles("RequireRole::new", Quantifier::All, roles, [name]).map(|roles| Self(Arc::new(roles)))
    }

    /// Requires all of these roles, each directly or by inheritance.
    ///
    /// ```
    /// use portcullis::{RequireRole, Roles, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let roles = Roles::from_names(["author", "reviewer"])?;
    /// let layer = RequireRole::all(&roles, ["author", "reviewer"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann");
    /// let both = user.clone().with_roles(["author", "reviewer"]);
    /// assert_eq!(send_as(both).await, 200);
    /// assert_eq!(send_as(user.with_roles(["author"])).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every role that the table does not have, or if the list is empty.
    pub fn all<I>(roles: &Roles, names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::roles("RequireRole::all", Quantifier::All, roles, names).map(|roles| Self(Arc::new(roles)))
    }

    /// Requires at least one of these roles, directly or by inheritance.
    ///
    /// ```
    /// use portcullis::{RequireRole, Roles, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let roles = Roles::from_names(["author", "reviewer"])?;
    /// let layer = RequireRole::any(&roles, ["author", "reviewer"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let author = UserContext::new("ann").with_roles(["author"]);
    /// assert_eq!(send_as(author).await, 200);
    /// assert_eq!(send_as(UserContext::new("bob")).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every role that the table does not have, or if the list is empty.
    pub fn any<I>(roles: &Roles, names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::roles("RequireRole::any", Quantifier::Any, roles, names).map(|roles| Self(Arc::new(roles)))
    }
}
