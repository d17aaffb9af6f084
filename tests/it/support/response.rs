//! `TestResponse`: a complete response of an app, with its status, headers, body and denial.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use portcullis::gate::Denial;
use tower::ServiceExt;

/// A response whose body was read to its end.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) denial: Option<Denial>,
}

impl TestResponse {
    /// Sends this request to the app.
    pub(crate) async fn send(app: &Router, request: Request<Body>) -> Self {
        let response = app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 65_536).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let denial = head.extensions.get::<Denial>().cloned();
        Self { status: head.status, headers: head.headers, body, denial }
    }

    /// Sends a `GET` of this path with these headers to the app.
    pub(crate) async fn get(app: &Router, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::send(app, request.body(Body::empty()).unwrap()).await
    }

    /// The value of `WWW-Authenticate`, or an empty string if the header is missing.
    pub(crate) fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap())
    }
}
