//! The engine behind every layer: `Gate`, and the `Denial` with which a gate rejects a request.
//!
//! Use it to write a custom layer, to read why a request was rejected, or to render rejections differently.
//!
//! A tower middleware that may reject a request needs a service, a future, and careful handling of readiness, bodies
//! and clones. Here that code exists once. A [`Gate`] looks at the head of a request and returns an [`Entry`]: it
//! admits the request, rejects it with a [`Reply`], or waits, for example for the network. After the inner service has
//! responded, the gate may add to the response's head. [`Gated`] is the tower service that runs a gate, for any inner
//! service and any body:
//!
//! - A rejected request never reaches the inner service.
//! - A gate that decides at once costs no allocation, no boxed future and no clone of the inner service.
//! - A gate that [waits](Entry::wait) costs one allocation, and a few more in a [`Stack`](crate::Stack).
//! - The engine calls the instance of the inner service that was polled ready, even after waiting. So the permit of a
//!   `ConcurrencyLimit` or the slot of a `Buffer` is kept.
//!
//! A gate does not see bodies, and it does not call the inner service, so it cannot retry or set a timeout. Use tower's
//! layers for that.
//!
//! # A custom gate
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode, request};
//! use http_body_util::Full;
//! use portcullis::gate::{Entry, Gate, Gated, Reply};
//! use tower::{ServiceExt, service_fn};
//!
//! /// Admits only health checks.
//! #[derive(Clone)]
//! struct Maintenance;
//!
//! impl Gate for Maintenance {
//!     type Pass = ();
//!
//!     fn enter(&self, head: &mut request::Parts) -> Entry<()> {
//!         if head.uri.path() == "/health" {
//!             return Entry::Admit(());
//!         }
//!         let mut response = Response::new("down for maintenance");
//!         *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//!         Entry::Refuse(Reply::new(response))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let inner = service_fn(|_: Request<()>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
//! });
//! let service = Gated::new(Maintenance, inner);
//! let request = |path: &str| Request::get(path).body(()).unwrap();
//! let health = service.clone().oneshot(request("/health")).await.unwrap();
//! assert_eq!(health.status(), 200);
//! let other = service.oneshot(request("/")).await.unwrap();
//! assert_eq!(other.status(), 503);
//!
//! // As a layer, for example on a router:
//! let app: axum::Router = axum::Router::new()
//!     .route("/health", axum::routing::get(|| async {}))
//!     .layer(portcullis::gate::layer(Maintenance));
//! # let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
//! # assert_eq!(app.oneshot(request).await.unwrap().status(), 503);
//! # }
//! ```
//!
//! [`layer()`] turns a gate into a layer, and [`Stack::authenticate`](crate::stack::StackBuilder::authenticate) takes a
//! gate that authenticates as it is. Such a gate reads its credential by [`CredentialSources`], and implements
//! [`AuthGate`] to take part in [`AnyOf`](crate::AnyOf).
//!
//! On a server that runs no tower services, [`AuthGate::authenticate`] and [`Stack::authenticate`](crate::Stack)
//! decide about the head of a request.
//!
//! [`Reply::new`] sends any response. [`Reply::denial`] sends a [`Denial`], which is logged and can be rendered
//! differently, as below; for a reason that your app defines, create it with [`AccountRefusal::other`] (403).
//!
//! # Rejecting responses
//!
//! A response that is created from a [`Denial`] has a body of `application/problem+json` (RFC 9457),
//! `Cache-Control: no-store`, and the challenge or `Retry-After` that belongs to the status. It carries the `Denial` in
//! its extensions, so an ordinary `map_response` can render it differently:
//!
//! ```
//! use axum::http::{HeaderValue, header::{CONTENT_LENGTH, CONTENT_TYPE}};
//! use axum::{body::Body, response::Response};
//! use portcullis::{RequireUser, gate::Denial, testing::as_anonymous};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! async fn plain_text(response: Response) -> Response {
//!     let Some(denial) = response.extensions().get::<Denial>() else {
//!         return response;
//!     };
//!     let text = Body::from(denial.detail().into_owned());
//!     // Keep the head: it has the challenge, `Retry-After` and the
//!     // rate-limit headers.
//!     let (mut head, _) = response.into_parts();
//!     head.headers.remove(CONTENT_LENGTH);
//!     let media_type = HeaderValue::from_static("text/plain");
//!     head.headers.insert(CONTENT_TYPE, media_type);
//!     Response::from_parts(head, text)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let layers = ServiceBuilder::new()
//!     .layer(axum::middleware::map_response(plain_text))
//!     .layer(as_anonymous())
//!     .layer(RequireUser::new());
//! let app = axum::Router::new()
//!     .route("/", axum::routing::get(|| async {}))
//!     .layer(layers);
//! # let request = axum::http::Request::get("/").body(Body::empty()).unwrap();
//! let response = app.oneshot(request).await.unwrap();
//! assert_eq!(response.status(), 401);
//! let body = response.into_body();
//! let body = axum::body::to_bytes(body, 99).await.unwrap();
//! assert_eq!(body, "a bearer token is required");
//! # }
//! ```
//!
//! # gRPC
//!
//! A gRPC server rejects a call (a POST with `content-type: application/grpc*`) with a trailers-only response: HTTP
//! 200, the matching `grpc-status`, the reason in `grpc-message` and its code in `error-code`. The client reads them as
//! the status and its metadata. All other rejections are problem details with their HTTP status, because a proxy or a
//! client that knows nothing of gRPC treats 200 as success.
//!
//! A service is a gRPC server if the type of its response body is one of gRPC servers ([`BodyFromBytes::IS_GRPC`]),
//! such as tonic's with the feature `tonic`. If axum serves the gRPC services, the body is axum's: mark the requests
//! with [`GrpcRejections`]. Then a proxy that calls this app to authorize requests (`ext_authz`) must check
//! `grpc-status` too, or not forward the caller's method and content type.
//!
//! # In the guide
//!
//! [API keys](crate::_guide::recipes::custom_api_keys) in another format, with a custom gate, [several
//! credentials](crate::_guide::recipes::several_credentials), [error
//! bodies](crate::_guide::recipes::error_bodies), [logging](crate::_guide::recipes::logging), and [servers other than
//! axum](crate::_guide::recipes::other_servers).

