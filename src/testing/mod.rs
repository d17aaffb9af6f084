//! Test support: an in-process issuer, signed test tokens, a fake clock, and authentication without tokens.
//!
//! Enable the feature `testing` in `[dev-dependencies]` only:
//!
//! ```toml
//! [dev-dependencies]
//! portcullis = { version = "0.1", features = ["testing"] }
//! ```
//!
//! | to test | use |
//! |---|---|
//! | handlers and `Require*` layers | [`as_user`] and [`as_anonymous`] in place of `JwtAuth`; no tokens are needed |
//! | an app with a first-party issuer (HS256) | [`TokenBuilder::first_party`] |
//! | an app with keys that are fetched, rotated or unavailable | [`TestIssuer`] |
//! | expiry, rate limits, the age of keys | [`FakeClock`] in the `clock` setter of a builder |
//!
//! # Handlers without tokens
//!
//! [`as_user`] authenticates every request as the given user.
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
//! Only the app's `JwtAuth` knows which permissions the roles grant. To test with these permissions, give the user the
//! same role table with [`UserContext::with_role_table`](crate::UserContext::with_role_table).
//!
//! # The whole app with signed tokens
//!
//! A [`TestIssuer`] serves its metadata and keys over HTTP on loopback, so that the app under test fetches them as it does
//! in production.
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

pub use as_user::{AsUser, AsUserPass, as_anonymous, as_user};
pub use clock::FakeClock;
pub use issuer::TestIssuer;
pub use token::TokenBuilder;
