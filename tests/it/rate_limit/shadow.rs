//! Shadow limits: they count and log, and never reject.

use portcullis::RateLimit;
use portcullis::rate_limit::{Limit, Subject};
use serde_json::json;

use super::{TestApp, by_user_header, per_seconds};
use crate::support::log_capture::LogCapture;

const LOG_LINE: &str = "a shadow limit would have rejected this request";

fn shadow_limit() -> Limit {
    Limit::new("shadow", per_seconds(2, 60)).shadow()
}

#[tokio::test]
async fn a_shadow_limit_admits_every_request() {
    let app = TestApp::new(RateLimit::builder().limit(shadow_limit()).key(by_user_header()));
    app.expect_admitted("ann", 20).await;
    assert_eq!(app.handler_calls(), 20);
}

#[tokio::test]
async fn a_shadow_limit_counts_up_to_its_quota_in_each_window() {
    let log = LogCapture::start();
    let app = TestApp::new(RateLimit::builder().limit(shadow_limit()).key(by_user_header()));
    for round in 1..=3 {
        app.expect_admitted("ann", 5).await;
        assert_eq!(app.limit.peek(&Subject::custom("ann")).await.unwrap()[0].used(), 2);
        assert_eq!(log.count(LOG_LINE), 3 * round);
        app.advance_seconds(60);
    }
}

#[tokio::test]
async fn each_request_that_a_shadow_limit_would_reject_is_logged_at_info() {
    let log = LogCapture::start();
    let app = TestApp::new(RateLimit::builder().limit(shadow_limit()).key(by_user_header()));
    app.expect_admitted("ann", 2).await;
    assert_eq!(log.count(LOG_LINE), 0);
    app.expect_admitted("ann", 1).await;
    assert_eq!(log.count(LOG_LINE), 1);
    let text = log.text();
    assert!(text.contains("INFO") && text.contains("limit=\"shadow\"") && !text.contains("ann"), "{text}");
}

#[tokio::test]
async fn a_shadow_limit_is_in_no_header_and_in_no_problem_details() {
    let app = TestApp::new(RateLimit::builder().limit(shadow_limit()).key(by_user_header()).ietf_draft_headers());
    let response = app.send_as("ann").await;
    assert!(response.0.headers.keys().all(|name| !name.as_str().contains("ratelimit")), "{:?}", response.0.headers);
    let real = Limit::new("real", per_seconds(3, 60));
    let app = TestApp::new(
        RateLimit::builder().limit(shadow_limit()).add_limit(real).key(by_user_header()).ietf_draft_headers(),
    );
    for remaining in [2, 1, 0] {
        let response = app.send_as("ann").await;
        assert_eq!((response.status(), response.remaining()), (200, Some(remaining)));
        assert_eq!(response.0.headers.get_all("ratelimit").iter().count(), 1);
    }
    let response = app.send_as("ann").await;
    assert_eq!((response.status(), response.problem_details()["violated-policies"].clone()), (429, json!(["real"])));
}

#[tokio::test]
async fn a_request_rejected_by_another_limit_is_not_charged_to_the_shadow_limit() {
    let (wide, real) = (Limit::new("wide", per_seconds(9, 60)).shadow(), Limit::new("real", per_seconds(1, 60)));
    let app = TestApp::new(RateLimit::builder().limit(wide).add_limit(real).key(by_user_header()));
    assert_eq!(app.count_admitted("ann", 5).await, 1);
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    assert!(usages.iter().all(|usage| usage.used() == 1), "{usages:?}");
}

#[tokio::test]
async fn a_cost_above_a_shadow_limit_is_admitted() {
    let app = TestApp::new(RateLimit::builder().limit(shadow_limit().cost_of(|_| u32::MAX)).key(by_user_header()));
    app.expect_admitted("ann", 3).await;
}
