//! The wall: the one engine that every layer of this crate runs on, and what a refusal is.
//!
//! A [`Gate`] looks at a request's head and lets it through, answers in the handler's place, or takes its time where the
//! answer lies beyond a network; on the way out it may add to the response's head. [`Gated`] is the service that asks it
//! and [`GatedFuture`] what that service returns, for any gate, any inner service and any body:
//!
//! - A gate that admits at once costs no allocation, no boxed future and no clone of the inner service.
//! - A gate that [waits](Entry::wait) costs one allocation, and in a [`Stack`](crate::Stack) one more for each gate outside of
//!   it. The inner service that was polled ready is the one called
//!   afterwards, and a clone takes its place; so permits of a `ConcurrencyLimit` or a place in a `Buffer` are kept.
//! - A refused request never reaches the inner service.
//!
//! # A gate of one's own
//!
//! ```
//! use http::{request, Request, Response};
//! use http_body_util::Full;
//! use bytes::Bytes;
//! use portcullis::gate::{Entry, Gate, Gated, Reply};
//! use tower::{service_fn, Service, ServiceExt};
//!
//! #[derive(Clone)]
//! struct Closed;
//!
//! impl Gate for Closed {
//!     type Pass = ();
//!
//!     fn enter(&self, head: &mut request::Parts) -> Entry<()> {
//!         if head.uri.path() == "/health" {
//!             return Entry::Admit(());
//!         }
//!         Entry::Refuse(Reply::new(Response::builder().status(503).body(Vec::new()).unwrap()))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let inner = service_fn(|_: Request<()>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//! });
//! let mut service = Gated::new(Closed, inner);
//! let open = service.ready().await.unwrap().call(Request::get("/health").body(()).unwrap()).await.unwrap();
//! assert_eq!(open.status(), 200);
//! let closed = service.ready().await.unwrap().call(Request::get("/").body(()).unwrap()).await.unwrap();
//! assert_eq!(closed.status(), 503);
//! // As a layer, on a router for example.
//! let layer = tower::layer::layer_fn(|inner| Gated::new(Closed, inner));
//! let app: axum::Router = axum::Router::new().route("/health", axum::routing::get(|| async {})).layer(layer);
//! # let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
//! # assert_eq!(app.oneshot(request).await.unwrap().status(), 503);
//! # }
//! ```
//!
//! A gate that refuses says why by a [`Denial`], [`Reply::denial`] makes the answer of it; a reason of one's own is
//! [`AccountRefusal::Other`].
//!
//! # Refusals
//!
//! A refusal made of a [`Denial`] carries it in the response's extensions and has a body of
//! `application/problem+json` (RFC 9457), `Cache-Control: no-store`, and the challenge or `Retry-After` that belong to
//! it. To render it otherwise, look for the `Denial` in an ordinary `map_response`:
//!
//! ```
//! use axum::{body::Body, http::header::{CONTENT_LENGTH, CONTENT_TYPE}, response::Response};
//! use portcullis::{RequireUser, gate::Denial, testing::as_anonymous};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! async fn plain(response: Response) -> Response {
//!     let Some(denial) = response.extensions().get::<Denial>().cloned() else { return response };
//!     // The head stays: it has the challenge, `Retry-After`, and the fields of a limit.
//!     let (mut head, _) = response.into_parts();
//!     head.headers.remove(CONTENT_LENGTH);
//!     head.headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
//!     Response::from_parts(head, Body::from(denial.detail().into_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = axum::Router::new().route("/", axum::routing::get(|| async {})).layer(
//!     ServiceBuilder::new().layer(axum::middleware::map_response(plain)).layer(as_anonymous()).layer(RequireUser::new()),
//! );
//! # let request = axum::http::Request::get("/").body(axum::body::Body::empty()).unwrap();
//! # let response = app.oneshot(request).await.unwrap();
//! # assert_eq!(response.status(), 401);
//! # let body = axum::body::to_bytes(response.into_body(), 99).await.unwrap();
//! # assert_eq!(body, "a bearer token is required");
//! # }
//! ```
//!
//! A gRPC request (a POST with
//! `content-type: application/grpc*`) is answered trailers-only, with the `grpc-status` that fits: its HTTP status is 200,
//! so let no proxy that asks this app for leave (`ext_authz`) pass such a request on by the status alone.

mod body;
mod decision;
mod denial;
mod engine;
mod pair;
mod reply;
mod token_error;

pub use body::BodyFromBytes;
pub use decision::{Deciding, Decision};
pub use denial::{AccountRefusal, Denial, DenialKind, RequestFault, Violation};
pub use engine::{Entry, Gate, Gated, GatedFuture};
pub(crate) use pair::Pair;
pub use reply::Reply;
pub use token_error::TokenError;
