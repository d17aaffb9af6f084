//! The `Require*` layers: authorization of single routes, by scope, role, tier, kind of credential and more.
//!
//! Authentication identifies the user. These layers check what the user may do, before the handler runs:
//!
//! | layer | requires |
//! |---|---|
//! | [`RequireUser`] | any authenticated user, or a [person](crate::RequireUser::person) |
//! | [`RequireScope`] | scopes: what the token or other credential may do |
//! | [`RequireRole`] | roles of the user |
//! | [`RequirePermission`] | permissions such as `write:page`, own or by role |
//! | [`RequireTier`] | a tier, such as a paid plan, or a higher one |
//! | [`RequireVerifiedEmail`] | a verified email address |
//! | [`RequireCredential`] | certain kinds of credentials, such as a session |
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
//! let write = RequireScope::new("write:pages")?;
//! let professional = RequireTier::at_least(&tiers, "professional")?;
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
//! | lacks a scope, role, permission or tier | 403 with the challenge `error="insufficient_scope"` (RFC 6750 §3.1) |
//! | does not meet another requirement | 403 with a challenge without an error code |
//! | anonymous | 401 with a challenge without an error code |
//! | unknown, because no authenticating layer ran | 500, and a log line that names the layer |
//! | unknown, because a [`Stack`](crate::Stack) leaves the route [open](crate::stack::StackBuilder::open) | the same |
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
//! let read = RequireScope::new("read")?;
//! let write = RequireScope::new("write")?;
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
//! Tiers and roles are looked up in their tables, and permissions can come from
//! [`Roles::permission`](crate::Roles::permission). So a misspelled name fails at startup, not at the first request.
//! Constructors that check names return a `Result`, so they need a `?`.
//!
//! ```
//! use portcullis::{RequirePermission, RequireRole, Roles};
//!
//! let roles = Roles::builder().role("editor", ["create:page"]).build()?;
//! RequireRole::new(&roles, "editor")?;
//! RequirePermission::new(roles.permission("create:page")?)?;
//!
//! assert!(RequireRole::new(&roles, "editr").is_err());
//! assert!(roles.permission("create:pgae").is_err());
//! # Ok::<(), portcullis::ConfigError>(())
//! ```
//!
//! # Checks in a handler
//!
//! These layers decide from the user alone. For decisions that depend on the resource, the same checks are methods of
//! [`UserContext`](crate::UserContext), and [`require_owner`](crate::UserContext::require_owner) compares the user's id
//! with the resource's owner:
//!
//! ```
//! use axum::http::StatusCode;
//! use axum::{extract::Path, response};
//! use portcullis::UserContext;
//!
//! struct Page {
//!     owner: String,
//!     is_private: bool,
//! }
//! # fn find_page(id: u64) -> Option<Page> {
//! #     (id < 3).then(|| Page { owner: "ann".to_owned(), is_private: id == 2 })
//! # }
//!
//! async fn delete(
//!     user: UserContext,
//!     Path(id): Path<u64>,
//! ) -> response::Result<&'static str> {
//!     let page = find_page(id).ok_or(StatusCode::NOT_FOUND)?;
//!     if page.is_private {
//!         // The response does not show that the page exists.
//!         user.require_owner(&page.owner).map_err(|_| StatusCode::NOT_FOUND)?;
//!     }
//!     // The owner or a moderator.
//!     user.require_owner(&page.owner)
//!         .or_else(|_| user.require_role("moderator"))?;
//!     Ok("deleted")
//! }
//! # use axum::response::IntoResponse;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # let delete = |user: UserContext, id: u64| {
//! #     runtime.block_on(delete(user, Path(id))).into_response().status()
//! # };
//!
//! // Page 1 is public and page 2 is private. Both belong to Ann.
//! let ann = UserContext::new("ann");
//! assert_eq!(delete(ann.clone(), 1), 200);
//! assert_eq!(delete(ann, 2), 200);
//!
//! let bob = UserContext::new("bob").with_roles(["moderator"]);
//! assert_eq!(delete(bob.clone(), 1), 200);
//! assert_eq!(delete(bob, 2), 404);
//! assert_eq!(delete(UserContext::new("eve"), 1), 403);
//! ```
//!
//! Respond with 403 if other users may know that the resource exists. Otherwise respond with 404, so that callers
//! cannot find out which ids exist. Decide before the response differs in any other way, such as a 409 or a redirect.
//!
//! [`axum::response::Result`] is for handlers that return several kinds of errors. A handler that returns only
//! [`Denial`](crate::gate::Denial)s returns a `Result<_, Denial>`.
//!
//! # What it does not do
//!
//! These layers do not authenticate, and they know nothing about the resource of a request. They check the privileges
//! that the token had when it was issued, unless [`load_user`](crate::jwt::JwtAuthBuilder::load_user) reads them again.
//!
//! # In the guide
//!
//! [Methods](crate::_guide::recipes::methods) of one path, [open routes](crate::_guide::recipes::open_routes), and
//! [testing](crate::_guide::recipes::testing).
//!
//! [`RequireCredential`]: crate::RequireCredential
//! [`RequirePermission`]: crate::RequirePermission
//! [`RequireRole`]: crate::RequireRole
//! [`RequireScope`]: crate::RequireScope
//! [`RequireTier`]: crate::RequireTier
//! [`RequireUser`]: crate::RequireUser
//! [`RequireVerifiedEmail`]: crate::RequireVerifiedEmail

mod checks;
pub(crate) mod credential;
mod gate;
pub(crate) mod permission;
mod requirement;
pub(crate) mod role;
pub(crate) mod scope;
pub(crate) mod tier;
pub(crate) mod user;
pub(crate) mod verified_email;
