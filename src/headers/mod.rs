//! `SecurityHeaders`: adds the response headers that protect pages and APIs in browsers.
//!
//! A browser enforces many protections only if the response demands them: which scripts may run, who may show the page
//! in a frame, that the site is reached only over https. [`SecurityHeaders`] sends those headers with every response of
//! an app, starting from a preset that you adjust. `build()` rejects values that weaken the protection.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::SecurityHeaders;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "ok" }))
//!     .layer(SecurityHeaders::api().assume_https().build()?);
//!
//! let request = Request::get("/").body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! let header = |name: &str| &response.headers()[name];
//! assert_eq!(header("x-content-type-options"), "nosniff");
//! assert_eq!(
//!     header("strict-transport-security"),
//!     "max-age=63072000; includeSubDomains"
//! );
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
//! | `Content-Security-Policy` | [`Csp::api`]: nothing loads | [`Csp::html`]: own origin, and scripts with the nonce |
//! | `Strict-Transport-Security`, over https | two years, with subdomains | the same |
//! | `X-Content-Type-Options` | `nosniff` | the same |
//! | `X-Frame-Options` | `DENY` | the same |
//! | `Referrer-Policy` | `no-referrer` | `strict-origin-when-cross-origin` |
//! | `Permissions-Policy` | - | [`PermissionsPolicy::html`]: no camera, microphone, location ... |
//! | `X-XSS-Protection` | `0`: disables the unsafe XSS filter of old browsers | the same |
//! | `Cross-Origin-Opener-Policy` | `same-origin` | the same |
//! | `Cross-Origin-Resource-Policy` | `same-origin` | the same |
//! | `Origin-Agent-Cluster` | `?1` | the same |
//! | `Cache-Control`, for authenticated users | `no-store` | the same |
//! | `Cache-Control`, for pages with a nonce | - | `private` |
//! | `Server`, `X-Powered-By` | removed | the same |
//!
//! [`owasp`](SecurityHeaders::owasp) sends the headers that the OWASP Secure Headers Project recommends,
//! [`helmet`](SecurityHeaders::helmet) the defaults of helmet 8, and [`builder`](SecurityHeaders::builder) starts
//! without any.
//!
//! A header that the handler sets is kept: the layer neither changes nor duplicates it, unless
//! [`override_handler`](SecurityHeadersBuilder::override_handler) names it.
//!
//! # Two presets in one app
//!
//! If an app has pages and an API, add `html()` around everything and `api()` to the router of the API. The inner layer
//! writes its headers first, and the outer layer keeps them:
//!
//! ```
//! # use axum::{body::Body, http::Request};
//! use axum::{Router, response::Html, routing::get};
//! use portcullis::SecurityHeaders;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let api = Router::new()
//!     .route("/reports", get(|| async { "[]" }))
//!     .layer(SecurityHeaders::api().build()?);
//! let app: Router = Router::new()
//!     .route("/", get(|| async { Html("<h1>Reports</h1>") }))
//!     .nest("/api", api)
//!     .layer(SecurityHeaders::html().build()?);
//!
//! let policy = async |path: &str| {
//!     let request = Request::get(path).body(Body::empty()).unwrap();
//!     let response = app.clone().oneshot(request).await.unwrap();
//!     let policy = &response.headers()["content-security-policy"];
//!     policy.to_str().unwrap().to_owned()
//! };
//! assert!(policy("/api/reports").await.starts_with("default-src 'none'"));
//! assert!(policy("/").await.contains("script-src"));
//! # assert!(policy("/missing").await.contains("script-src"));
//! # Ok(())
//! # }
//! ```
//!
//! Use `nest`, not `merge`: a layer of a merged router also applies to the fallback of the app. In a
//! [`Stack`](crate::Stack), the outer layer is [`security_headers`](crate::stack::StackBuilder::security_headers). It
//! also applies to the rejections of the stack, such as a 401 for a path below `/api`.
//!
//! # A policy that exists already
//!
//! To keep the policy of an app, parse its text. A route that needs another one gets a layer of its own, which the outer
//! layer keeps; a handler may also set the header itself:
//!
//! ```
//! # use axum::{body::Body, http::Request};
//! use axum::{Router, response::Html, routing::get};
//! use portcullis::SecurityHeaders;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let strict = "default-src 'none'; script-src 'self'; img-src 'self'; \
//!     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
//! let headers = SecurityHeaders::html().csp(strict.parse()?).build()?;
//!
//! // Previews show images of any site.
//! let images = strict.replace("img-src 'self'", "img-src https:");
//! let preview = SecurityHeaders::builder().csp(images.parse()?).build()?;
//!
//! let page = || async { Html("<h1>Notes</h1>") };
//! let app: Router = Router::new()
//!     .route("/", get(page))
//!     .route("/preview", get(page).layer(preview))
//!     .layer(headers);
//! # for (path, images) in [("/", "img-src 'self';"), ("/preview", "img-src https:;")] {
//! #     let request = Request::get(path).body(Body::empty()).unwrap();
//! #     let response = app.clone().oneshot(request).await.unwrap();
//! #     let policies: Vec<_> = response.headers().get_all("content-security-policy").iter().collect();
//! #     assert!(policies.len() == 1 && policies[0].to_str()?.contains(images), "{policies:?}");
//! #     assert_eq!(response.headers()["x-frame-options"], "DENY");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Nonces
//!
//! A handler that renders a page extracts a [`CspNonce`](crate::CspNonce) and writes it into the `nonce` attributes of
//! its scripts and styles. The content security policy of that response then allows elements with the nonce, and so
//! does the report-only policy. If the handler does not extract it, no nonce is generated and the policy allows none.
//! If no handler reads the nonce for an app's first 20 pages, the layer logs one warning.
//!
//! ```
//! # use axum::{body::Body, http::Request};
//! use axum::{Router, response::Html, routing::get};
//! use portcullis::{CspNonce, SecurityHeaders};
//! # use tower::ServiceExt;
//!
//! async fn page(nonce: CspNonce) -> Html<String> {
//!     Html(format!("<script nonce=\"{nonce}\">alert('hello')</script>"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app: Router = Router::new()
//!     .route("/", get(page))
//!     .layer(SecurityHeaders::html().build()?);
//! # let response = app.oneshot(Request::get("/").body(Body::empty())?).await?;
//!
//! let policy = response.headers()["content-security-policy"].to_str()?;
//! assert!(policy.contains("script-src 'nonce-"));
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! Make it the outermost layer except for [`TrustedProxies`](crate::TrustedProxies), so that rejections, 404s and
//! responses to caught panics have the headers too. A [`Stack`](crate::Stack) does this.
//!
//! # Deployment
//!
//! `Strict-Transport-Security` must not be sent over http (RFC 6797 §7.2), and an app behind a proxy cannot see how the
//! client connected. The layer sends the header if an HTTP/2 request has the scheme https in its URI, or if a trusted
//! proxy reports https to a [`TrustedProxies`](crate::TrustedProxies) layer around this one. With
//! [`assume_https`](SecurityHeadersBuilder::assume_https), it always sends the header. Behind a proxy, use one of the
//! two: otherwise the header is never sent, and one warning in the log says so.
//!
//! Browsers remember the header for two years and apply it to all subdomains. Before you send it, make sure that every
//! subdomain has https, or start with a shorter time: see [`Hsts`]. To withdraw it, send `max-age=0` over https;
//! omitting the header changes nothing in browsers that have seen it (RFC 6797 §6.1.1).
//!
//! A strict content security policy breaks pages that have inline scripts or load from other origins. Try a policy out
//! with [`csp_report_only`](SecurityHeadersBuilder::csp_report_only) before you enforce it.
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
//!
//! # In the guide
//!
//! [Layer order](crate::_guide::layer_order), and [migration](crate::_guide::migration) from helmet.

#[cfg(feature = "audit")]
mod audit;
mod builder;
mod clear_site_data;
mod csp;
mod custom_header;
pub(crate) mod gate;
mod hsts;
mod names;
mod nonce_usage;
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
#[doc(alias("log out", "logout", "sign out"))]
pub use clear_site_data::ClearSiteData;
#[doc(alias = "content security policy")]
pub use csp::Csp;
pub use csp::{Directive, Lint, Source};
pub(crate) use gate::SecurityHeaders;
pub use gate::SecurityHeadersPass;
#[doc(alias("https", "strict-transport-security"))]
pub use hsts::Hsts;
pub use owasp::OWASP_REMOVED;
pub use permissions::PermissionsPolicy;
pub use values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};
