//! Headers with credentials: what a handler sees that logs the headers of its requests.

use axum::Router;
use axum::http::{HeaderMap, HeaderName};
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::{Issuer, JwtAuth, Quota, RateLimit};

use crate::support::response::TestResponse;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, token, valid_claims};

/// An app that reads all kinds of credentials, and whose handler returns the `Debug` of the headers.
fn app() -> Router {
    let issuer = Issuer::hs256(ISSUER, SECRET);
    let auth = JwtAuth::builder().issuer(issuer).audience(AUDIENCE).cookie("__Host-token").optional();
    let key = Key::api_key(HeaderName::from_static("x-api-key")).or(Key::global());
    let limit = RateLimit::builder().quota(Quota::per_minute(100).unwrap()).key(key).build().unwrap();
    let handler = async |headers: HeaderMap| format!("{headers:?}");
    Router::new().route("/", get(handler)).layer(limit).layer(auth.build().unwrap())
}

#[tokio::test]
async fn a_handler_that_logs_its_headers_logs_no_credential() {
    let app = app();
    let token = token(valid_claims().to_string());
    let (bearer, cookie) = (format!("Bearer {token}"), format!("a=b; __Host-token={token}"));
    for headers in [
        &[("authorization", &*bearer)][..],
        // The second time, the token is cached.
        &[("authorization", &*bearer)],
        &[("authorization", "Basic c2VjcmV0OnNlY3JldA==")],
        &[("cookie", "theme=dark"), ("cookie", &*cookie)],
        &[("x-api-key", "c2VjcmV0OnNlY3JldA==")],
    ] {
        let response = TestResponse::get(&app, "/", headers).await;
        assert_eq!(response.status, 200);
        assert!(response.body.contains("Sensitive"), "{}", response.body);
        for secret in [&*token, "c2VjcmV0"] {
            assert!(!response.body.contains(secret), "{}", response.body);
        }
    }
    let response = TestResponse::get(&app, "/", &[("accept", "text/html")]).await;
    assert!(response.body.contains("text/html"), "other headers are shown");
}
