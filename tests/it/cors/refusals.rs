//! What inner layers refuse: a page may read that, and why.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{Quota, RateLimit, RequireScope, RequireUser, UserContext};

use super::{FOREIGN, PAGE, is_denied, leave, line, page, varies};
use crate::support::response::TestResponse;

fn handled() -> Router {
    Router::new().route("/", get(|| async { "handled" }))
}

/// An app behind a `Cors` with credentials.
fn behind(app: Router) -> Router {
    app.layer(page().allow_credentials().build().unwrap())
}

/// Asserts that `PAGE` may read this refusal with these fields of it, and a foreign page nothing.
async fn readable(app: &Router, status: u16, fields: &[&str]) {
    let answer = TestResponse::get(app, "/", &[("origin", PAGE)]).await;
    assert_eq!(answer.status.as_u16(), status);
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(PAGE));
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), Some("true"));
    let exposed = line(&answer.headers, "access-control-expose-headers").unwrap();
    for field in fields {
        assert!(answer.headers.contains_key(*field), "{field} is sent");
        assert!(exposed.split(',').any(|name| name == *field), "{field} is exposed: {exposed}");
    }
    assert!(varies(&answer.headers).contains(&"origin".to_owned()));
    let answer = TestResponse::get(app, "/", &[("origin", FOREIGN)]).await;
    assert_eq!(answer.status.as_u16(), status);
    assert!(leave(&answer.headers).is_empty());
    assert!(varies(&answer.headers).contains(&"origin".to_owned()));
}

#[tokio::test]
async fn a_401_is_readable_with_its_challenge() {
    let app = behind(handled().layer(RequireUser::new()).layer(as_anonymous()));
    readable(&app, 401, &["www-authenticate"]).await;
}

#[tokio::test]
async fn a_403_is_readable_with_its_challenge() {
    let scope = RequireScope::all(["write:page"]).unwrap();
    let app = behind(handled().layer(scope).layer(as_user(UserContext::new("ann"))));
    readable(&app, 403, &["www-authenticate"]).await;
}

#[tokio::test]
async fn a_429_is_readable_with_when_to_come_again_and_the_fields_of_the_limit() {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global()).ietf_draft_headers();
    let app = behind(handled().layer(limit.build().unwrap()));
    let first = TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    assert_eq!(first.status, 200);
    let fields = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"];
    readable(&app, 429, &fields).await;
    readable(&app, 429, &["ratelimit-policy"]).await;
}

#[tokio::test]
async fn a_handlers_503_is_readable_with_when_to_come_again() {
    let down = get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "7")], "later") });
    readable(&behind(Router::new().route("/", down)), 503, &["retry-after"]).await;
}

#[tokio::test]
async fn a_404_and_a_405_of_the_router_are_readable() {
    let app = behind(handled());
    let answer = TestResponse::get(&app, "/nowhere", &[("origin", PAGE)]).await;
    assert_eq!((answer.status.as_u16(), line(&answer.headers, "access-control-allow-origin")), (404, Some(PAGE)));
    let request = super::request(axum::http::Method::OPTIONS, &[("origin", PAGE)]);
    let answer = TestResponse::send(&app, request).await;
    assert_eq!((answer.status.as_u16(), line(&answer.headers, "access-control-allow-origin")), (405, Some(PAGE)));
}

#[tokio::test]
async fn a_preflight_passes_no_inner_layer() {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global());
    let app = handled().layer(RequireUser::new()).layer(as_anonymous()).layer(limit.build().unwrap());
    let app = behind(app);
    let preflight = |origin| [("origin", origin), ("access-control-request-method", "GET")];
    for _ in 0..3 {
        let request = super::request(axum::http::Method::OPTIONS, &preflight(PAGE));
        assert_eq!(TestResponse::send(&app, request).await.status, 204, "it has no credential and uses nothing up");
        is_denied(&TestResponse::send(&app, super::request(axum::http::Method::OPTIONS, &preflight(FOREIGN))).await);
    }
}
