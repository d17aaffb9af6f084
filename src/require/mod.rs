//! The `Require*` layers: authorization of single routes by user, scope, role, permission or tier.
//!
//! Authentication identifies the user. These layers check what the user may do, before the handler runs:
//!
//! | layer | requires |
//! |---|---|
//! | [`RequireUser`] | any authenticated user |
//! | [`RequireScope`] | scopes: what the token may do |
//! | [`RequireRole`] | roles of the user |
//! | [`RequirePermission`] | permissions such as `write:page`, own or by role |
//! | [`RequireTier`] | a tier, such as a paid plan, or a higher one |
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::{get, post}};
//! use portcullis::testing::as_user;
//! use portcullis::{RequireScope, RequireTier, Scopes, Tiers, UserContext};
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! let tiers = Tiers::ascending(["basic", "professional"])?;
//! let write = RequireScope::all(["write:pages"])?;
//! let professional = RequireTier::at_least(tiers.get("professional")?);
//!
//! let app: Router = Router::new()
//!     .route("/pages", post(|| async {}).layer(write))
//!     .route("/trends", get(|| async {}).layer(professional));
//!
//! // In an app, `JwtAuth` provides the user.
//! let ann = UserContext::new("ann")
//!     .with_scopes(Scopes::new(["write:pages"])?)
//!     .with_tier(tiers.get("basic")?);
//! let app = app.layer(as_user(ann));
//! # let send = async |request: axum::http::request::Builder| {
//! #     let request = request.body(Body::empty()).unwrap();
//! #     app.clone().oneshot(request).await.unwrap().status()
//! # };
//! assert_eq!(send(Request::post("/pages")).await, 200);
//! assert_eq!(send(Request::get("/trends")).await, 403);
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | user | response |
//! |---|---|
//! | meets the requirement | the handler's |
//! | does not meet it | 403 with the challenge `error="insufficient_scope"` (RFC 6750 §3.1) |
//! | anonymous | 401 with a challenge without an error code |
//! | unknown, because no authenticating layer ran | 500, and a log line that names the layer |
//!
//! The challenge of [`RequireScope`] lists the required scopes, so that the client can request a token that has them.
//!
//! # Order of layers
//!
//! Add these layers to routes, inside the layer that authenticates. On a whole router, use `route_layer`: with `layer`,
//! a path that does not exist would be a 401 or 403 too.
//!
//! **A layer on a method router covers only the methods that were added before it.** To require different scopes for
//! the methods of one path, give each its own layer and merge them:
//!
//! ```
//! # use axum::{Router, body::Body, http::Request, routing::{get, post}};
//! # use portcullis::{RequireScope, Scopes, UserContext, testing::as_user};
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! # let (list, create) = (|| async {}, || async {});
//! let read = RequireScope::all(["read"])?;
//! let write = RequireScope::all(["write"])?;
//!
//! let right = get(list).layer(read.clone())
//!     .merge(post(create).layer(write));
//!
//! // POST was added after the layer, so it is open to every caller.
//! let wrong = get(list).layer(read).post(create);
//! # let reader = UserContext::new("ann").with_scopes(Scopes::new(["read"])?);
//! # let app = Router::<()>::new().route("/right", right).route("/wrong", wrong);
//! # let app = app.layer(as_user(reader));
//! # let post = async |path: &str| {
//! #     let request = Request::post(path).body(Body::empty()).unwrap();
//! #     app.clone().oneshot(request).await.unwrap().status()
//! # };
//!
//! // A user who may only read:
//! assert_eq!(post("/right").await, 403);
//! assert_eq!(post("/wrong").await, 200);
//! # Ok(())
//! # }
//! ```
//!
//! To add several of these layers to one route, put them into a `tower::ServiceBuilder`: axum cannot infer the error
//! type between two calls of `.layer(..)` on a method router.
//!
//! # Misspelled names
//!
//! Tiers and roles come from their tables, and permissions can come from
//! [`Roles::permission`](crate::Roles::permission). So a misspelled name fails at startup, not at the first request.
//! Constructors that check names return a `Result`, so they need a `?`.
//!
//! ```
//! use portcullis::{RequirePermission, RequireRole, Roles};
//!
//! let roles = Roles::builder().role("editor", ["create:page"]).build()?;
//! RequireRole::any([roles.get("editor")?])?;
//! RequirePermission::all([roles.permission("create:page")?])?;
//!
//! assert!(roles.get("editr").is_err());
//! assert!(roles.permission("create:pgae").is_err());
//! # Ok::<(), portcullis::ConfigError>(())
//! ```
//!
//! # Checks in a handler
//!
//! These layers decide from the user alone. For decisions that depend on the resource, the same checks are methods of
//! [`UserContext`](crate::UserContext):
//!
//! ```
//! use portcullis::{UserContext, gate::Denial};
//! # use axum::extract::Path;
//!
//! async fn delete(
//!     user: UserContext,
//!     Path(owner): Path<String>,
//! ) -> Result<&'static str, Denial> {
//!     if owner != user.id() {
//!         user.require_scope("delete:any-page")?;
//!     }
//!     Ok("deleted")
//! }
//! # let user = UserContext::new("ann");
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # let delete = |owner: &str| {
//! #     let owner = Path(owner.to_owned());
//! #     runtime.block_on(delete(user.clone(), owner))
//! # };
//! assert!(delete("ann").is_ok());
//! assert_eq!(delete("bob").unwrap_err().status(), 403);
//! ```
//!
//! # What it does not do
//!
//! These layers do not authenticate, and they know nothing about the resource of a request. They check the privileges
//! that the token had when it was issued, unless [`load_user`](crate::jwt::JwtAuthBuilder::load_user) reads them again.
//!
//! [`RequirePermission`]: crate::RequirePermission
//! [`RequireRole`]: crate::RequireRole
//! [`RequireScope`]: crate::RequireScope
//! [`RequireTier`]: crate::RequireTier
//! [`RequireUser`]: crate::RequireUser

mod checks;
pub(crate) mod gate;
mod requirement;
