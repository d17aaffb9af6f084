//! What a refused caller is told, and that the handler is not called.

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

use super::{App, limited, per, seconds};

#[tokio::test]
async fn over_the_quota_it_is_429_with_a_problem_that_names_the_limits() {
    let app = App::of(limited(per(1, 60)).add_limit(Limit::new("other", per(2, 60))));
    app.use_up("ann", 1).await;
    let told = app.ask("ann").await;
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": "rate limit exceeded",
        "violated-policies": ["default"],
    });
    assert_eq!((told.status(), told.problem()), (429, expected));
}

#[tokio::test]
async fn a_blocked_caller_gets_a_problem_of_its_own() {
    let app =
        App::of(RateLimit::builder().limit(Limit::new("login", per(1, 60)).block_for(seconds(300))).key(super::who()));
    app.use_up("ann", 1).await;
    app.ask("ann").await;
    let told = app.ask("ann").await;
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
        "title": "Request not satisfied due to detection of abnormal request pattern",
        "status": 429,
        "detail": "blocked after exceeding a rate limit",
        "violated-policies": ["login"],
    });
    assert_eq!((told.status(), told.problem()), (429, expected));
    let violation = Violation::new(["login"], Some(seconds(300)));
    assert_eq!(told.0.denial.unwrap().kind(), &DenialKind::AbnormalUsage(violation));
}

#[tokio::test]
async fn a_429_is_not_cached_and_asks_for_no_credential() {
    let app = App::of(limited(per(1, 60)));
    app.use_up("ann", 1).await;
    let told = app.ask("ann").await;
    assert_eq!(told.status(), 429);
    assert_eq!(told.text("content-type"), Some("application/problem+json"));
    assert_eq!(told.text("cache-control"), Some("no-store"));
    assert_eq!(told.text("www-authenticate"), None);
    assert_eq!(told.problem().get("error"), None);
}

#[tokio::test]
async fn the_denial_is_in_the_extensions_of_the_refusal() {
    let app = App::of(limited(per(1, 60)));
    app.use_up("ann", 1).await;
    app.hands.advance(Duration::from_millis(500));
    let denial = app.ask("ann").await.0.denial.unwrap();
    let violation = Violation::new(["default"], Some(Duration::from_millis(59_500)));
    assert_eq!(denial.kind(), &DenialKind::QuotaExceeded(violation.clone()));
    assert_eq!(denial.retry_after(), Some(Duration::from_secs(60)), "whole seconds, as the field");
    assert_eq!(denial.violation(), Some(&violation));
    assert_eq!(violation.policies().collect::<Vec<_>>(), ["default"]);
    assert_eq!((denial.error(), denial.challenge()), (None, None));
}

#[tokio::test]
async fn the_handler_is_not_called() {
    let app = App::of(limited(per(2, 60)));
    for _ in 0..10 {
        app.ask("ann").await;
    }
    assert_eq!(app.calls(), 2);
}

#[tokio::test]
async fn a_plain_service_of_any_body_is_limited_alike() {
    let limit = RateLimit::builder().quota(per(1, 60)).key(Key::global()).build().unwrap();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let service = limit.layer(service_fn(move |_: Request<Full<Bytes>>| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async { Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default())) }
    }));
    let ask = async || service.clone().oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(ask().await.status(), 200);
    let refused = ask().await;
    assert_eq!(refused.status(), 429);
    assert!(refused.extensions().get::<Denial>().is_some());
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["violated-policies"], json!(["default"]));
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}
