//! Your own JSON for every error of an app, including rejections by the layers.
//!
//! Run `cargo run --example custom_errors`; `PORT=3001` selects another port. It prints tokens to
//! export in a second terminal, and `curl` commands to run there. All errors have this form:
//!
//! ```json
//! {"error":{"code":"token_expired","message":"the token has expired"}}
//! ```

use std::env;
use std::error::Error;

use axum::extract::Path;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use portcullis::gate::Denial;
use portcullis::testing::TestIssuer;
use portcullis::{ConfigError, Issuer, JwtAuth, RequireScope};
use serde_json::json;
use tokio::net::TcpListener;

/// The error of the app's handlers.
struct ApiError(StatusCode, &'static str, String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
    }
}

/// The code of a rejection is stable, so clients may branch on it.
impl From<&Denial> for ApiError {
    fn from(denial: &Denial) -> Self {
        Self(denial.status(), denial.code(), denial.detail().into_owned())
    }
}

/// Renders the rejection by a layer or an extractor as an `ApiError`.
async fn render_denial(response: Response) -> Response {
    // Only rejections have a `Denial`, the reason as data.
    let Some(denial) = response.extensions().get::<Denial>() else { return response };
    let body = ApiError::from(denial).into_response().into_body();
    // Keep the other headers: `WWW-Authenticate`, `Retry-After`, those of CORS and of rate limits.
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(head, body)
}

fn app(issuer: Issuer) -> Result<Router, ConfigError> {
    let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    let remove = delete(|| async { StatusCode::NO_CONTENT }).layer(RequireScope::new("write")?);
    let reports = Router::new().route("/reports/{id}", get(show).merge(remove));
    // `render_denial` is the outermost layer, so it sees the rejections by all others.
    Ok(reports.layer(auth).layer(map_response(render_denial)))
}

async fn show(Path(id): Path<u32>) -> Result<&'static str, ApiError> {
    match id {
        1 => Ok("a report\n"),
        _ => Err(ApiError(StatusCode::NOT_FOUND, "not_found", format!("no report {id}"))),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let issuer = TestIssuer::start().await?;
    let app = app(Issuer::discover(issuer.url()))?;
    let url = format!("http://{}/reports", listener.local_addr()?);
    let token = issuer.token("ann").audience("api");
    println!("export TOKEN={}", token.clone().sign());
    println!("export EXPIRED_TOKEN={}", token.expired().sign());
    println!("curl -i {url}/1");
    println!("curl -i {url}/1 -H \"Authorization: Bearer $EXPIRED_TOKEN\"");
    for request in ["/1", "/2", "/1 -X DELETE"] {
        println!("curl -i {url}{request} -H \"Authorization: Bearer $TOKEN\"");
    }
    Ok(axum::serve(listener, app).await?)
}
