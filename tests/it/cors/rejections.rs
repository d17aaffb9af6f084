//! Rejections by inner layers: an allowed page may read them and their reasons.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{Quota, RateLimit, RequireScope, RequireUser, UserContext};

use super::{FOREIGN, PAGE, assert_denied, cors_headers, for_page, header, vary};
use crate::support::response::TestResponse;

fn handled_app() -> Router {
    Router::new().route("/", get(|| async { "handled" }))
}

/// Layers a `Cors` with credentials around an app.
fn behind(app: Router) -> Router {
    app.layer(for_page().allow_credentials().build().unwrap())
}

/// Asserts that `PAGE` may read this rejection and these of its headers, and that a foreign page may not.
async fn assert_readable(app: &Router, status: u16, names: &[&str]) {
    let response = TestResponse::get(app, "/", &[("origin", PAGE)]).await;
    assert_eq!(response.status.as_u16(), status);
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(PAGE));
    assert_eq!(header(&response.headers, "access-control-allow-credentials"), Some("true"));
    let exposed = header(&response.headers, "access-control-expose-headers").unwrap();
    for name in names {
        assert!(response.headers.contains_key(*name), "{name} is sent");
        assert!(exposed.split(',').any(|exposed| exposed == *name), "{name} is exposed: {exposed}");
    }
    assert!(vary(&response.headers).contains(&"origin".to_owned()));
    let response = TestResponse::get(app, "/", &[("origin", FOREIGN)]).await;
    assert_eq!(response.status.as_u16(), status);
    assert!(cors_headers(&response.headers).is_empty());
    assert!(vary(&response.headers).contains(&"origin".to_owned()));
}

#[tokio::test]
async fn a_401_is_readable_with_its_challenge() {
    let app = behind(handled_app().layer(RequireUser::new()).layer(as_anonymous()));
    assert_readable(&app, 401, &["www-authenticate"]).await;
}

#[tokio::test]
async fn a_403_is_readable_with_its_challenge() {
    let scope = RequireScope::new("write:page").unwrap();
    let app = behind(handled_app().layer(scope).layer(as_user(UserContext::new("ann"))));
    assert_readable(&app, 403, &["www-authenticate"]).await;
}

#[tokio::test]
async fn a_429_is_readable_with_retry_after_and_the_rate_limit_headers() {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global()).ietf_draft_headers();
    let app = behind(handled_app().layer(limit.build().unwrap()));
    let first = TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(first.status, 200);
    let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"];
    assert_readable(&app, 429, &names).await;
    assert_readable(&app, 429, &["ratelimit-policy"]).await;
}

#[tokio::test]
async fn a_503_of_the_handler_is_readable_with_retry_after() {
    let down = get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")], "later") });
    assert_readable(&behind(Router::new().route("/", down)), 503, &["retry-after"]).await;
}

#[tokio::test]
async fn a_404_and_a_405_of_the_router_are_readable() {
    let app = behind(handled_app());
    let response = TestResponse::get(&app, "/nowhere", &[("origin", PAGE)]).await;
    assert_eq!((response.status.as_u16(), header(&response.headers, "access-control-allow-origin")), (404, Some(PAGE)));
    let request = super::request(axum::http::Method::OPTIONS, &[("origin", PAGE)]);
    let response = TestResponse::send(&app, request).await;
    assert_eq!((response.status.as_u16(), header(&response.headers, "access-control-allow-origin")), (405, Some(PAGE)));
}

#[tokio::test]
async fn a_preflight_reaches_no_inner_layer() {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global());
    let app = handled_app().layer(RequireUser::new()).layer(as_anonymous()).layer(limit.build().unwrap());
    let app = behind(app);
    let preflight = |origin| [("origin", origin), ("access-control-request-method", "GET")];
    for _ in 0..3 {
        let request = super::request(axum::http::Method::OPTIONS, &preflight(PAGE));
        assert_eq!(TestResponse::send(&app, request).await.status, 204, "no inner layer authenticates or counts it");
        assert_denied(
            &TestResponse::send(&app, super::request(axum::http::Method::OPTIONS, &preflight(FOREIGN))).await,
        );
    }
}
