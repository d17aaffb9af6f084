//! Test support: an in-process issuer, signed tokens, a fake clock, and users without tokens.
//!
//! An app that is secured by tokens is hard to test with a real identity provider: a test cannot make it sign an
//! expired token, rotate its keys or fail. This module replaces the provider, the time and, for tests of handlers, the
//! whole authentication. The layers under test are the ones that run in production.
//!
//! Enable the feature `testing` in `[dev-dependencies]` only. It lets code sign tokens and skip authentication:
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
//! It does not replace Redis or your database, and it opens a port on loopback only for [`TestIssuer`].
//!
//! # Handlers without tokens
//!
//! [`as_user`] authenticates every request as the given user. Apply it where the app applies `JwtAuth`, around the
//! layers that need a user.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::testing::as_user;
//! use portcullis::{RequireScope, Scopes, UserContext};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! async fn me(user: UserContext) -> String {
//!     user.id().to_owned()
//! }
//! let app = Router::new()
//!     .route("/me", get(me))
//!     .layer(RequireScope::new("profile")?);
//!
//! let ann = UserContext::new("ann").with_scopes(Scopes::new(["profile"])?);
//! let bob = UserContext::new("bob");
//! for (user, status) in [(ann, 200), (bob, 403)] {
//!     let app = app.clone().layer(as_user(user));
//!     let request = Request::get("/me").body(Body::empty())?;
//!     assert_eq!(app.oneshot(request).await?.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Only the app's `JwtAuth` knows which permissions the roles grant. To test with these permissions, give the user the
//! same role table with [`UserContext::with_role_table`](crate::UserContext::with_role_table).
//!
//! # The whole app with signed tokens
//!
//! A [`TestIssuer`] serves its metadata and keys over HTTP on loopback, so that the app under test fetches them as it
//! does in production. Build the app in a function that takes its [`Issuer`](crate::Issuer), and pass the test
//! issuer's.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, Issuer, JwtAuth, testing::TestIssuer};
//! use tower::ServiceExt;
//!
//! fn app(issuer: Issuer) -> Result<Router, ConfigError> {
//!     let auth = JwtAuth::builder()
//!         .issuer(issuer)
//!         .audience("https://api.example.com")
//!         .build()?;
//!     Ok(Router::new().route("/", get(|| async {})).layer(auth))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TestIssuer::start().await?;
//! let app = app(Issuer::discover(issuer.url()))?;
//!
//! let token = issuer.token("ann").audience("https://api.example.com");
//! let expired = token.clone().expired();
//! for (token, status) in [(token.sign(), 200), (expired.sign(), 401)] {
//!     let request = Request::get("/")
//!         .header("authorization", format!("Bearer {token}"))
//!         .body(Body::empty())?;
//!     assert_eq!(app.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//!
//! A [`FakeClock`] moves only when the test moves it, so a test of an expiry or of a window neither sleeps nor depends
//! on the speed of the machine.
//!
//! ```
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use tower::ServiceExt;
//! use std::time::Duration;
//! use portcullis::rate_limit::Key;
//! use portcullis::{Quota, RateLimit, testing::FakeClock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fake = FakeClock::new();
//! let limit = RateLimit::builder()
//!     .quota(Quota::per_hour(1)?)
//!     .key(Key::global())
//!     .clock(fake.clock())
//!     .build()?;
//! let app = Router::new().route("/", get(|| async {})).layer(limit);
//!
//! for (minutes, status) in [(0, 200), (30, 429), (31, 200)] {
//!     fake.advance(Duration::from_secs(minutes * 60));
//!     let request = Request::get("/").body(Body::empty())?;
//!     assert_eq!(app.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # In the guide
//!
//! [Testing](crate::_guide::recipes::testing) of your own routes.

mod as_user;
mod clock;
mod issuer;
mod keys;
mod server;
mod token;

#[doc(alias = "mock")]
pub use as_user::as_user;
pub use as_user::{AsUser, AsUserPass, as_anonymous};
pub use clock::FakeClock;
pub use issuer::TestIssuer;
pub use token::TokenBuilder;
