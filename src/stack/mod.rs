//! `Stack`: all layers as one, in the correct order.
//!
//! The order of security layers matters, and a wrong order is silent: CORS inside of authentication breaks every
//! preflight, and a rate limit by user outside of authentication knows no user. A `Stack` applies its layers in the
//! correct order, whatever the order of the setters.
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
//!
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! # let mut request = axum::http::Request::get("/").body(axum::body::Body::empty()).unwrap();
//! # request.extensions_mut().insert(std::net::SocketAddr::from(([203, 0, 113, 9], 4711)));
//! let response = app()?.oneshot(request).await.unwrap();
//! assert_eq!(response.status(), 401);
//! assert_eq!(response.headers()["x-content-type-options"], "nosniff");
//! # Ok(())
//! # }
//! ```
//!
//! # The order
//!
//! ```text
//! trusted_proxies         finds the client's address for all inner layers
//! └ security_headers      adds headers to every response
//!   └ cors                responds to preflights, adds CORS headers to every response
//!     └ limit_by_address    bounds the work of verifying tokens, or 429
//!       └ authenticate      token -> user, or 401
//!         └ limit_by_user   charges the user, or 429
//!           └ router        Require*, handlers
//! ```
//!
//! The guide explains [why each layer has its place](crate::_guide::layer_order).
//!
//! Each part is a layer that also works alone, for example in a `tower::ServiceBuilder`. As one layer they cost less:
//! axum boxes the service once, and each request is split into head and body once.
//!
//! A `Stack` does not authorize single routes. Add [`Require*`](crate::require) layers to them.
//!
//! # In tests
//!
//! To test an app with [`as_user`](crate::testing::as_user) in place of a token, pass the authenticating gate as an argument:
//!
//! ```
//! use portcullis::gate::Gate;
//! use portcullis::{ConfigError, SecurityHeaders, Stack, UserContext, testing::as_user};
//!
//! fn stack<A: Gate>(authenticate: A) -> Result<Stack<A>, ConfigError> {
//!     Stack::builder().security_headers(SecurityHeaders::api().build()?).authenticate(authenticate).build()
//! }
//!
//! assert!(stack(as_user(UserContext::new("ann"))).is_ok());
//! ```

mod builder;
mod gate;

pub use builder::StackBuilder;
pub use gate::{NoAuth, Stack, StackPass};
