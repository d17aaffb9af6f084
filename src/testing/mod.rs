//! An issuer in the process, minted tokens, a clock with hands, and users without cryptography: for a user's own tests.
//!
//! Switch it on in `[dev-dependencies]` alone:
//!
//! ```toml
//! [dev-dependencies]
//! portcullis = { version = "0.1", features = ["testing"] }
//! ```
//!
//! Handlers and gates are tested without a token: [`as_user`] stands in for the layer that authenticates.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{Extractor, RequireScope, Scopes, UserContext, testing::as_user};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! async fn me(Extractor(user): Extractor<UserContext>) -> String {
//!     user.id().to_owned()
//! }
//! let app = Router::new().route("/me", get(me)).layer(RequireScope::all(["profile"])?);
//!
//! let ann = UserContext::new("ann").with_scopes(Scopes::new(["profile"])?);
//! let response = app.clone().layer(as_user(ann)).oneshot(Request::get("/me").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.status(), 200);
//!
//! let bob = UserContext::new("bob");
//! let response = app.layer(as_user(bob)).oneshot(Request::get("/me").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! Such a user's roles grant what a table given by [`with_role_table`](crate::UserContext::with_role_table) says: the app's
//! own is known to its `JwtAuth` alone.
//!
//! Tokens of an issuer with a shared secret are minted by [`TokenBuilder::first_party`]. The layer itself is tested against a
//! [`TestIssuer`], a real one on loopback whose keys rotate on demand.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TestIssuer::start().await?;
//! let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("https://api.example.com").build()?;
//! let app = Router::new().route("/", get(|| async {})).layer(auth);
//!
//! let token = issuer.token("ann").audience("https://api.example.com").sign();
//! let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(request).await?.status(), 200);
//!
//! issuer.rotate();
//! let token = issuer.token("ann").audience("https://api.example.com").expired().sign();
//! let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty())?;
//! assert_eq!(app.oneshot(request).await?.status(), 401);
//! # Ok(())
//! # }
//! ```

mod as_user;
mod clock;
mod issuer;
mod keys;
mod server;
mod token;

pub use as_user::{AsUser, as_anonymous, as_user};
pub use clock::FakeClock;
pub use issuer::TestIssuer;
pub use token::TokenBuilder;
