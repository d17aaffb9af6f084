//! The `Require*` layers, which check the user of a request.

use std::sync::Arc;

use http::request;
use tower_layer::Layer;

use crate::context::{Realm, Role, Tier, Visitor};
use crate::error::ConfigError;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
use crate::require::requirement::{Quantifier, Requirement};

/// Requires scopes of the token; see the [module](crate::require).
///
/// A scope limits what a token may do on behalf of its user (RFC 6749 §3.3). It does not grant the user anything: check
/// the user's own privileges with roles or permissions.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScope(Arc<Requirement>);

impl RequireScope {
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

/// Requires roles of the app's table of [`Roles`](crate::Roles); see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireRole(Arc<Requirement>);

impl RequireRole {
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
    /// let layer = RequireRole::all([roles.get("author")?, roles.get("reviewer")?])?;
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
    /// Returns [`ConfigError`] if the list is empty.
    pub fn all(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles("RequireRole::all", Quantifier::All, roles).map(|roles| Self(Arc::new(roles)))
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
    /// let roles = Roles::builder()
    ///     .role("editor", ["write:page"])
    ///     .role("chief", ["publish:page"])
    ///     .inherits("chief", ["editor"])
    ///     .build()?;
    /// let layer = RequireRole::any([roles.get("editor")?])?;
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
    /// Returns [`ConfigError`] if the list is empty.
    pub fn any(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles("RequireRole::any", Quantifier::Any, roles).map(|roles| Self(Arc::new(roles)))
    }
}

/// Requires permissions, which a user has directly or through a role; see the [module](crate::require).
///
/// A permission may be a string such as `read:report`. To find misspelled names at startup, use
/// [`Roles::permission`](crate::Roles::permission), which also checks that a role grants the permission.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequirePermission(Arc<Requirement>);

impl RequirePermission {
    /// Requires all of these permissions.
    ///
    /// ```
    /// use portcullis::{RequirePermission, Roles, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let roles = Roles::builder().role("editor", ["*:page"]).build()?;
    /// let layer = RequirePermission::all([roles.permission("delete:page")?])?;
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
    /// assert!(RequirePermission::all(["*:page"]).is_err());
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

/// Requires a minimum tier; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireTier(Arc<Requirement>);

impl RequireTier {
    /// Requires this tier or a higher one.
    ///
    /// A user without a tier, or with one that is not in the table, is rejected.
    ///
    /// ```
    /// use portcullis::{RequireTier, Tiers, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let tiers = Tiers::ascending(["free", "pro", "enterprise"])?;
    /// let layer = RequireTier::at_least(tiers.get("pro")?);
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann");
    /// let enterprise = user.clone().with_tier(tiers.get("enterprise")?);
    /// assert_eq!(send_as(enterprise).await, 200);
    /// assert_eq!(send_as(user.with_tier(tiers.get("free")?)).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    pub fn at_least(tier: Tier) -> Self {
        Self(Arc::new(Requirement::Tier(tier)))
    }
}

/// Requires an authenticated user or service account; see the [module](crate::require).
///
/// Use it behind an [optional](crate::jwt::JwtAuthBuilder::optional) `JwtAuth`, on routes whose handlers do not extract
/// the user.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireUser(Arc<Requirement>);

impl RequireUser {
    /// Requires that the request is authenticated.
    ///
    /// ```
    /// use portcullis::{RequireUser, UserContext};
    /// use portcullis::testing::{as_anonymous, as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app: Router =
    ///     Router::new().route("/", get(|| async {}).layer(RequireUser::new()));
    /// # let request = || Request::get("/").body(Body::empty()).unwrap();
    ///
    /// let ann = app.clone().layer(as_user(UserContext::new("ann")));
    /// assert_eq!(ann.oneshot(request()).await.unwrap().status(), 200);
    ///
    /// let anonymous = app.layer(as_anonymous());
    /// assert_eq!(anonymous.oneshot(request()).await.unwrap().status(), 401);
    /// # }
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(Requirement::User))
    }
}

impl Default for RequireUser {
    fn default() -> Self {
        Self::new()
    }
}

/// Decides about a request.
///
/// The three refusals are of different parties: the app (no layer authenticated: 500), a caller who could authenticate
/// (401), and a user whose credentials are accepted but insufficient (403). A missing `Visitor` is never treated as an
/// anonymous caller, so that a forgotten `JwtAuth` is found.
fn enter(requirement: &Requirement, layer: &'static str, head: &request::Parts) -> Entry<()> {
    let denial = match head.extensions.get::<Visitor>() {
        None => Denial::new(DenialKind::auth_layer_missing(layer), Realm::default()),
        Some(visitor) => match visitor.user().map(|user| requirement.check(user)) {
            Some(Ok(())) => return Entry::Admit(()),
            Some(Err(kind)) => Denial::new(kind, visitor.realm().clone()),
            None => Denial::new(DenialKind::CredentialsMissing, visitor.realm().clone()),
        },
    };
    Entry::Refuse(Reply::denial(head, denial))
}

// One type for each requirement, so that the log names the layer; all have the same `Gate` and `Layer`.
macro_rules! impl_gate {
    ($($name:ident),*) => {$(
        impl Gate for $name {
            type Pass = ();

            fn enter(&self, head: &mut request::Parts) -> Entry<()> {
                enter(&self.0, stringify!($name), head)
            }

            fn response_headers(&self) -> ResponseHeaders {
                ResponseHeaders::none()
            }
        }

        impl<S> Layer<S> for $name {
            type Service = Gated<Self, S>;

            fn layer(&self, inner: S) -> Self::Service {
                Gated::new(self.clone(), inner)
            }
        }
    )*};
}

impl_gate!(RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser);
