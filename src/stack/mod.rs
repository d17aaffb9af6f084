//! `Stack`: all layers as one, in the one right order.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::rate_limit::Key;
//! use portcullis::{
//!     ConfigError, Cors, Issuer, JwtAuth, OriginSet, Quota, RateLimit, SecurityHeaders, Stack, TrustedProxies,
//! };
//!
//! fn app() -> Result<Router, ConfigError> {
//!     let proxies = TrustedProxies::new(["10.0.0.0/8"])?;
//!     let stack = Stack::builder()
//!         .trusted_proxies(proxies.clone())
//!         .security_headers(SecurityHeaders::api().trusted_proxies(proxies.clone()).build()?)
//!         .cors(Cors::builder().origins(OriginSet::new(["https://app.example.com"])?).allow_credentials().build()?)
//!         .limit_by_address(RateLimit::builder().quota(Quota::per_minute(600)?).key(Key::ip(proxies)).build()?)
//!         .authenticate(
//!             JwtAuth::builder()
//!                 .issuer(Issuer::discover("https://auth.example.com"))
//!                 .audience("https://api.example.com")
//!                 .build()?,
//!         )
//!         .limit_by_user(RateLimit::builder().quota(Quota::per_hour(1000)?).key(Key::user()).build()?)
//!         .build()?;
//!     Ok(Router::new().route("/", get(|| async { "ok" })).layer(stack))
//! }
//! # assert!(app().is_ok());
//! ```
//!
//! # The order
//!
//! ```text
//! trusted_proxies       finds the client's address for all below
//! └ security_headers    completes every answer
//!   └ cors              answers preflights; lets pages read every answer below
//!     └ limit_by_address    bounds the work of checking tokens, or 429
//!       └ authenticate      token -> user, or 401
//!         └ limit_by_user   counts by user, or 429
//!           └ the router    Require*, handlers
//! ```
//!
//! To try an app with [`as_user`](crate::testing::as_user) in the place of a token, leave the gate open:
//!
//! ```
//! use portcullis::gate::Gate;
//! use portcullis::{ConfigError, SecurityHeaders, Stack};
//!
//! fn stack<A: Gate + 'static>(authenticate: A) -> Result<Stack<A>, ConfigError> {
//!     Stack::builder().security_headers(SecurityHeaders::api().build()?).authenticate(authenticate).build()
//! }
//!
//! # use portcullis::{UserContext, testing::as_user};
//! let stack = stack(as_user(UserContext::new("ann")))?;
//! # let _ = stack;
//! # Ok::<(), ConfigError>(())
//! ```
//!
//! It does not matter in which order the builder is told. Each is one of the crate's own layers, which stand on their own
//! as well, in a `tower::ServiceBuilder`; as one layer, axum boxes the service once, and a request's head is taken apart once.
//! What each is there for, and why there, the [guide](crate::_guide::layer_order) tells.

mod builder;
mod gate;

pub use builder::StackBuilder;
pub use gate::{Open, Stack};
