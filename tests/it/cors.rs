//! `Cors` on real apps: origins, preflights, rejections of inner layers, and rejected configurations.

mod actual;
mod bounds;
mod building;
mod differential;
mod origins;
mod preflight;
mod rejections;
mod reloading;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use axum::routing::any;
use portcullis::cors::CorsBuilder;
use portcullis::{Cors, OriginSet};

use crate::support::response::TestResponse;

/// The origin that is allowed.
const PAGE: &str = "https://app.example.com";
/// An origin that is not allowed.
const FOREIGN: &str = "https://evil.example";

fn origins<const N: usize>(list: [&str; N]) -> OriginSet {
    OriginSet::new(list).unwrap()
}

/// A builder that allows only `PAGE`.
fn for_page() -> CorsBuilder {
    Cors::builder().origins(origins([PAGE]))
}

/// An app behind a `Cors`, with the number of calls of its handler.
struct App {
    router: Router,
    calls: Arc<AtomicUsize>,
}

impl App {
    fn of(builder: CorsBuilder) -> Self {
        Self::behind(builder.build().unwrap())
    }

    fn behind(cors: Cors) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let handler = any(move || async move {
            count.fetch_add(1, SeqCst);
            "handled"
        });
        Self { router: Router::new().route("/", handler).layer(cors), calls }
    }

    /// Sends a GET with this origin.
    async fn get(&self, origin: &str) -> TestResponse {
        TestResponse::get(&self.router, "/", &[("origin", origin)]).await
    }

    /// Sends OPTIONS with these headers.
    async fn options(&self, headers: &[(&str, &str)]) -> TestResponse {
        TestResponse::send(&self.router, request(Method::OPTIONS, headers)).await
    }

    /// Sends a preflight of `PAGE` for this method and these lines of header names.
    async fn preflight(&self, method: &str, lines: &[&str]) -> TestResponse {
        let mut headers = vec![("origin", PAGE), ("access-control-request-method", method)];
        headers.extend(lines.iter().map(|line| ("access-control-request-headers", *line)));
        self.options(&headers).await
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

fn request(method: Method, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri("/");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(Body::empty()).unwrap()
}

/// Returns the CORS headers, as sorted lines `name: value`.
fn cors_headers(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut lines: Vec<_> = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

/// Returns the value of a header. Fails if it has several lines.
#[track_caller]
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} has one line");
    first
}

/// Returns the names in `Vary`, in lower case and in order.
fn vary(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
    lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[track_caller]
fn assert_denied(response: &TestResponse) {
    assert_eq!((response.status.as_u16(), response.body.as_str()), (403, ""));
    assert!(cors_headers(&response.headers).is_empty(), "{:?}", response.headers);
}

#[track_caller]
fn assert_unreadable(response: &TestResponse) {
    assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "handled"));
    assert!(cors_headers(&response.headers).is_empty(), "{:?}", response.headers);
    assert_eq!(vary(&response.headers), ["origin"]);
}
