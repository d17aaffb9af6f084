//! A handler's headers stay and missing ones are added, on every response.

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

use super::{get_root, header, layered};
use crate::support::response::TestResponse;

const HANDLER_HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", "default-src 'self'"),
    ("strict-transport-security", "max-age=1"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "origin"),
    ("x-content-type-options", "custom"),
];

fn app_that_sets_headers() -> Router {
    Router::new().route("/", get(|| async { (AppendHeaders(HANDLER_HEADERS), "handled") }))
}

#[tokio::test]
async fn a_header_of_the_handler_stays_and_is_not_duplicated() {
    let response = get_root(&layered(SecurityHeaders::api().assume_https(), app_that_sets_headers()), &[]).await;
    for (name, value) in HANDLER_HEADERS {
        assert_eq!(header(&response.headers, name), value);
    }
    assert_eq!(header(&response.headers, "cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn an_overridden_header_replaces_the_handlers() {
    let overridden = ["Content-Security-Policy", "strict-transport-security", "X-FRAME-OPTIONS"];
    let builder = SecurityHeaders::api().override_handler(overridden).assume_https();
    let response = get_root(&layered(builder, app_that_sets_headers()), &[]).await;
    assert!(header(&response.headers, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(header(&response.headers, "strict-transport-security"), "max-age=63072000; includeSubDomains");
    assert_eq!(header(&response.headers, "x-frame-options"), "DENY");
    assert_eq!(header(&response.headers, "referrer-policy"), "origin");
}

#[tokio::test]
async fn two_lines_of_the_handler_stay_two() {
    let two_lines = AppendHeaders([
        ("content-security-policy", "img-src a.example"),
        ("content-security-policy", "img-src b.example"),
    ]);
    let app = Router::new().route("/", get(move || async move { two_lines }));
    let response = get_root(&layered(SecurityHeaders::api(), app), &[]).await;
    assert_eq!(response.headers.get_all("content-security-policy").iter().count(), 2);
}

#[tokio::test]
async fn nested_layers_send_each_header_once_and_the_inner_one_wins() {
    let inner =
        layered(SecurityHeaders::helmet().assume_https(), Router::new().route("/", get(|| async { "handled" })));
    let response = get_root(&layered(SecurityHeaders::api().assume_https(), inner), &[]).await;
    assert_eq!(header(&response.headers, "x-frame-options"), "SAMEORIGIN");
    assert_eq!(header(&response.headers, "strict-transport-security"), "max-age=31536000; includeSubDomains");
    assert!(header(&response.headers, "content-security-policy").contains("script-src-attr"));
}

#[track_caller]
fn assert_has_headers(response: &TestResponse, status: u16) {
    assert_eq!(response.status.as_u16(), status);
    assert_eq!(header(&response.headers, "x-content-type-options"), "nosniff");
    assert_eq!(header(&response.headers, "x-frame-options"), "DENY");
}

#[tokio::test]
async fn rejections_router_errors_and_caught_panics_have_the_headers() {
    async fn panics() -> StatusCode {
        panic!("on purpose")
    }
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global()).build().unwrap();
    let app = Router::new()
        .route(
            "/",
            get(|| async { "handled" }).layer(ServiceBuilder::new().layer(as_anonymous()).layer(RequireUser::new())),
        )
        .route("/once", get(|| async { "once" }).layer(limit))
        .route("/panic", get(panics))
        .layer(CatchPanicLayer::new());
    let app = layered(SecurityHeaders::api(), app);
    assert_has_headers(&TestResponse::get(&app, "/", &[]).await, 401);
    assert_has_headers(&TestResponse::get(&app, "/once", &[]).await, 200);
    assert_has_headers(&TestResponse::get(&app, "/once", &[]).await, 429);
    assert_has_headers(&TestResponse::get(&app, "/nowhere", &[]).await, 404);
    assert_has_headers(&TestResponse::get(&app, "/panic", &[]).await, 500);
    assert_has_headers(&TestResponse::send(&app, Request::post("/panic").body(Body::empty()).unwrap()).await, 405);
}

#[tokio::test]
async fn a_service_with_full_bodies_has_the_headers() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("handled")))
    });
    let service = ServiceBuilder::new().layer(SecurityHeaders::api().build().unwrap()).service(inner);
    let response = service.oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(header(response.headers(), "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn clear_site_data_is_sent_if_the_logout_succeeds() {
    let logout_with = |status: u16, layer: ClearSiteData| {
        let status = StatusCode::from_u16(status).unwrap();
        Router::new().route("/", get(move || async move { status }).layer(layer))
    };
    for (layer, value) in [
        (ClearSiteData::cookies(), r#""cookies""#),
        (ClearSiteData::cache_cookies_storage(), r#""cache", "cookies", "storage""#),
        (ClearSiteData::all(), r#""*""#),
    ] {
        for (status, expected) in [(200, value), (204, value), (303, value), (401, ""), (404, ""), (500, "")] {
            let response = get_root(&logout_with(status, layer.clone()), &[]).await;
            assert_eq!(header(&response.headers, "clear-site-data"), expected, "{status}");
        }
    }
    let with_handler_header = get(|| async { [("clear-site-data", "\"cache\"")] }).layer(ClearSiteData::all());
    let response = get_root(&Router::new().route("/", with_handler_header), &[]).await;
    assert_eq!(header(&response.headers, "clear-site-data"), "\"cache\"");
}
