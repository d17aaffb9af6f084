//! Limits that count only failures: reserved and refunded units, and how a handler marks an attempt.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Attempt, RateLimitStatus};
use portcullis::rate_limit::{Limit, Subject};
use portcullis::{Extractor, RateLimit};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use super::{ALGORITHMS, TestApp, builder_with, fake_clock, per_seconds};
use crate::support::response::TestResponse;

fn login() -> Limit {
    Limit::new("login", per_seconds(5, 300)).only_failures()
}

/// Sends a request to which the handler responds with this status. Returns the status of the response.
async fn send(app: &TestApp, status: &str) -> u16 {
    app.get("/", &[("x-user", "ann"), ("x-status", status)]).await.status()
}

async fn used(limit: &RateLimit) -> u32 {
    limit.peek(&Subject::custom("ann")).await.unwrap()[0].used()
}

#[tokio::test]
async fn failures_count_and_successes_do_not() {
    for algorithm in ALGORITHMS {
        let limit = Limit::new("login", per_seconds(5, 300).algorithm(algorithm)).only_failures();
        let app = TestApp::new(builder_with(limit));
        for _ in 0..20 {
            assert_eq!(send(&app, "200").await, 200, "{algorithm:?}");
        }
        for _ in 0..5 {
            assert_eq!(send(&app, "401").await, 401, "{algorithm:?}");
        }
        assert_eq!(send(&app, "200").await, 429, "{algorithm:?}");
        assert_eq!(app.handler_calls(), 25);
    }
}

#[tokio::test]
async fn a_success_refunds_only_its_own_unit() {
    for algorithm in ALGORITHMS {
        let limit = Limit::new("login", per_seconds(5, 300).algorithm(algorithm)).only_failures();
        let app = TestApp::new(builder_with(limit));
        for n in 1..=4 {
            assert_eq!(send(&app, "401").await, 401);
            assert_eq!(send(&app, "200").await, 200);
            assert_eq!(used(&app.limit).await, n, "{algorithm:?}");
            app.clock.advance(std::time::Duration::from_millis(1));
        }
        assert_eq!(send(&app, "401").await, 401, "{algorithm:?}");
        assert_eq!(send(&app, "200").await, 429, "{algorithm:?}");
    }
}

#[tokio::test]
async fn failures_are_the_statuses_400_to_499_or_as_configured() {
    for (status, by_default, by_condition) in [
        ("200", 0, 0),
        ("302", 0, 1),
        ("400", 1, 0),
        ("401", 1, 0),
        ("404", 1, 0),
        ("499", 1, 0),
        ("500", 0, 0),
        ("503", 0, 0),
    ] {
        let app = TestApp::new(builder_with(login()));
        send(&app, status).await;
        assert_eq!(used(&app.limit).await, by_default, "{status}");
        let limit = Limit::new("redirects", per_seconds(5, 300));
        let app = TestApp::new(builder_with(limit.only_failures_if(|status| status == StatusCode::FOUND)));
        send(&app, status).await;
        assert_eq!(used(&app.limit).await, by_condition, "{status}");
    }
}

#[tokio::test]
async fn another_limit_that_counts_all_requests_keeps_its_units() {
    let app = TestApp::new(builder_with(login()).add_limit(Limit::new("all", per_seconds(3, 300))));
    for _ in 0..3 {
        assert_eq!(send(&app, "200").await, 200);
    }
    let response = app.send_as("ann").await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.problem_details()["violated-policies"], serde_json::json!(["all"]));
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    let used: std::collections::BTreeMap<_, _> = usages.iter().map(|usage| (usage.name(), usage.used())).collect();
    assert_eq!((used["login"], used["all"]), (0, 3));
}

/// An app whose handler waits for a permit of the semaphore and responds with the remaining units.
fn app_with_waiting_handler(limit: Limit) -> (Router, RateLimit, Arc<Semaphore>) {
    let limit = builder_with(limit).clock(fake_clock().clock()).build().unwrap();
    let semaphore = Arc::new(Semaphore::new(0));
    let handler_semaphore = Arc::clone(&semaphore);
    let handler = get(move |Extractor(status): Extractor<RateLimitStatus>| async move {
        handler_semaphore.acquire().await.unwrap().forget();
        status.tightest().unwrap().remaining().to_string()
    });
    (Router::new().route("/", handler).layer(limit.clone()), limit, semaphore)
}

