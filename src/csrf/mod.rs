//! `Csrf`: rejects requests that pages of other sites cause (cross-site request forgery).
//!
//! A browser adds cookies and client certificates to every request to a site, whichever page causes it. So a page of an
//! attacker could send a form to the app, and the app would see the cookie of its user. Browsers say which page caused
//! a request: in `Sec-Fetch-Site` ([Fetch Metadata](https://www.w3.org/TR/fetch-metadata/)), and in `Origin`. The check
//! needs no token in forms, and no state.
//!
//! Gates make this check by themselves if a cookie or a client certificate is the credential of the request:
//! `SessionAuth`, [`JwtAuth::cookie`](crate::jwt::JwtAuthBuilder::cookie) and `ClientCertAuth`. Add the layer to routes
//! that act before there is a credential, such as a login form. Otherwise another site could log a user in as the
//! attacker.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::post};
//! use portcullis::Csrf;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! let csrf = Csrf::builder().build()?;
//! let app: Router = Router::new().route("/login", post(|| async {})).layer(csrf);
//!
//! for (site, status) in [("same-origin", 200), ("cross-site", 403)] {
//!     let request = Request::post("/login").header("sec-fetch-site", site);
//!     let request = request.body(Body::empty()).unwrap();
//!     let response = app.clone().oneshot(request).await.unwrap();
//!     assert_eq!(response.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Decisions
//!
//! GET, HEAD and OPTIONS are admitted, because they must not change anything (RFC 9110 §9.2.1). A GET that opens a
//! WebSocket is checked like a POST.
//!
//! | the request has | result |
//! |---|---|
//! | `Sec-Fetch-Site: same-origin` or `none` | admitted |
//! | `Sec-Fetch-Site: same-site` or `cross-site` | admitted if its `Origin` is [trusted](CsrfBuilder::origins), else 403 |
//! | two lines of `Sec-Fetch-Site` | 403 |
//! | no `Sec-Fetch-Site`, and one `Origin` | admitted if that is the app's own or trusted, else 403 |
//! | no `Sec-Fetch-Site`, and `Origin: null` or two lines of it | 403 |
//! | neither of the two headers | 403, because no page of a current browser sends such a request; see [`allow_without_origin`](CsrfBuilder::allow_without_origin) |
//!
//! The app's own origin is the host of the request, with the scheme that TLS or a [trusted
//! proxy](crate::TrustedProxies) reports. If a proxy replaces the host, add the app's public origin to the trusted
//! ones: only browsers without `Sec-Fetch-Site` need it (all current ones send it over https).
//!
//! Neither the content type nor `X-Requested-With` nor `Referer` decides anything, and no path is exempt.
//!
//! # Order
//!
//! Put it inside [`Cors`](crate::Cors), so that pages of trusted origins can read the 403, and around the routes that
//! it protects. It needs no authentication around it.
//!
//! # What it does not do
//!
//! It does not protect a GET that changes something: use POST. It does not stop scripts that an attacker has injected
//! into a page of the app itself: [`SecurityHeaders`](crate::SecurityHeaders) does. A `same-site` page is not trusted:
//! another app on a sibling domain may belong to someone else.

mod builder;
mod fetch_site;
pub(crate) mod gate;
pub(crate) mod own_origin;

pub use builder::CsrfBuilder;
