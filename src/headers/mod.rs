//! `SecurityHeaders`: the fields by which a browser guards what the app answers.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, SecurityHeaders};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let headers = SecurityHeaders::api().assume_https().build()?;
//! assert_eq!(headers.audit().grade().to_string(), "A+");
//!
//! let app: Router = Router::new().route("/", get(|| async { "ok" })).layer(headers);
//! let answer = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
//! # Ok(())
//! # }
//! ```
//!
//! # Presets
//!
//! | field | `api()` | `html()` |
//! |---|---|---|
//! | `Content-Security-Policy` | [`Csp::api`]: nothing loads | [`Csp::html`]: the own origin, and what bears the nonce |
//! | `Strict-Transport-Security`, over https | two years, with subdomains | the same |
//! | `X-Content-Type-Options` | `nosniff` | the same |
//! | `X-Frame-Options` | `DENY` | the same |
//! | `Referrer-Policy` | `no-referrer` | `strict-origin-when-cross-origin` |
//! | `Permissions-Policy` | - | sensors, camera, microphone, location, payment, devices off |
//! | `X-XSS-Protection` | `0`: what it switched on opened holes | the same |
//! | `Cross-Origin-Opener-Policy`, `Cross-Origin-Resource-Policy` | `same-origin` | the same |
//! | `Origin-Agent-Cluster` | `?1` | the same |
//! | `Cache-Control`, where a user was authenticated | `no-store` | the same |
//! | `Cache-Control`, where a page bears a nonce | - | `private` |
//! | `Server`, `X-Powered-By` | removed | the same |
//!
//! [`owasp`](SecurityHeaders::owasp) sends what the OWASP Secure Headers Project proposes, [`helmet`](SecurityHeaders::helmet) what
//! helmet 8 does, and [`builder`](SecurityHeaders::builder) nothing yet. What a handler set stays: a field that is there is neither
//! changed nor doubled, unless it is to be [enforced](SecurityHeadersBuilder::enforce).
//!
//! # Nonces
//!
//! A handler that renders a page takes an `Extractor<CspNonce>` and writes the word into the `nonce` attributes of its scripts and
//! styles; the policy of that answer, and the report-only one, let in what bears it. Where no handler asks, none is made, and the
//! policy lets nothing in by a nonce.
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
//! # https
//!
//! `Strict-Transport-Security` must not be sent over http (RFC 6797 §7.2), and an app behind a proxy cannot see by itself how the
//! client came. It is sent where the request's own URI says https, as in HTTP/2; where a
//! [trusted proxy](SecurityHeadersBuilder::trusted_proxies) says so; or [always](SecurityHeadersBuilder::assume_https).
//!
//! # Where it stands
//!
//! Outside of everything: refusals, 404s and caught panics are answers too.

mod audit;
mod builder;
mod clear_site_data;
mod csp;
mod gate;
mod hsts;
mod owasp;
mod own;
mod permissions;
mod policy;
mod preset;
mod values;

pub use audit::{Audit, Grade, Modifier};
pub use builder::SecurityHeadersBuilder;
pub use clear_site_data::ClearSiteData;
pub use csp::{Csp, Directive, Lint, Source};
pub use gate::{Pass, SecurityHeaders};
pub use hsts::Hsts;
pub use owasp::REMOVE as OWASP_REMOVED;
pub use permissions::PermissionsPolicy;
pub use values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};
