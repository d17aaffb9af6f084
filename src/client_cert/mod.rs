//! `ClientCertAuth`: a layer that authenticates requests by TLS client certificates.
//!
//! Services authenticate each other by certificates (mTLS), for example those of a SPIFFE workload API. The TLS layer or
//! a proxy in front of the app requests and verifies the certificate. This layer maps it to a user, with the same
//! [`UserContext`](crate::UserContext) as for any other credential:
//!
//! ```
//! use portcullis::client_cert::ClientCertHeader;
//! use portcullis::{ClientCertAuth, TrustedProxies, UserContext};
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use std::net::SocketAddr;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! let proxies = TrustedProxies::new(["10.0.0.0/8"])?;
//! let auth = ClientCertAuth::builder()
//!     .forwarded(ClientCertHeader::Envoy, proxies)
//!     .user(|certificate| {
//!         let id = certificate.uri()?.strip_prefix("spiffe://acme.example/")?;
//!         Some(UserContext::new(id))
//!     })
//!     .build()?;
//!
//! async fn me(user: UserContext) -> String {
//!     user.id().to_owned()
//! }
//! let app = Router::new().route("/me", get(me)).layer(auth);
//!
//! // A request from the proxy 10.0.0.1, and one from any other address:
//! # let hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
//! # let xfcc = format!("By=;Hash={hash};URI=spiffe://acme.example/backup");
//! for (peer, status) in [([10, 0, 0, 1], 200), ([203, 0, 113, 9], 403)] {
//!     let request = Request::get("/me").header("x-forwarded-client-cert", &xfcc);
//!     # let request = request.extension(SocketAddr::from((peer, 4711)));
//!     let request = request.body(Body::empty()).unwrap();
//!     assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where the certificate comes from
//!
//! | setting | source | trusted |
//! |---|---|---|
//! | [`from_tls`](ClientCertAuthBuilder::from_tls) | the request's extensions, where your TLS server puts it | the TLS server, which verifies it |
//! | [`forwarded`](ClientCertAuthBuilder::forwarded) with [`Rfc9440`](ClientCertHeader::Rfc9440) | the header `Client-Cert` | the proxies that you name |
//! | `forwarded` with [`Envoy`](ClientCertHeader::Envoy) | the last element of `X-Forwarded-Client-Cert` | the proxies that you name |
//!
//! If both are set, the certificate in the header counts for connections from the proxies, and that of the connection
//! for all others. The certificate by which a proxy itself connects to the app is never the user's.
//!
//! A client could send these headers too. They are read only if the connection is from a trusted proxy, and removed from
//! all other requests, so that no handler takes them for the proxy's. In a [`Stack`](crate::Stack) and an
//! [`AnyOf`](crate::AnyOf), that includes [open routes](crate::stack::StackBuilder::open) and requests that another gate
//! decides about. The proxy must remove or replace the headers of its own clients: without that, any client can choose
//! its certificate. Some proxies forward certificates that they could not verify; see
//! [`verified_by`](ClientCertAuthBuilder::verified_by).
//!
//! Let Envoy send the whole certificate (`cert: true`), because it does not quote the names in its other fields. Without
//! it, the validity is unknown here, older versions send only the first of several URIs, and a name with a comma or a
//! semicolon could look like further fields. Your authority must not issue certificates with such names.
//!
//! # Rejections
//!
//! | the request | response |
//! |---|---|
//! | has no certificate | 401 with the challenges of the other gates |
//! | has a malformed header, or two | 400 |
//! | has a certificate that is not valid now, or that the proxy could not verify | 401 |
//! | has a certificate, may change something, and is caused by a page of another site | 403 |
//! | has a certificate for which the app's function returns no user | 403 |
//!
//! HTTP has no authentication scheme for certificates, so a 401 could have no challenge, which it must have. If no other
//! gate has a scheme, the 401 is therefore a 403.
//!
//! # Browsers and caches
//!
//! A browser sends the certificate on its own, as it does a cookie. In an `AnyOf`, it counts only if the request has no
//! explicit credential. A request with `Sec-Fetch-Site` or `Origin` is from a browser: if it may change something, and a
//! page of another site caused it, it gets 403, as with [`Csrf`](crate::Csrf). Pages of other origins can be
//! [trusted](ClientCertAuthBuilder::csrf). Programs send neither header.
//!
//! Responses get `Cache-Control: no-store`. If a handler allows caching, they get `Vary` with the header of the
//! certificate instead (RFC 9440 §2.4).
//!
//! The [guide](crate::_guide::recipes::mtls) has the settings of the app's own TLS server, of Envoy, nginx, HAProxy, Caddy
//! and Cloudflare.
//!
//! # What it does not do
//!
//! It does not verify signatures, chains or revocation lists: the TLS layer or the proxy does. It does not check that a
//! token is bound to the certificate (RFC 8705).

mod builder;
mod client_cert_header;
pub(crate) mod gate;
mod parsed_certificates;
mod policy;
pub(crate) mod rfc9440;
pub(crate) mod xfcc;

pub use builder::ClientCertAuthBuilder;
pub use client_cert_header::ClientCertHeader;