fn request() -> Request<Body> {
    Request::get("/").header("x-user", "ann").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn concurrent_attempts_are_counted_before_any_has_failed() {
    let (app, limit, semaphore) = app_with_waiting_handler(login());
    let attempts: Vec<_> = (0..8).map(|_| tokio::spawn(app.clone().oneshot(request()))).collect();
    tokio::task::yield_now().await;
    assert_eq!(used(&limit).await, 5);
    assert_eq!(TestResponse::send(&app, request()).await.status, 429);
    semaphore.add_permits(8);
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    assert_eq!(used(&limit).await, 0, "all five succeeded");
}

#[tokio::test]
async fn a_unit_is_reserved_while_the_handler_runs() {
    let (app, _, semaphore) = app_with_waiting_handler(login());
    semaphore.add_permits(1);
    assert_eq!(TestResponse::send(&app, request()).await.body, "4");
}

#[tokio::test]
async fn a_dropped_request_stays_charged() {
    let (app, limit, semaphore) = app_with_waiting_handler(login());
    {
        let mut attempt = pin!(app.clone().oneshot(request()));
        assert!(attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    semaphore.add_permits(1);
    assert_eq!(used(&limit).await, 1);
}

#[tokio::test]
async fn a_request_whose_service_fails_stays_charged() {
    let limit = builder_with(login()).clock(fake_clock().clock()).build().unwrap();
    let broken = service_fn(|_: Request<Body>| async { Err::<http::Response<Body>, _>("out of order") });
    assert_eq!(limit.layer(broken).oneshot(request()).await.unwrap_err(), "out of order");
    assert_eq!(used(&limit).await, 1);
}

/// Runs a handler that marks the attempt with these words and responds with this status. Returns the used units.
async fn used_units_after(marks: &str, status: u16) -> u32 {
    let limit = builder_with(login()).clock(fake_clock().clock()).build().unwrap();
    let marks = marks.to_owned();
    let handler = get(move |Extractor(attempt): Extractor<Attempt>| async move {
        for mark in marks.split_whitespace() {
            if mark == "failed" { attempt.failed() } else { attempt.succeeded() }
        }
        StatusCode::from_u16(status).unwrap()
    });
    let app = Router::new().route("/", handler).layer(limit.clone());
    assert_eq!(TestResponse::send(&app, request()).await.status, status);
    used(&limit).await
}

#[tokio::test]
async fn the_last_mark_of_the_handler_outweighs_the_status() {
    for (marks, status, expected) in [
        ("", 200, 0),
        ("", 401, 1),
        ("failed", 200, 1),
        ("failed", 401, 1),
        ("succeeded", 401, 0),
        ("succeeded", 200, 0),
        ("failed succeeded", 401, 0),
        ("succeeded failed", 200, 1),
    ] {
        assert_eq!(used_units_after(marks, status).await, expected, "{marks:?} {status}");
    }
}

#[tokio::test]
async fn without_a_limit_of_failures_the_attempt_extractor_is_500_or_none() {
    let app = Router::new()
        .route("/", get(|_: Extractor<Attempt>| async {}))
        .route("/option", get(|attempt: Option<Extractor<Attempt>>| async move { attempt.is_some().to_string() }))
        .layer(builder_with(Limit::new("all", per_seconds(5, 300))).build().unwrap());
    let response = TestResponse::get(&app, "/", &[("x-user", "ann")]).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::rate_limit_missing("Attempt"));
    assert_eq!(TestResponse::get(&app, "/option", &[("x-user", "ann")]).await.body, "false");
}

#[tokio::test]
async fn a_success_over_a_shadow_limit_refunds_no_other_unit() {
    for algorithm in ALGORITHMS {
        let limit = Limit::new("login", per_seconds(3, 300).algorithm(algorithm)).only_failures().shadow();
        let app = TestApp::new(builder_with(limit));
        for _ in 0..3 {
            assert_eq!(send(&app, "401").await, 401);
        }
        assert_eq!(send(&app, "200").await, 200);
        assert_eq!(used(&app.limit).await, 3, "{algorithm:?}");
    }
}

#[tokio::test]
async fn over_the_limit_the_handler_is_not_called() {
    let app = TestApp::new(builder_with(login()));
    for _ in 0..9 {
        send(&app, "401").await;
    }
    assert_eq!(app.handler_calls(), 5);
    assert_eq!(app.send_as("ann").await.retry_after(), Some(300));
}
