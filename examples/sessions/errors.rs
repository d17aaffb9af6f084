//! Pages for errors of handlers and for rejections by layers.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use portcullis::CspNonce;

use super::pages;

/// Replaces the body of an error by a page, and keeps its headers.
pub(crate) async fn render(nonce: CspNonce, request: Request, next: Next) -> Response {
    let accepts_page = contains(request.headers(), &ACCEPT, "text/html");
    let response = next.run(request).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || !accepts_page || contains(response.headers(), &CONTENT_TYPE, "text/html") {
        return response;
    }
    let (mut head, _) = response.into_parts();
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok());
    let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
    let (heading, text) = words(head.status);
    let page = pages::error(&nonce, heading, text, retry_after);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(head, Body::from(page.into_string()))
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::UNAUTHORIZED => ("You are logged out", "Log in and try again."),
        StatusCode::FORBIDDEN => {
            ("Not allowed", "The request did not come from a page of this site.")
        }
        StatusCode::NOT_FOUND => ("Page not found", "There is no page at this address."),
        StatusCode::TOO_MANY_REQUESTS => ("Too many attempts", "The login is locked for a while."),
        status if status.is_server_error() => ("Out of order", "The app has a problem."),
        _ => ("Invalid request", "The app cannot read what the browser has sent."),
    }
}

fn contains(headers: &HeaderMap, name: &HeaderName, text: &str) -> bool {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains(text))
}
