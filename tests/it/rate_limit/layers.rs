//! Several layers on one request, and what handlers are given of a limit.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use portcullis::context::RateLimitStatus;
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Key, Limit, ResetFormat};
use portcullis::{Extractor, RateLimit};

use super::{hands, per, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const TWICE: &str = "this limit is charged twice in one request";

fn limit(name: &str, units: u32) -> RateLimit {
    let builder = RateLimit::builder().limit(Limit::new(name, per(units, 60))).key(Key::global());
    builder.reset_format(ResetFormat::Delta).ietf_draft_headers().clock(hands().clock()).build().unwrap()
}

fn all(answer: &TestResponse, name: &str) -> Vec<String> {
    answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_two_layers_the_fields_are_those_of_the_tighter_one_wherever_it_stands() {
    for [inner, outer] in [[9, 3], [3, 9]] {
        let app = routes(&Arc::default()).layer(limit("inner", inner)).layer(limit("outer", outer));
        for remaining in ["2", "1", "0"] {
            let answer = TestResponse::get(&app, "/", &[]).await;
            assert_eq!(all(&answer, "x-ratelimit-limit"), ["3"], "inner {inner}");
            assert_eq!(all(&answer, "x-ratelimit-remaining"), [remaining]);
            assert_eq!(all(&answer, "x-ratelimit-reset"), ["60"]);
        }
        let refused = TestResponse::get(&app, "/", &[]).await;
        assert_eq!((refused.status.as_u16(), all(&refused, "x-ratelimit-remaining")), (429, vec!["0".to_owned()]));
        assert_eq!(all(&refused, "x-ratelimit-limit"), ["3"]);
    }
}

#[tokio::test]
async fn the_standard_fields_tell_the_limits_of_both_layers() {
    let app = routes(&Arc::default()).layer(limit("inner", 9)).layer(limit("outer", 3));
    let answer = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(all(&answer, "ratelimit"), ["\"inner\";r=8;t=60", "\"outer\";r=2;t=60"]);
    assert_eq!(all(&answer, "ratelimit-policy"), ["\"inner\";q=9;w=60", "\"outer\";q=3;w=60"]);
}

#[tokio::test]
async fn the_same_layer_twice_charges_twice_and_warns_once() {
    let log = LogCapture::start();
    let limit = limit("doubled", 6);
    let app = routes(&Arc::default()).layer(limit.clone()).layer(limit);
    for remaining in ["4", "2", "0"] {
        assert_eq!(all(&TestResponse::get(&app, "/", &[]).await, "x-ratelimit-remaining"), [remaining]);
    }
    assert_eq!(log.count(TWICE), 1, "{}", log.text());
    assert!(log.text().contains("WARN") && log.text().contains("limit=\"doubled\""), "{}", log.text());
}

#[tokio::test]
async fn two_layers_of_their_own_and_one_layer_on_two_routes_warn_of_nothing() {
    let log = LogCapture::start();
    let app = routes(&Arc::default()).layer(limit("a", 9)).layer(limit("b", 9));
    let shared = limit("shared", 9);
    let routes = [("/a", shared.clone()), ("/b", shared)];
    let other = routes
        .into_iter()
        .fold(Router::new(), |router, (path, limit)| router.route(path, get(|| async {}).layer(limit)));
    for (app, path) in [(&app, "/"), (&other, "/a"), (&other, "/b")] {
        assert_eq!(TestResponse::get(app, path, &[]).await.status, 200);
    }
    assert_eq!(log.count(TWICE), 0, "{}", log.text());
}

async fn shown(Extractor(allowance): Extractor<RateLimitStatus>) -> String {
    let standing = |standing: portcullis::context::LimitStatus<'_>| {
        let reset = standing.reset().as_secs();
        format!("{} {}/{} {reset}", standing.name(), standing.remaining(), standing.limit())
    };
    let mut limits: Vec<_> = allowance.limits().map(standing).collect();
    limits.sort();
    format!("{}; tightest {}", limits.join(", "), standing(allowance.tightest().unwrap()))
}

async fn shown_or_not(allowance: Option<Extractor<RateLimitStatus>>) -> String {
    allowance.map_or("none".to_owned(), |Extractor(allowance)| allowance.limits().count().to_string())
}

fn shop() -> Router {
    Router::new().route("/", get(shown)).route("/option", get(shown_or_not)).route("/exempt", get(shown))
}

#[tokio::test]
async fn a_handler_is_given_what_every_limit_has_left() {
    let limits =
        [Limit::new("hour", per(100, 3600)), Limit::new("minute", per(3, 60)), Limit::new("s", per(1, 1)).shadow()];
    let builder =
        limits.into_iter().fold(RateLimit::builder().key(Key::global()), |builder, limit| builder.add_limit(limit));
    let app = shop().layer(builder.clock(hands().clock()).build().unwrap());
    let body = TestResponse::get(&app, "/", &[]).await.body;
    assert_eq!(body, "hour 99/100 3600, minute 2/3 60; tightest minute 2/3 60");
    assert_eq!(TestResponse::get(&app, "/option", &[]).await.body, "2");
}

#[tokio::test]
async fn of_two_layers_a_handler_is_given_the_innermost() {
    let app = shop().layer(limit("inner", 9)).layer(limit("outer", 3));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.body, "inner 8/9 60; tightest inner 8/9 60");
}

#[tokio::test]
async fn where_no_limit_counted_the_allowance_is_500_and_the_log_says_so_or_none() {
    let exempting = RateLimit::builder().quota(per(9, 60)).key(Key::global()).exempt(["/exempt"]).build().unwrap();
    for (app, path) in [(shop(), "/"), (shop().layer(exempting), "/exempt")] {
        let log = LogCapture::start();
        let answer = TestResponse::get(&app, path, &[]).await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(
            answer.denial.unwrap().kind(),
            &DenialKind::RateLimitMissing { required_by: "Extractor<RateLimitStatus>" }
        );
        assert_eq!(log.count("requires a RateLimit outside of it that counts the request"), 1, "{}", log.text());
    }
    assert_eq!(TestResponse::get(&shop(), "/option", &[]).await.body, "none");
}