#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
mod admission;
mod auth_gate;
mod authenticated;
mod body;
mod credentials;
mod decision;
mod denial;
mod engine;
mod entry;
mod grpc_call;
mod layer;
mod pair;
mod reply;
mod required_names;
mod response_headers;
mod token_error;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod user_map;
mod violation;

#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
pub(crate) use admission::{Admission, UserLoader};
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
pub use admission::{AuthPass, LoadError};
pub use auth_gate::AuthGate;
pub use authenticated::Authenticated;
pub use body::BodyFromBytes;
// The argument of `BodyFromBytes::from_bytes`, for apps that do not depend on the crate `bytes`.
#[doc(no_inline)]
pub use bytes::Bytes;
pub(crate) use credentials::CredentialTable;
pub use credentials::{CredentialSource, CredentialSources};
pub use decision::{Deciding, Decision};
#[doc(alias("error body", "json", "problem details", "rejection"))]
pub use denial::Denial;
pub(crate) use denial::challenges::is_of_script;
pub use denial::{AccountRefusal, CredentialError, DenialKind, PasswordProblem};
#[doc(alias("custom layer", "middleware"))]
pub use engine::Gate;
pub use engine::{Gated, GatedFuture};
pub use entry::Entry;
#[doc(alias("grpc-status", "trailers-only"))]
pub use grpc_call::GrpcRejections;
pub use layer::{GateLayer, layer};
pub(crate) use pair::Pair;
pub use reply::Reply;
pub use required_names::RequiredNames;
pub use response_headers::ResponseHeaders;
pub use token_error::TokenError;
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) use user_map::UserMap;
pub use violation::Violation;
