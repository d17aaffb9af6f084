//! Responses to rejected requests, whose handler is not called.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::RateLimit;
use portcullis::gate::{Denial, DenialKind, Violation};
use portcullis::rate_limit::{Key, Limit};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};

use super::{TestApp, fake_clock, limit_by_header, per_seconds, seconds};

#[tokio::test]
async fn over_the_quota_is_429_with_problem_details_that_name_the_limits() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)).add_limit(Limit::new("other", per_seconds(2, 60))));
    app.expect_admitted("ann", 1).await;
    let response = app.send_as("ann").await;
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": "rate limit exceeded",
        "code": "quota_exceeded",
        "limit": "default",
        "violated-policies": ["default"],
    });
    assert_eq!((response.status(), response.problem_details()), (429, expected));
}

#[tokio::test]
async fn a_block_has_its_own_problem_details() {
    let app = TestApp::new(
        RateLimit::builder()
            .limit(Limit::new("login", per_seconds(1, 60)).block_for(seconds(300)))
            .key(super::by_user_header()),
    );
    app.expect_admitted("ann", 1).await;
    app.send_as("ann").await;
    let response = app.send_as("ann").await;
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
        "title": "Request not satisfied due to detection of abnormal request pattern",
        "status": 429,
        "detail": "blocked after exceeding a rate limit",
        "code": "abnormal_usage",
        "limit": "login",
        "violated-policies": ["login"],
    });
    assert_eq!((response.status(), response.problem_details()), (429, expected));
    let violation = Violation::new(["login"], Some(seconds(300)));
    assert_eq!(response.0.denial.unwrap().kind(), &DenialKind::AbnormalUsage(violation));
}

#[tokio::test]
async fn a_429_is_not_cacheable_and_has_no_challenge() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)));
    app.expect_admitted("ann", 1).await;
    let response = app.send_as("ann").await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("www-authenticate"), None);
    assert_eq!(response.problem_details().get("error"), None);
}

#[tokio::test]
async fn the_denial_is_in_the_response_extensions() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)));
    app.expect_admitted("ann", 1).await;
    app.clock.advance(Duration::from_millis(500));
    let denial = app.send_as("ann").await.0.denial.unwrap();
    let violation = Violation::new(["default"], Some(Duration::from_millis(59_500)));
    assert_eq!(denial.kind(), &DenialKind::QuotaExceeded(violation.clone()));
    assert_eq!(denial.retry_after(), Some(Duration::from_secs(60)), "whole seconds, like the header");
    assert_eq!(denial.violation(), Some(&violation));
    assert_eq!(violation.policies().collect::<Vec<_>>(), ["default"]);
    assert_eq!((denial.error(), denial.challenges().count()), (None, 0));
}

#[tokio::test]
async fn a_rejected_request_does_not_reach_the_handler() {
    let app = TestApp::new(limit_by_header(per_seconds(2, 60)));
    for _ in 0..10 {
        app.send_as("ann").await;
    }
    assert_eq!(app.handler_calls(), 2);
}

#[tokio::test]
async fn a_tower_service_with_another_body_type_is_limited_too() {
    let limit =
        RateLimit::builder().quota(per_seconds(1, 60)).key(Key::global()).clock(fake_clock().clock()).build().unwrap();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let service = limit.layer(service_fn(move |_: Request<Full<Bytes>>| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async { Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default())) }
    }));
    let send = async || service.clone().oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(send().await.status(), 200);
    let rejected = send().await;
    assert_eq!(rejected.status(), 429);
    assert!(rejected.extensions().get::<Denial>().is_some());
    let body = rejected.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["violated-policies"], json!(["default"]));
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}
