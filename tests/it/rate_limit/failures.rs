//! Limits that count only failures: what is reserved, what is given back, and whose word counts.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::context::{Attempt, RateLimitStatus};
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Limit, RateLimitBuilder, Subject};
use portcullis::testing::FakeClock;
use portcullis::{Extractor, RateLimit};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use super::{ALGORITHMS, App, Told, hands, per, who};
use crate::support::response::TestResponse;

fn login() -> Limit {
    Limit::new("login", per(5, 300)).only_failures()
}

fn of(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(who())
}

async fn answered(app: &App, status: &str) -> u16 {
    app.get("/", &[("x-who", "ann"), ("x-status", status)]).await.status()
}

async fn used(limit: &RateLimit) -> u32 {
    limit.peek(&Subject::custom("ann")).await.unwrap()[0].used()
}

#[tokio::test]
async fn successes_do_not_count_and_failures_do() {
    for algorithm in ALGORITHMS {
        let app = App::of(of(Limit::new("login", per(5, 300).algorithm(algorithm)).only_failures()));
        for _ in 0..20 {
            assert_eq!(answered(&app, "200").await, 200, "{algorithm:?}");
        }
        for _ in 0..5 {
            assert_eq!(answered(&app, "401").await, 401, "{algorithm:?}");
        }
        assert_eq!(answered(&app, "200").await, 429, "{algorithm:?}");
        assert_eq!(app.calls(), 25);
    }
}

#[tokio::test]
async fn a_success_gives_back_its_own_unit_alone_and_never_resets_the_count() {
    for algorithm in ALGORITHMS {
        let app = App::of(of(Limit::new("login", per(5, 300).algorithm(algorithm)).only_failures()));
        for n in 1..=4 {
            assert_eq!(answered(&app, "401").await, 401);
            assert_eq!(answered(&app, "200").await, 200);
            assert_eq!(used(&app.limit).await, n, "{algorithm:?}");
            app.hands.advance(std::time::Duration::from_millis(1));
        }
        assert_eq!(answered(&app, "401").await, 401, "{algorithm:?}");
        assert_eq!(answered(&app, "200").await, 429, "{algorithm:?}");
    }
}

#[tokio::test]
async fn failures_are_the_statuses_400_to_499_or_those_that_are_said() {
    for (status, by_default, by_own) in [
        ("200", 0, 0),
        ("302", 0, 1),
        ("400", 1, 0),
        ("401", 1, 0),
        ("404", 1, 0),
        ("499", 1, 0),
        ("500", 0, 0),
        ("503", 0, 0),
    ] {
        let app = App::of(of(login()));
        answered(&app, status).await;
        assert_eq!(used(&app.limit).await, by_default, "{status}");
        let app = App::of(of(Limit::new("own", per(5, 300)).only_failures_if(|status| status == StatusCode::FOUND)));
        answered(&app, status).await;
        assert_eq!(used(&app.limit).await, by_own, "{status}");
    }
}

#[tokio::test]
async fn a_limit_beside_it_that_counts_all_keeps_its_units() {
    let app = App::of(of(login()).add_limit(Limit::new("all", per(3, 300))));
    for _ in 0..3 {
        assert_eq!(answered(&app, "200").await, 200);
    }
    let told = app.ask("ann").await;
    assert_eq!((told.status(), told.problem()["violated-policies"].clone()), (429, serde_json::json!(["all"])));
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    let used: std::collections::BTreeMap<_, _> = usages.iter().map(|usage| (usage.name(), usage.used())).collect();
    assert_eq!((used["login"], used["all"]), (0, 3));
}

/// A handler that waits to be let go, and then fails or not as the path says.
fn waiting(limit: Limit) -> (Router, RateLimit, Arc<Semaphore>) {
    let (hands, gate) = (hands(), Arc::new(Semaphore::new(0)));
    let limit = of(limit).clock(hands.clock()).build().unwrap();
    let held = Arc::clone(&gate);
    let handler = get(move |Extractor(allowance): Extractor<RateLimitStatus>| async move {
        held.acquire().await.unwrap().forget();
        allowance.tightest().unwrap().remaining().to_string()
    });
    (Router::new().route("/", handler).layer(limit.clone()), limit, gate)
}

