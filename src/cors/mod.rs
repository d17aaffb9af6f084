//! `Cors`: which pages of other origins may read the answers (Fetch standard, "HTTP-CORS protocol").
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
//! let answer = app.oneshot(request).await.unwrap();
//! assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example.com");
//! # Ok(())
//! # }
//! ```
//!
//! # What it answers
//!
//! | request | answer |
//! |---|---|
//! | a preflight (OPTIONS with `Origin` and `Access-Control-Request-Method`), allowed | 204 with leave for exactly what it asks |
//! | a preflight, not allowed | 403 without a word of CORS |
//! | any other OPTIONS | the handler's |
//! | of an allowed origin | the handler's, and that its page may read it, with the fields that tell of a refusal |
//! | of another origin | the handler's, as it is: the browser does not show it |
//!
//! `Vary: Origin` is added to every answer, unless any origin is allowed: then every answer says so. An
//! `Access-Control-Allow-Origin` that a handler wrote stays.
//!
//! # Where it stands
//!
//! Outside of everything that refuses: a preflight has no credentials, and a refusal that the page may not read shows as
//! "Failed to fetch".
//!
//! # What it does not do
//!
//! It keeps nobody from sending a request: pages may always send simple ones, forms for example, and programs any. So it is
//! no defence against cross-site request forgery. Private Network Access is not answered: browsers dropped it.

mod builder;
mod gate;
mod names;
mod policy;

pub use builder::CorsBuilder;
pub use gate::{Cors, Pass};
