//! `RequirePermission`: requires permissions of the user.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::require::requirement::{Quantifier, Requirement};

/// Requires permissions, which a user has directly or through a role; see the [module](crate::require).
///
/// A permission may be a string such as `read:report`. To find misspelled names at startup, use
/// [`Roles::permission`](crate::Roles::permission), which also checks that a role grants the permission.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequirePermission(pub(super) Arc<Requirement>);

impl RequirePermission {
    /// Requires this permission.
    ///
    /// ```
    /// use portcullis::{RequirePermission, Roles, UserContext};
    /// use portcullis::testing::as_user;
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let roles = Roles::builder().role("editor", ["*:page"]).build()?;
    /// let layer = RequirePermission::new(roles.permission("delete:page")?)?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// // In an app, `JwtAuthBuilder::roles` provides the table.
    /// let user = UserContext::new("ann").with_role_table(roles.clone());
    /// assert_eq!(send_as(user.clone().with_roles(["editor"])).await, 200);
    /// assert_eq!(send_as(user).await, 403);
    ///
    /// // The asterisk is for grants. A layer requires a specific permission.
    /// assert!(RequirePermission::new("*:page").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the text is not of the form `action:resource`.
    pub fn new(permission: impl AsRef<str>) -> Result<Self, ConfigError> {
        Requirement::permissions("RequirePermission::new", Quantifier::All, [permission])
            .map(|permission| Self(Arc::new(permission)))
    }

    /// Requires all of these permissions.
    ///
    /// ```
    /// use portcullis::{Permission, RequirePermission, UserContext};
    /// use portcullis::testing::as_user;
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequirePermission::all(["read:page", "export:page"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let read = Permission::new("read:page")?;
    /// let export = Permission::new("export:page")?;
    /// let user = UserContext::new("ann");
    /// let both = [read.clone(), export];
    /// assert_eq!(send_as(user.clone().with_permissions(both)).await, 200);
    /// assert_eq!(send_as(user.with_permissions([read])).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a text is not of the form `action:resource` or the list is empty.
    pub fn all<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions("RequirePermission::all", Quantifier::All, permissions)
            .map(|permissions| Self(Arc::new(permissions)))
    }

    /// Requires at least one of these permissions.
    ///
    /// ```
    /// use portcullis::{Permission, RequirePermission, UserContext};
    /// use portcullis::testing::as_user;
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let layer = RequirePermission::any(["write:page", "review:page"])?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let review = Permission::new("review:page")?;
    /// let ann = UserContext::new("ann").with_permissions([review]);
    /// assert_eq!(send_as(ann).await, 200);
    /// assert_eq!(send_as(UserContext::new("bob")).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a text is not of the form `action:resource` or the list is empty.
    pub fn any<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions("RequirePermission::any", Quantifier::Any, permissions)
            .map(|permissions| Self(Arc::new(permissions)))
    }
}
