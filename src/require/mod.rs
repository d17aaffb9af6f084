//! `RequireUser`, `RequireScope`, `RequireRole`, `RequirePermission`, `RequireTier`: authorization of single routes.
//!
//! Authentication identifies the user; these layers check what the user may do. Add one to the route or router that it
//! protects, inside of the layer that authenticates. Each responds:
//!
//! | user | response |
//! |---|---|
//! | meets the requirement | the handler's |
//! | does not meet it | 403 with the challenge `error="insufficient_scope"`, which for scopes lists the required ones (RFC 6750 §3.1) |
//! | anonymous | 401 with a challenge without an error code |
//! | unknown, because no authenticating layer ran | 500, and a log line that names the layer |
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
//! Tiers and roles come from their tables, and permissions can come from
//! [`Roles::permission`](crate::Roles::permission). So a misspelled name fails at startup, not at the first request.
//! Constructors that check names return a `Result`, so they need a `?`.
//!
//! To add several of these layers to one route, put them into a `tower::ServiceBuilder`: axum cannot infer the error
//! type between two calls of `.layer(..)` on a method router.
//!
//! # Checks in a handler
//!
//! These layers decide from the user alone. For decisions that depend on the resource, the same checks are methods of
//! [`UserContext`](crate::UserContext):
//!
//! ```
//! use portcullis::{Extractor, UserContext, gate::Denial};
//!
//! async fn delete(Extractor(user): Extractor<UserContext>) -> Result<&'static str, Denial> {
//!     user.require_scope("write:pages")?;
//!     Ok("deleted")
//! }
//! # let user = UserContext::new("ann");
//! assert_eq!(user.require_scope("write:pages").unwrap_err().status(), 403);
//! ```

mod checks;
mod gate;
mod requirement;

pub use gate::{RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser};
