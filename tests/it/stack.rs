//! `Stack`: all layers in the right order, whatever the order of the setters.

mod config;
mod equivalence;
mod open_routes;
mod order;
mod waiting_gates;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::testing::{FakeClock, TokenBuilder};
use portcullis::{
    Cors, Extractor, Issuer, JwtAuth, OriginSet, Quota, RateLimit, RequireScope, SecurityHeaders, UserContext,
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::response::TestResponse;

const PAGE: &str = "https://app.example.com";
const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn headers() -> SecurityHeaders {
    SecurityHeaders::api().assume_https().build().unwrap()
}

fn cors() -> Cors {
    Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).allow_credentials().build().unwrap()
}

fn auth() -> JwtAuth {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience("api").build().unwrap()
}

/// A limit of this many requests an hour for all callers together.
fn global_limit(quota: u32) -> RateLimit {
    limit(quota, Key::global())
}

/// A limit of this many requests an hour for each user.
fn per_user_limit(quota: u32) -> RateLimit {
    limit(quota, Key::user())
}

/// All limits share one stopped clock, so that equal limits send equal headers.
fn limit(quota: u32, key: Key) -> RateLimit {
    static STOPPED: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);
    let quota = Quota::per_hour(quota).unwrap();
    RateLimit::builder().quota(quota).key(key).clock(STOPPED.clock()).build().unwrap()
}

fn bearer(user: &str) -> String {
    format!("Bearer {}", TokenBuilder::first_party(ISSUER, SECRET, user).audience("api").sign())
}

/// An app with a route for each outcome. `calls` counts the calls of the handler at `/`.
fn app(calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    let user_id = get(|Extractor(user): Extractor<UserContext>| async move {
        calls.fetch_add(1, SeqCst);
        user.id().to_owned()
    });
    let panic = get(|| async {
        if true {
            panic!("on purpose")
        }
    });
    Router::new()
        .route("/", user_id)
        .route("/scope", get(|| async {}).layer(RequireScope::new("write:all").unwrap()))
        .route("/unavailable", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")]) }))
        .route("/panic", panic)
        .layer(CatchPanicLayer::new())
}

/// Sends a GET request from the page, with this credential unless it is empty.
async fn send(app: &Router, path: &str, credential: &str) -> TestResponse {
    let mut headers = vec![("origin", PAGE)];
    if !credential.is_empty() {
        headers.push(("authorization", credential));
    }
    TestResponse::get(app, path, &headers).await
}

/// Asserts the status, and that the response has the headers of `Cors` and `SecurityHeaders`.
#[track_caller]
fn assert_complete(response: &TestResponse, status: u16) {
    assert_eq!(response.status.as_u16(), status, "{response:?}");
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        let mut lines = response.headers.get_all(name).iter();
        assert_eq!(lines.next().map(|line| line.to_str().unwrap()), Some(value), "{name} of {status}");
        assert_eq!(lines.next(), None, "{name} is sent once");
    }
}