fn asked() -> Request<Body> {
    Request::get("/").header("x-who", "ann").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn attempts_made_at_once_count_before_any_has_failed() {
    let (app, limit, gate) = waiting(login());
    let attempts: Vec<_> = (0..8).map(|_| tokio::spawn(app.clone().oneshot(asked()))).collect();
    tokio::task::yield_now().await;
    assert_eq!(used(&limit).await, 5);
    assert_eq!(TestResponse::send(&app, asked()).await.status, 429);
    gate.add_permits(8);
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    assert_eq!(used(&limit).await, 0, "all five succeeded");
}

#[tokio::test]
async fn the_unit_is_reserved_while_the_handler_runs() {
    let (app, _, gate) = waiting(login());
    gate.add_permits(1);
    assert_eq!(TestResponse::send(&app, asked()).await.body, "4");
}

#[tokio::test]
async fn a_dropped_request_stays_charged() {
    let (app, limit, gate) = waiting(login());
    {
        let mut attempt = pin!(app.clone().oneshot(asked()));
        assert!(attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    gate.add_permits(1);
    assert_eq!(used(&limit).await, 1);
}

#[tokio::test]
async fn a_request_whose_service_fails_stays_charged() {
    let limit = of(login()).build().unwrap();
    let broken = service_fn(|_: Request<Body>| async { Err::<http::Response<Body>, _>("out of order") });
    assert_eq!(limit.layer(broken).oneshot(asked()).await.unwrap_err(), "out of order");
    assert_eq!(used(&limit).await, 1);
}

/// A handler that says of the attempt what the path says, with the status that it says.
async fn judged(words: &str, status: u16) -> u32 {
    let hands = FakeClock::new();
    let limit = of(login()).clock(hands.clock()).build().unwrap();
    let words = words.to_owned();
    let handler = get(move |Extractor(attempt): Extractor<Attempt>| async move {
        for word in words.split_whitespace() {
            if word == "failed" { attempt.failed() } else { attempt.succeeded() }
        }
        StatusCode::from_u16(status).unwrap()
    });
    let app = Router::new().route("/", handler).layer(limit.clone());
    assert_eq!(TestResponse::send(&app, asked()).await.status, status);
    used(&limit).await
}

#[tokio::test]
async fn the_handlers_last_word_outweighs_the_status() {
    for (words, status, expected) in [
        ("", 200, 0),
        ("", 401, 1),
        ("failed", 200, 1),
        ("failed", 401, 1),
        ("succeeded", 401, 0),
        ("succeeded", 200, 0),
        ("failed succeeded", 401, 0),
        ("succeeded failed", 200, 1),
    ] {
        assert_eq!(judged(words, status).await, expected, "{words:?} {status}");
    }
}

#[tokio::test]
async fn where_no_limit_counts_failures_the_attempt_is_500_or_none() {
    let app = Router::new()
        .route("/", get(|_: Extractor<Attempt>| async {}))
        .route("/option", get(|attempt: Option<Extractor<Attempt>>| async move { attempt.is_some().to_string() }))
        .layer(of(Limit::new("all", per(5, 300))).build().unwrap());
    let answer = TestResponse::get(&app, "/", &[("x-who", "ann")]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.denial.unwrap().kind(), &DenialKind::RateLimitMissing { required_by: "Extractor<Attempt>" });
    assert_eq!(TestResponse::get(&app, "/option", &[("x-who", "ann")]).await.body, "false");
}

#[tokio::test]
async fn a_success_over_a_shadow_limit_gives_back_nobody_elses_unit() {
    for algorithm in ALGORITHMS {
        let app = App::of(of(Limit::new("login", per(3, 300).algorithm(algorithm)).only_failures().shadow()));
        for _ in 0..3 {
            assert_eq!(answered(&app, "401").await, 401);
        }
        assert_eq!(answered(&app, "200").await, 200);
        assert_eq!(used(&app.limit).await, 3, "{algorithm:?}");
    }
}

#[tokio::test]
async fn the_handler_is_not_called_over_the_limit() {
    let app = App::of(of(login()));
    for _ in 0..9 {
        answered(&app, "401").await;
    }
    assert_eq!(app.calls(), 5);
    let told: Told = app.ask("ann").await;
    assert_eq!(told.retry_after(), Some(300));
}
