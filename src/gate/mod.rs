//! The wall: the one engine that every layer of this crate runs on, and what a refusal is.
//!
//! A [`Gate`] looks at a request's head and lets it through, answers in the handler's place, or takes its time where the
//! answer lies beyond a network; on the way out it may add to the response's head. [`Gated`] is the service that asks it
//! and [`GatedFuture`] what that service returns, for any gate, any inner service and any body:
//!
//! - A gate that decides at once costs no allocation, no boxed future and no clone of the inner service.
//! - A gate that [waits](Entry::wait) costs one allocation. The inner service that was polled ready is the one called
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
//!     fn enter(&self, head: request::Parts) -> Entry<()> {
//!         if head.uri.path() == "/health" {
//!             return Entry::Admit(head, ());
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
//! # }
//! ```
//!
//! # Refusals
//!
//! A refusal made of a [`Denial`] carries it in the response's extensions and has a body of
//! `application/problem+json` (RFC 9457), `Cache-Control: no-store`, and the challenge or `Retry-After` that belong to
//! it. To render it otherwise, look for the `Denial` in an ordinary `map_response`. A gRPC request (a POST with
//! `content-type: application/grpc*`) is answered trailers-only, with the `grpc-status` that fits: its HTTP status is 200,
//! so let no proxy that asks this app for leave (`ext_authz`) pass such a request on by the status alone.

mod body;
mod denial;
mod engine;
mod reply;
mod token_error;

pub use body::FromBytes;
pub use denial::{Denial, DenialKind, RequestFault, UserRefusal};
pub use engine::{Entry, Gate, Gated, GatedFuture};
pub use reply::Reply;
pub use token_error::TokenError;
