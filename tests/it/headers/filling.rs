//! What a handler set stays, what is absent is filled, on every answer.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::AppendHeaders;
use axum::routing::get;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use portcullis::headers::ClearSiteData;
use portcullis::rate_limit::Key;
use portcullis::testing::as_anonymous;
use portcullis::{Quota, RateLimit, RequireUser, SecurityHeaders};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::{around, field, get_root};
use crate::support::response::TestResponse;

const OWN: [(&str, &str); 5] = [
    ("content-security-policy", "default-src 'self'"),
    ("strict-transport-security", "max-age=1"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "origin"),
    ("x-content-type-options", "own"),
];

fn with_own_fields() -> Router {
    Router::new().route("/", get(|| async { (AppendHeaders(OWN), "handled") }))
}

#[tokio::test]
async fn a_field_that_the_handler_set_stays_and_is_not_doubled() {
    let answer = get_root(&around(SecurityHeaders::api().assume_https(), with_own_fields()), &[]).await;
    for (name, value) in OWN {
        assert_eq!(field(&answer.headers, name), value);
    }
    assert_eq!(field(&answer.headers, "cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn an_enforced_field_is_written_over_what_the_handler_set() {
    let enforced = ["Content-Security-Policy", "strict-transport-security", "X-FRAME-OPTIONS"];
    let builder = SecurityHeaders::api().override_handler(enforced).assume_https();
    let answer = get_root(&around(builder, with_own_fields()), &[]).await;
    assert!(field(&answer.headers, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(field(&answer.headers, "strict-transport-security"), "max-age=63072000; includeSubDomains");
    assert_eq!(field(&answer.headers, "x-frame-options"), "DENY");
    assert_eq!(field(&answer.headers, "referrer-policy"), "origin");
}

#[tokio::test]
async fn two_lines_that_the_handler_set_stay_two() {
    let twice = AppendHeaders([
        ("content-security-policy", "img-src a.example"),
        ("content-security-policy", "img-src b.example"),
    ]);
    let app = Router::new().route("/", get(move || async move { twice }));
    let answer = get_root(&around(SecurityHeaders::api(), app), &[]).await;
    assert_eq!(answer.headers.get_all("content-security-policy").iter().count(), 2);
}

#[tokio::test]
async fn nested_layers_send_each_field_once_and_the_inner_one_counts() {
    let inner = around(SecurityHeaders::helmet().assume_https(), Router::new().route("/", get(|| async { "handled" })));
    let answer = get_root(&around(SecurityHeaders::api().assume_https(), inner), &[]).await;
    assert_eq!(field(&answer.headers, "x-frame-options"), "SAMEORIGIN");
    assert_eq!(field(&answer.headers, "strict-transport-security"), "max-age=31536000; includeSubDomains");
    assert!(field(&answer.headers, "content-security-policy").contains("script-src-attr"));
}

#[track_caller]
fn is_guarded(answer: &TestResponse, status: u16) {
    assert_eq!(answer.status.as_u16(), status);
    assert_eq!(field(&answer.headers, "x-content-type-options"), "nosniff");
    assert_eq!(field(&answer.headers, "x-frame-options"), "DENY");
}

#[tokio::test]
async fn a_401_a_429_a_404_a_405_and_a_caught_panic_have_them() {
    async fn fall() -> StatusCode {
        panic!("on purpose")
    }
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global()).build().unwrap();
    let app = Router::new()
        .route(
            "/",
            get(|| async { "handled" }).layer(ServiceBuilder::new().layer(as_anonymous()).layer(RequireUser::new())),
        )
        .route("/once", get(|| async { "once" }).layer(limit))
        .route("/fall", get(fall))
        .layer(CatchPanicLayer::new());
    let app = around(SecurityHeaders::api(), app);
    is_guarded(&TestResponse::get(&app, "/", &[]).await, 401);
    is_guarded(&TestResponse::get(&app, "/once", &[]).await, 200);
    is_guarded(&TestResponse::get(&app, "/once", &[]).await, 429);
    is_guarded(&TestResponse::get(&app, "/nowhere", &[]).await, 404);
    is_guarded(&TestResponse::get(&app, "/fall", &[]).await, 500);
    is_guarded(&TestResponse::send(&app, Request::post("/fall").body(Body::empty()).unwrap()).await, 405);
}

#[tokio::test]
async fn a_plain_hyper_service_has_them() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("handled")))
    });
    let service = ServiceBuilder::new().layer(SecurityHeaders::api().build().unwrap()).service(inner);
    let response = service.oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(field(response.headers(), "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_log_out_clears_what_the_browser_keeps_where_it_succeeded() {
    let at = |status: u16, layer: ClearSiteData| {
        let status = StatusCode::from_u16(status).unwrap();
        Router::new().route("/", get(move || async move { status }).layer(layer))
    };
    for (layer, value) in [
        (ClearSiteData::cookies(), r#""cookies""#),
        (ClearSiteData::cache_cookies_storage(), r#""cache", "cookies", "storage""#),
        (ClearSiteData::all(), r#""*""#),
    ] {
        for (status, expected) in [(200, value), (204, value), (303, value), (401, ""), (404, ""), (500, "")] {
            let answer = get_root(&at(status, layer.clone()), &[]).await;
            assert_eq!(field(&answer.headers, "clear-site-data"), expected, "{status}");
        }
    }
    let own = get(|| async { [("clear-site-data", "\"cache\"")] }).layer(ClearSiteData::all());
    let answer = get_root(&Router::new().route("/", own), &[]).await;
    assert_eq!(field(&answer.headers, "clear-site-data"), "\"cache\"");
}
