//! `Cors`: which pages of other origins may read responses (Fetch standard, "HTTP-CORS protocol").
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{ConfigError, Cors, OriginSet};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let cors = Cors::builder()
//!     .origins(OriginSet::new(["https://app.example.com", "http://localhost:5173"])?)
//!     .allow_credentials()
//!     .allow_methods(["PUT", "DELETE"])
//!     .build()?;
//! let app: Router = Router::new().route("/", get(|| async {})).layer(cors);
//!
//! let request = Request::get("/").header("origin", "https://app.example.com").body(Body::empty()).unwrap();
//! let response = app.oneshot(request).await.unwrap();
//! assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.com");
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | request | response |
//! |---|---|
//! | a preflight (OPTIONS with `Origin` and `Access-Control-Request-Method`) that is allowed | 204, which allows exactly the requested method and headers |
//! | a preflight that is not allowed | 403 without CORS headers |
//! | any other OPTIONS request | the handler's |
//! | a request from an allowed origin | the handler's, with the CORS headers that let the page read it |
//! | a request from another origin | the handler's, without CORS headers: the browser does not let the page read it |
//!
//! The layer adds `Vary: Origin` to every response, so that caches keep the responses for different origins apart. With
//! [`any_origin`](CorsBuilder::any_origin), it adds `Access-Control-Allow-Origin: *` to every response instead. An
//! `Access-Control-Allow-Origin` that the handler sets is kept.
//!
//! # Order
//!
//! Put it outside of every layer that rejects requests. A preflight carries no credentials, so a layer that
//! authenticates would reject it. And without CORS headers, a page cannot read a rejection: its `fetch` fails with
//! "Failed to fetch". A [`Stack`](crate::Stack) applies the layers in the correct order.
//!
//! # What it does not do
//!
//! It does not stop requests from other origins: pages may send simple requests, such as forms, without a preflight,
//! and other programs may send any request. So it does not protect against cross-site request forgery. It does not
//! implement Private Network Access, which browsers dropped.

mod builder;
mod gate;
mod names;
mod policy;

pub use builder::CorsBuilder;
pub use gate::{Cors, CorsPass};
