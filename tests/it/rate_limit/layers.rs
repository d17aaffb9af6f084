//! Several layers on one request, and the `RateLimitStatus` that handlers extract.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Key, Limit, ResetFormat};
use portcullis::rate_limit::{LimitStatus, RateLimitStatus};
use portcullis::{Extractor, RateLimit};

use super::{fake_clock, per_seconds, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const CHARGED_TWICE: &str = "two layers charge the same request for this limit";

/// A layer with one limit and its own store.
fn layer_with(name: &str, units: u32) -> RateLimit {
    let builder = RateLimit::builder().limit(Limit::new(name, per_seconds(units, 60))).key(Key::global());
    builder.reset_format(ResetFormat::Delta).ietf_draft_headers().clock(fake_clock().clock()).build().unwrap()
}

fn header_values(response: &TestResponse, name: &str) -> Vec<String> {
    response.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_legacy_headers_are_those_of_the_tighter_layer_inner_or_outer() {
    for [inner, outer] in [[9, 3], [3, 9]] {
        let app = routes(&Arc::default()).layer(layer_with("inner", inner)).layer(layer_with("outer", outer));
        for remaining in ["2", "1", "0"] {
            let response = TestResponse::get(&app, "/", &[]).await;
            assert_eq!(header_values(&response, "x-ratelimit-limit"), ["3"], "inner {inner}");
            assert_eq!(header_values(&response, "x-ratelimit-remaining"), [remaining]);
            assert_eq!(header_values(&response, "x-ratelimit-reset"), ["60"]);
        }
        let rejected = TestResponse::get(&app, "/", &[]).await;
        assert_eq!(
            (rejected.status.as_u16(), header_values(&rejected, "x-ratelimit-remaining")),
            (429, vec!["0".to_owned()])
        );
        assert_eq!(header_values(&rejected, "x-ratelimit-limit"), ["3"]);
    }
}

#[tokio::test]
async fn the_draft_headers_list_the_limits_of_both_layers() {
    let app = routes(&Arc::default()).layer(layer_with("inner", 9)).layer(layer_with("outer", 3));
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(header_values(&response, "ratelimit"), ["\"inner\";r=8;t=60", "\"outer\";r=2;t=60"]);
    assert_eq!(header_values(&response, "ratelimit-policy"), ["\"inner\";q=9;w=60", "\"outer\";q=3;w=60"]);
}

#[tokio::test]
async fn the_same_layer_added_twice_charges_twice_and_logs_one_warning() {
    let log = LogCapture::start();
    let limit = layer_with("doubled", 6);
    let app = routes(&Arc::default()).layer(limit.clone()).layer(limit);
    for remaining in ["4", "2", "0"] {
        assert_eq!(header_values(&TestResponse::get(&app, "/", &[]).await, "x-ratelimit-remaining"), [remaining]);
    }
    assert_eq!(log.count(CHARGED_TWICE), 1, "{}", log.text());
    assert!(log.text().contains("WARN") && log.text().contains("limit=\"doubled\""), "{}", log.text());
}

#[tokio::test]
async fn two_different_layers_or_one_layer_on_two_routes_log_no_warning() {
    let log = LogCapture::start();
    let app = routes(&Arc::default()).layer(layer_with("a", 9)).layer(layer_with("b", 9));
    let shared = layer_with("shared", 9);
    let routes = [("/a", shared.clone()), ("/b", shared)];
    let other = routes
        .into_iter()
        .fold(Router::new(), |router, (path, limit)| router.route(path, get(|| async {}).layer(limit)));
    for (app, path) in [(&app, "/"), (&other, "/a"), (&other, "/b")] {
        assert_eq!(TestResponse::get(app, path, &[]).await.status, 200);
    }
    assert_eq!(log.count(CHARGED_TWICE), 0, "{}", log.text());
}

async fn show_status(Extractor(status): Extractor<RateLimitStatus>) -> String {
    let format_limit = |limit: LimitStatus<'_>| {
        format!("{} {}/{} {}", limit.name(), limit.remaining(), limit.limit(), limit.reset().as_secs())
    };
    let mut limits: Vec<_> = status.limits().map(format_limit).collect();
    limits.sort();
    format!("{}; tightest {}", limits.join(", "), format_limit(status.tightest().unwrap()))
}

async fn show_optional_status(status: Option<Extractor<RateLimitStatus>>) -> String {
    status.map_or("none".to_owned(), |Extractor(status)| status.limits().count().to_string())
}

fn app_that_shows_status() -> Router {
    Router::new()
        .route("/", get(show_status))
        .route("/option", get(show_optional_status))
        .route("/exempt", get(show_status))
}

#[tokio::test]
async fn a_handler_can_extract_the_status_of_every_limit() {
    let limits = [
        Limit::new("hour", per_seconds(100, 3600)),
        Limit::new("minute", per_seconds(3, 60)),
        Limit::new("s", per_seconds(1, 1)).shadow(),
    ];
    let builder =
        limits.into_iter().fold(RateLimit::builder().key(Key::global()), |builder, limit| builder.add_limit(limit));
    let app = app_that_shows_status().layer(builder.clock(fake_clock().clock()).build().unwrap());
    let body = TestResponse::get(&app, "/", &[]).await.body;
    assert_eq!(body, "hour 99/100 3600, minute 2/3 60; tightest minute 2/3 60");
    assert_eq!(TestResponse::get(&app, "/option", &[]).await.body, "2");
}

#[tokio::test]
async fn a_handler_inside_two_layers_extracts_the_status_of_the_inner_one() {
    let app = app_that_shows_status().layer(layer_with("inner", 9)).layer(layer_with("outer", 3));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.body, "inner 8/9 60; tightest inner 8/9 60");
}

#[tokio::test]
async fn without_a_limit_that_counted_the_status_extractor_is_500_or_none() {
    let exempting = RateLimit::builder()
        .quota(per_seconds(9, 60))
        .key(Key::global())
        .exempt(["/exempt"])
        .clock(fake_clock().clock())
        .build()
        .unwrap();
    for (app, path) in [(app_that_shows_status(), "/"), (app_that_shows_status().layer(exempting), "/exempt")] {
        let log = LogCapture::start();
        let response = TestResponse::get(&app, path, &[]).await;
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::rate_limit_missing("RateLimitStatus"));
        assert_eq!(log.count("requires a RateLimit layer that counts the request"), 1, "{}", log.text());
    }
    assert_eq!(TestResponse::get(&app_that_shows_status(), "/option", &[]).await.body, "none");
}
