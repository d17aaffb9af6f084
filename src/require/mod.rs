//! `RequireUser`, `RequireScope`, `RequireRole`, `RequirePermission`, `RequireTier`: what it takes to reach a route.
//!
//! They go on the route or the router they guard, inside of the layer that authenticates. Each answers:
//!
//! | visitor | answer |
//! |---|---|
//! | has what is required | the handler's |
//! | lacks it | 403, challenge `error="insufficient_scope"`, for scopes with those that are needed (RFC 6750 §3.1) |
//! | anonymous | 401 with a challenge and no error code |
//! | none, since no authenticating layer ran | 500, and the log says which gate stands where |
//!
//! Tiers and roles are taken from their tables, so that one misspelt fails at start-up and not at the first request; so are
//! permissions by [`Roles::permission`](crate::Roles::permission). What can be misspelt gives a `Result`: mind the `?`.
//! Several on one route go into a `tower::ServiceBuilder`, since axum cannot infer the error between two `.layer(..)` of
//! a method router.
//!
//! ```
//! use axum::{Router, routing::{get, post}};
//! use portcullis::{RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Tiers};
//!
//! # fn main() -> Result<(), portcullis::ConfigError> {
//! let tiers = Tiers::ascending(["basic", "professional"])?;
//! let roles = Roles::builder().role("editor", ["create:page"]).build()?;
//!
//! let app: Router = Router::new()
//!     .route("/pages", post(|| async {}).layer(RequirePermission::all([roles.permission("create:page")?])?))
//!     .route("/drafts", get(|| async {}).layer(RequireRole::any([roles.get("editor")?])?))
//!     .route("/export", get(|| async {}).layer(RequireScope::all(["read:pages", "export:pages"])?))
//!     .route("/trends", get(|| async {}).layer(RequireTier::at_least(tiers.get("professional")?)));
//!
//! assert!(roles.get("editr").is_err());
//! # Ok(())
//! # }
//! ```
//!
//! The same checks are methods of [`UserContext`](crate::UserContext), for what only a handler can decide:
//!
//! ```
//! use portcullis::{Extractor, UserContext, gate::Denial};
//!
//! async fn delete(Extractor(user): Extractor<UserContext>) -> Result<&'static str, Denial> {
//!     user.require_scope("write:pages")?;
//!     Ok("deleted")
//! }
//! # let user = UserContext::new("ann");
//! # assert_eq!(user.require_scope("write:pages").unwrap_err().status(), 403);
//! ```

mod checks;
mod gate;
mod requirement;

pub use gate::{RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser};
