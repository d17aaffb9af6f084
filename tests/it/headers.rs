//! `SecurityHeaders`: what is sent and when not, what is built, nonces, and the grades of an auditor.

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

/// An app that answers "handled", behind these headers.
fn behind(builder: SecurityHeadersBuilder) -> Router {
    around(builder, Router::new().route("/", get(|| async { "handled" })))
}

fn around(builder: SecurityHeadersBuilder, app: Router) -> Router {
    app.layer(builder.build().unwrap())
}

/// The one value of a field, empty where it is absent.
#[track_caller]
fn field<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map_or("", |value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} stands once");
    first
}

/// What `GET /` is answered, with these fields.
async fn get_root(app: &Router, fields: &[(&str, &str)]) -> TestResponse {
    TestResponse::get(app, "/", fields).await
}
