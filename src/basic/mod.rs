//! `BasicAuth`: a layer that authenticates requests by a user name and a password (RFC 7617).
//!
//! It is for internal endpoints and their clients, such as Prometheus, and for apps whose users are known to a program
//! that speaks nothing else. Browsers send the password with every request and cannot log out, so do not use it for
//! people.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{BasicAuth, UserContext};
//! # use tower::ServiceExt;
//!
//! async fn metrics(user: UserContext) -> String {
//!     format!("metrics for {}", user.id())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! # let password = "wOJ0dPFpeFQAYvHO";
//! let auth = BasicAuth::builder().user("prometheus", password).build()?;
//! let app = Router::new().route("/metrics", get(metrics)).layer(auth);
//!
//! // The base64 of `prometheus:` and the password:
//! let credentials = "Basic cHJvbWV0aGV1czp3T0owZFBGcGVGUUFZdkhP";
//! let request = Request::get("/metrics").header("authorization", credentials);
//! let request = request.body(Body::empty()).unwrap();
//! assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
//!
//! let request = Request::get("/metrics").body(Body::empty()).unwrap();
//! let response = app.oneshot(request).await.unwrap();
//! assert_eq!(response.status(), 401);
//! let challenge = r#"Basic realm="api", charset="UTF-8""#;
//! assert_eq!(response.headers()["www-authenticate"], challenge);
//! # Ok(())
//! # }
//! ```
//!
//! # Passwords
//!
//! [Configured](BasicAuthBuilder::user) passwords are secrets for programs, of 16 characters or more. They are kept as
//! digests under a random key, and compared in constant time: an unknown user and a wrong password take the same time.
//!
//! Passwords of people are slow to check, because they must be hashed by an algorithm such as Argon2. Pass a
//! [function](BasicAuthBuilder::verify) for that. At most four checks run at once, so that a flood of passwords cannot
//! occupy all threads; the other requests get 503. A success is cached for 60 seconds, so a changed password is accepted
//! for that long. A failure is not cached.
//!
//! # Requests by scripts
//!
//! If a page's script gets a 401 with a challenge for `Basic`, the browser opens a dialog for a password over the page.
//! So a request with `Sec-Fetch-Dest: empty`, which browsers send for `fetch`, gets the challenges of the other gates of
//! an [`AnyOf`](crate::AnyOf). If there is none, the challenge has the scheme `xBasic`, which browsers ignore.
//!
//! # What it does not do
//!
//! It does not protect the password on its way: serve over TLS only. It does not limit failed logins: add a
//! [`RateLimit`](crate::_guide::recipes::login_limits) around it.

mod builder;
mod credentials;
pub(crate) mod gate;
mod policy;
mod verifier;

pub use builder::BasicAuthBuilder;
pub use credentials::BasicCredentials;
