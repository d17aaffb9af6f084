//! Shadow limits: they count and report, and never refuse.

use portcullis::RateLimit;
use portcullis::rate_limit::{Limit, MemoryStore, Subject};
use serde_json::json;

use super::{App, per, seconds, who};
use crate::support::log_capture::LogCapture;

const REPORT: &str = "a shadow limit would have refused this request";

fn shadow() -> Limit {
    Limit::new("shadow", per(2, 60)).shadow()
}

#[tokio::test]
async fn a_shadow_lets_everything_through() {
    let app = App::of(RateLimit::builder().limit(shadow()).key(who()));
    app.use_up("ann", 20).await;
    assert_eq!(app.calls(), 20);
}

#[tokio::test]
async fn a_shadow_counts_up_to_its_limit_and_again_after_its_window() {
    let log = LogCapture::start();
    let app = App::of(RateLimit::builder().limit(shadow()).key(who()));
    for round in 1..=3 {
        app.use_up("ann", 5).await;
        assert_eq!(app.limit.peek(&Subject::custom("ann")).await.unwrap()[0].used(), 2);
        assert_eq!(log.count(REPORT), 3 * round);
        app.advance(60);
    }
}

#[tokio::test]
async fn the_log_names_the_limit_at_info_for_each_request_that_would_have_been_refused() {
    let log = LogCapture::start();
    let app = App::of(RateLimit::builder().limit(shadow()).key(who()));
    app.use_up("ann", 2).await;
    assert_eq!(log.count(REPORT), 0);
    app.use_up("ann", 1).await;
    assert_eq!(log.count(REPORT), 1);
    let text = log.text();
    assert!(text.contains("INFO") && text.contains("limit=\"shadow\"") && !text.contains("ann"), "{text}");
}

#[tokio::test]
async fn a_shadow_is_in_no_field_and_in_no_problem() {
    let app = App::of(RateLimit::builder().limit(shadow()).key(who()).ietf_draft_headers());
    let told = app.ask("ann").await;
    assert!(told.0.headers.keys().all(|name| !name.as_str().contains("ratelimit")), "{:?}", told.0.headers);
    let real = Limit::new("real", per(3, 60));
    let app = App::of(RateLimit::builder().limit(shadow()).add_limit(real).key(who()).ietf_draft_headers());
    for remaining in [2, 1, 0] {
        let told = app.ask("ann").await;
        assert_eq!((told.status(), told.remaining()), (200, Some(remaining)));
        assert_eq!(told.0.headers.get_all("ratelimit").iter().count(), 1);
    }
    let told = app.ask("ann").await;
    assert_eq!((told.status(), told.problem()["violated-policies"].clone()), (429, json!(["real"])));
}

#[tokio::test]
async fn a_request_that_a_real_limit_refuses_is_not_charged_to_the_shadow() {
    let (wide, real) = (Limit::new("wide", per(9, 60)).shadow(), Limit::new("real", per(1, 60)));
    let app = App::of(RateLimit::builder().limit(wide).add_limit(real).key(who()));
    assert_eq!(app.admitted("ann", 5).await, 1);
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    assert!(usages.iter().all(|usage| usage.used() == 1), "{usages:?}");
}

#[tokio::test]
async fn a_shadow_blocks_nobody() {
    let app = App::of(RateLimit::builder().limit(shadow().block_for(seconds(300))).key(who()));
    app.use_up("ann", 20).await;
    assert_eq!(app.limit.peek(&Subject::custom("ann")).await.unwrap()[0].blocked_for(), None);
}

#[tokio::test]
async fn a_shadow_ignores_a_block_by_a_limit_of_its_name() {
    let store = MemoryStore::new();
    let builder =
        |limit: Limit| RateLimit::builder().limit(limit.block_for(seconds(300))).key(who()).store(store.clone());
    let (real, shadow) = (App::of(builder(Limit::new("shadow", per(2, 60)))), App::of(builder(shadow())));
    assert_eq!(real.admitted("ann", 3).await, 2);
    assert!(shadow.limit.peek(&Subject::custom("ann")).await.unwrap()[0].blocked_for().is_some());
    shadow.use_up("ann", 3).await;
}

#[tokio::test]
async fn a_cost_over_a_shadow_limit_is_let_through() {
    let app = App::of(RateLimit::builder().limit(shadow().cost_of(|_| u32::MAX)).key(who()));
    app.use_up("ann", 3).await;
}
