//! `Stack`: all layers as one, in the correct order.
//!
//! The order of security layers matters, and nothing reports a wrong one: CORS inside authentication breaks every
//! preflight, and a rate limit outside authentication knows no user. A `Stack` applies its layers in the correct order,
//! whatever the order of the setters. Each layer is optional.
//!
//! ```
//! use axum::{Router, routing::get};
//! use portcullis::rate_limit::Key;
//! use portcullis::{ConfigError, Cors, Issuer, JwtAuth, OriginSet, Quota};
//! use portcullis::{RateLimit, SecurityHeaders, Stack, TrustedProxies};
//!
//! fn app() -> Result<Router, ConfigError> {
//!     let proxies = TrustedProxies::new(["10.0.0.0/8"])?;
//!     let headers = SecurityHeaders::api();
//!     let cors = Cors::builder()
//!         .origins(OriginSet::new(["https://app.example.com"])?)
//!         .allow_credentials();
//!     let by_address = RateLimit::builder()
//!         .quota(Quota::per_minute(600)?)
//!         .key(Key::ip());
//!     let auth = JwtAuth::builder()
//!         .issuer(Issuer::discover("https://auth.example.com"))
//!         .audience("https://api.example.com");
//!     let by_user = RateLimit::builder()
//!         .quota(Quota::per_hour(1000)?)
//!         .key(Key::user());
//!
//!     let stack = Stack::builder()
//!         .trusted_proxies(proxies)
//!         .security_headers(headers.build()?)
//!         .cors(cors.build()?)
//!         .limit_by_address(by_address.build()?)
//!         .authenticate(auth.build()?)
//!         .limit_by_user(by_user.build()?)
//!         .build()?;
//!     Ok(Router::new().route("/", get(|| async { "ok" })).layer(stack))
//! }
//!
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! # let mut request = axum::http::Request::get("/").body(axum::body::Body::empty()).unwrap();
//! # request.extensions_mut().insert(std::net::SocketAddr::from(([203, 0, 113, 9], 4711)));
//! // A request without a token:
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
//! trusted_proxies           finds the client's address and scheme
//! └ security_headers        adds headers to every response
//!   └ cors                  responds to preflights, adds CORS headers
//!     └ ip_filter           denies addresses, or 403
//!       └ limit_by_address  bounds the work of verifying credentials, or 429
//!         └ authenticate    credential -> user, or 401
//!           └ limit_by_user charges the user, or 429
//!             └ router      Require*, handlers
//! ```
//!
//! The guide explains [why each layer has its place](crate::_guide::layer_order).
//!
//! Each part is a layer that also works alone, for example in a `tower::ServiceBuilder`. As one layer they cost less:
//! axum boxes the service once, and each request is split into head and body once.
//!
//! # Where to add it
//!
//! Add the stack with `Router::layer`, after all routes and the fallback: a layer applies only to routes that were
//! added before it. Name the public routes with [`open`](StackBuilder::open); all others, and the fallback, require a
//! credential. Put tracing and request ids around the stack, and timeouts and panic handling inside it, so that their
//! responses have CORS and security headers too.
//!
//! # As a return type
//!
//! The type parameter is the gate that authenticates: a function returns a `Result<Stack<JwtAuth>, ConfigError>`.
//! `Stack` alone is a stack without authentication.
//!
//! # What it does not do
//!
//! A `Stack` does not authorize single routes: add [`Require*`](crate::require) layers to them. Without
//! [`authenticate`](StackBuilder::authenticate), it sets no user, and `Require*` layers and user extractors respond
//! with 500.
//!
//! # In tests
//!
//! To test an app with [`as_user`](crate::testing::as_user) instead of tokens, pass the authenticating gate as an
//! argument:
//!
//! ```
//! use portcullis::{ConfigError, SecurityHeaders, Stack, UserContext};
//! use portcullis::{gate::Gate, testing::as_user};
//!
//! fn stack<A: Gate>(authenticate: A) -> Result<Stack<A>, ConfigError> {
//!     Stack::builder()
//!         .security_headers(SecurityHeaders::api().build()?)
//!         .authenticate(authenticate)
//!         .build()
//! }
//!
//! // In main: stack(JwtAuth::builder()...build()?). In a test:
//! assert!(stack(as_user(UserContext::new("ann"))).is_ok());
//! ```

mod builder;
pub(crate) mod gate;
mod layers;
mod open_routes;

pub use builder::StackBuilder;
pub use gate::{NoAuth, StackPass};
