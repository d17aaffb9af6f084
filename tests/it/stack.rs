//! `Stack`: one layer in the one right order, whatever the order in which it was told.

mod alike;
mod building;
mod order;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::testing::TokenBuilder;
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

/// So many an hour for all together, who are not known yet.
fn everybody(most: u32) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(most).unwrap()).key(Key::global()).build().unwrap()
}

/// So many an hour for each user.
fn each_user(most: u32) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(most).unwrap()).key(Key::user()).build().unwrap()
}

fn bearer(user: &str) -> String {
    format!("Bearer {}", TokenBuilder::first_party(ISSUER, SECRET, user).audience("api").sign())
}

/// An app with a route for each outcome, and how often a handler was called.
fn app(calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    let me = get(|Extractor(user): Extractor<UserContext>| async move {
        calls.fetch_add(1, SeqCst);
        user.id().to_owned()
    });
    let fall = get(|| async {
        if true {
            panic!("on purpose")
        }
    });
    Router::new()
        .route("/", me)
        .route("/scope", get(|| async {}).layer(RequireScope::all(["write:all"]).unwrap()))
        .route("/down", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")]) }))
        .route("/fall", fall)
        .layer(CatchPanicLayer::new())
}

async fn asked(app: &Router, path: &str, credential: &str) -> TestResponse {
    let mut fields = vec![("origin", PAGE)];
    fields.extend((!credential.is_empty()).then_some(("authorization", credential)));
    TestResponse::get(app, path, &fields).await
}

/// Asserts the status, and that the answer passed both of the outermost gates.
#[track_caller]
fn is_complete(answer: &TestResponse, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        let mut lines = answer.headers.get_all(name).iter();
        assert_eq!(lines.next().map(|line| line.to_str().unwrap()), Some(value), "{name} of {status}");
        assert_eq!(lines.next(), None, "{name} stands once");
    }
}
