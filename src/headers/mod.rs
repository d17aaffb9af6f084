//! `SecurityHeaders`: adds the response headers that protect pages and APIs in browsers.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, SecurityHeaders};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let headers = SecurityHeaders::api().assume_https().build()?;
//! let app: Router = Router::new().route("/", get(|| async { "ok" })).layer(headers);
//!
//! let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.headers()["x-content-type-options"], "nosniff");
//! assert_eq!(response.headers()["strict-transport-security"], "max-age=63072000; includeSubDomains");
//! # Ok(())
//! # }
//! ```
//!
//! # Presets
//!
//! Each preset returns a [builder](SecurityHeadersBuilder): change what you need, then call `build()`.
//!
//! | header | `api()` | `html()` |
//! |---|---|---|
//! | `Content-Security-Policy` | [`Csp::api`]: nothing loads | [`Csp::html`]: the page's own origin, and scripts with the nonce |
//! | `Strict-Transport-Security`, over https | two years, with subdomains | the same |
//! | `X-Content-Type-Options` | `nosniff` | the same |
//! | `X-Frame-Options` | `DENY` | the same |
//! | `Referrer-Policy` | `no-referrer` | `strict-origin-when-cross-origin` |
//! | `Permissions-Policy` | - | no sensors, camera, microphone, location, payment or devices |
//! | `X-XSS-Protection` | `0`: disables the unsafe XSS filter of old browsers | the same |
//! | `Cross-Origin-Opener-Policy`, `Cross-Origin-Resource-Policy` | `same-origin` | the same |
//! | `Origin-Agent-Cluster` | `?1` | the same |
//! | `Cache-Control`, for authenticated users | `no-store` | the same |
//! | `Cache-Control`, for pages with a nonce | - | `private` |
//! | `Server`, `X-Powered-By` | removed | the same |
//!
//! [`owasp`](SecurityHeaders::owasp) sends the headers that the OWASP Secure Headers Project recommends,
//! [`helmet`](SecurityHeaders::helmet) the defaults of helmet 8, and [`builder`](SecurityHeaders::builder) starts without any.
//!
//! A header that the handler sets is kept: the layer neither changes nor duplicates it, unless
//! [`override_handler`](SecurityHeadersBuilder::override_handler) names it.
//!
//! # Nonces
//!
//! A handler that renders a page extracts a [`CspNonce`](crate::CspNonce) and writes it into the `nonce` attributes of
//! its scripts and styles. The content security policy of that response then allows elements with the nonce, and so
//! does the report-only policy. If the handler does not extract it, no nonce is generated and the policy allows none.
//!
//! ```
//! use axum::{Router, response::Html, routing::get};
//! use portcullis::{ConfigError, CspNonce, Extractor, SecurityHeaders};
//!
//! async fn page(Extractor(nonce): Extractor<CspNonce>) -> Html<String> {
//!     Html(format!("<!doctype html><title>Hello</title><script nonce=\"{nonce}\">document.title = 'Hi'</script>"))
//! }
//!
//! fn app() -> Result<Router, ConfigError> {
//!     Ok(Router::new().route("/", get(page)).layer(SecurityHeaders::html().build()?))
//! }
//! # assert!(app().is_ok());
//! ```
//!
//! # HTTPS
//!
//! `Strict-Transport-Security` must not be sent over http (RFC 6797 §7.2), and an app behind a proxy cannot see how the
//! client connected. The layer sends the header if the request's URI has the scheme https, as in HTTP/2, or if a
//! [trusted proxy](SecurityHeadersBuilder::trusted_proxies) reports https. With
//! [`assume_https`](SecurityHeadersBuilder::assume_https), it always sends the header.
//!
//! # Order
//!
//! Make it the outermost layer, so that rejections, 404s and responses to caught panics have the headers too. A
//! [`Stack`](crate::Stack) does this.
//!
//! # Tests
//!
//! With the feature `audit`, `SecurityHeaders::audit` computes the grade that Mozilla's HTTP Observatory would give:
//! `api()` and `html()` get an A+ with 140 points.
//!
//! # What it does not do
//!
//! It does not escape HTML: the policy limits what injected code can do, but the app must still escape what it renders.
//! It does not receive violation reports; route
//! [`add_reporting_endpoint`](SecurityHeadersBuilder::add_reporting_endpoint)'s path to your own handler.

#[cfg(feature = "audit")]
mod audit;
mod builder;
mod clear_site_data;
mod csp;
mod custom_header;
mod gate;
mod hsts;
mod names;
mod owasp;
mod permissions;
mod policy;
mod preset;
mod reporting_endpoints;
#[cfg(feature = "serde")]
mod serialization;
mod values;

#[cfg(feature = "audit")]
pub use audit::{Audit, Grade, Modifier};
pub use builder::SecurityHeadersBuilder;
pub use clear_site_data::ClearSiteData;
pub use csp::{Csp, Directive, Lint, Source};
pub use gate::{SecurityHeaders, SecurityHeadersPass};
pub use hsts::Hsts;
pub use owasp::OWASP_REMOVED;
pub use permissions::PermissionsPolicy;
pub use values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};
