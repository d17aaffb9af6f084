//! `Cors`: which pages of other origins may read responses (Fetch standard, "HTTP-CORS protocol").
//!
//! A browser does not let a page read responses from another origin, unless the response allows it. A web app at
//! `https://app.example.com` that calls an API at `https://api.example.com` needs that permission, and [`Cors`] gives
//! it: to the origins that you list, for the methods and request headers that you list. An app whose pages and API have
//! the same origin does not need this layer.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::delete};
//! use portcullis::{Cors, OriginSet};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let origins = ["https://app.example.com", "http://localhost:5173"];
//! let cors = Cors::builder()
//!     .origins(OriginSet::new(origins)?)
//!     .allow_methods(["PUT", "DELETE"])
//!     .build()?;
//! let app: Router = Router::new()
//!     .route("/reports/7", delete(|| async { "deleted" }))
//!     .layer(cors);
//!
//! // Before a browser sends the DELETE, it asks for permission.
//! let preflight = Request::options("/reports/7")
//!     .header("origin", "https://app.example.com")
//!     .header("access-control-request-method", "DELETE")
//!     .header("access-control-request-headers", "authorization")
//!     .body(Body::empty())?;
//! let allowed = app.clone().oneshot(preflight).await?;
//! assert_eq!(allowed.status(), 204);
//!
//! let request = Request::delete("/reports/7")
//!     .header("origin", "https://app.example.com")
//!     .body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! let reader = &response.headers()["access-control-allow-origin"];
//! assert_eq!(reader, "https://app.example.com");
//! # Ok(())
//! # }
//! ```
//!
//! Settings that are unsafe, or that browsers would ignore, are errors when the layer is built:
//!
//! ```
//! use portcullis::Cors;
//!
//! let error = Cors::builder()
//!     .any_origin()
//!     .allow_credentials() // every page could act as the user
//!     .allow_methods(["patch"]) // methods are case-sensitive
//!     .expose_headers(["Set-Cookie"]) // no page can read it
//!     .build()
//!     .unwrap_err();
//! assert_eq!(error.issues().len(), 3);
//! ```
//!
//! # Responses
//!
//! | request | response |
//! |---|---|
//! | preflight that is allowed | 204, which allows exactly the requested method and headers |
//! | preflight that is not allowed | 403 without CORS headers |
//! | any other OPTIONS request | the handler's |
//! | from an allowed origin | the handler's, with the CORS headers that let the page read it |
//! | from another origin | the handler's, without CORS headers: the page cannot read it |
//!
//! A preflight is an OPTIONS request with `Origin` and one `Access-Control-Request-Method`. It never reaches the
//! handler. The response to a denied preflight does not say why, and does not list what is allowed;
//! [`debug`](CorsBuilder::debug) logs the reason.
//!
//! The layer adds `Vary: Origin` to every response, so that caches keep the responses for different origins apart. With
//! [`any_origin`](CorsBuilder::any_origin), it adds `Access-Control-Allow-Origin: *` to every response instead. An
//! `Access-Control-Allow-Origin` that the handler sets is kept.
//!
//! # Order
//!
//! Put it around every layer that rejects requests. A preflight carries no credentials, so a layer that authenticates
//! would reject it. And without CORS headers, a page cannot read a rejection: its `fetch` fails with "Failed to fetch",
//! and the app cannot distinguish a 401 from a broken network. A [`Stack`](crate::Stack) applies the layers in the
//! correct order.
//!
//! On a router, add it with `layer`. axum's `MethodRouter::route_layer` does not run for methods without a handler, so
//! a preflight would get a 405.
//!
//! # Deployment
//!
//! - Send CORS headers from one place. If a proxy adds a second `Access-Control-Allow-Origin`, browsers combine the two
//!   values, which then match no origin.
//! - A proxy must forward OPTIONS requests and the headers `Origin` and `Access-Control-Request-*` unchanged.
//! - A cache or CDN must respect `Vary`, or it serves a response for one origin to the pages of another.
//!
//! # What it does not do
//!
//! It does not stop requests from other origins: pages may send simple requests, such as forms, without a preflight,
//! and other programs may send any request. So it does not protect against cross-site request forgery. It does not
//! implement Private Network Access, which browsers dropped.
//!
//! # In the guide
//!
//! [Layer order](crate::_guide::layer_order), and [migration](crate::_guide::migration) from tower-http's `CorsLayer`.

mod builder;
pub(crate) mod gate;
mod names;
mod policy;

pub use builder::CorsBuilder;
pub(crate) use gate::Cors;
pub use gate::CorsPass;
