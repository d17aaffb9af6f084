//! `Cors`: what is built, who may read, what a preflight is answered, and what inner layers say.

mod actual;
mod bounds;
mod building;
mod differential;
mod origins;
mod preflight;
mod refusals;
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

/// The page that is let in.
const PAGE: &str = "https://app.example.com";
/// A page that is not.
const FOREIGN: &str = "https://evil.example";

fn of<const N: usize>(origins: [&str; N]) -> OriginSet {
    OriginSet::new(origins).unwrap()
}

/// Lets `PAGE` in and nothing else.
fn page() -> CorsBuilder {
    Cors::builder().origins(of([PAGE]))
}

/// An app behind a `Cors`, and how often its handler was called.
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

    /// What a GET on behalf of a page of this origin is answered.
    async fn get(&self, origin: &str) -> TestResponse {
        TestResponse::get(&self.router, "/", &[("origin", origin)]).await
    }

    /// What OPTIONS with these fields is answered.
    async fn options(&self, fields: &[(&str, &str)]) -> TestResponse {
        TestResponse::send(&self.router, request(Method::OPTIONS, fields)).await
    }

    /// What a preflight of `PAGE` for this method and these lines of names is answered.
    async fn preflight(&self, method: &str, lines: &[&str]) -> TestResponse {
        let mut fields = vec![("origin", PAGE), ("access-control-request-method", method)];
        fields.extend(lines.iter().map(|line| ("access-control-request-headers", *line)));
        self.options(&fields).await
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

fn request(method: Method, fields: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri("/");
    fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(Body::empty()).unwrap()
}

/// The fields of CORS, each line as `name: value`, sorted.
fn leave(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    let mut lines: Vec<_> = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn line<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} stands once");
    first
}

/// What the answer varies by, in lower case and in order.
fn varies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
    lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[track_caller]
fn is_denied(answer: &TestResponse) {
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (403, ""));
    assert!(leave(&answer.headers).is_empty(), "{:?}", answer.headers);
}

#[track_caller]
fn is_unreadable(answer: &TestResponse) {
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "handled"));
    assert!(leave(&answer.headers).is_empty(), "{:?}", answer.headers);
    assert_eq!(varies(&answer.headers), ["origin"]);
}
