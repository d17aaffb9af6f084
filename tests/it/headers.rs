//! `SecurityHeaders` on real apps: which headers are sent, when, and which configurations are rejected.

mod audit;
mod building;
mod filling;
mod https;
mod nonces;
mod presets;
mod storing;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use portcullis::headers::SecurityHeadersBuilder;

use crate::support::response::TestResponse;

/// An app that responds with "handled", behind these headers.
fn app_with(builder: SecurityHeadersBuilder) -> Router {
    layered(builder, Router::new().route("/", get(|| async { "handled" })))
}

fn layered(builder: SecurityHeadersBuilder, app: Router) -> Router {
    app.layer(builder.build().unwrap())
}

/// Returns the value of a header, or an empty text. Fails if the header has several lines.
#[track_caller]
fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map_or("", |value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} has one line");
    first
}

/// Sends `GET /` with these headers.
async fn get_root(app: &Router, headers: &[(&str, &str)]) -> TestResponse {
    TestResponse::get(app, "/", headers).await
}
