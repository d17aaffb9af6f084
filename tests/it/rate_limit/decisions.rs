//! Decisions: time, costs, `Retry-After`, and several limits on one request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use portcullis::RateLimit;
use portcullis::clock::{Clock, TimeSource};
use portcullis::rate_limit::{Limit, RateLimitBuilder, ResetFormat, Subject};

use super::{ALGORITHMS, TestApp, by_user_header, header, limit_by_header, per_seconds, routes, seconds, start};
use crate::support::response::TestResponse;

/// A builder with one limit whose cost is the header `x-cost` (default 1).
fn limit_with_cost(quota: portcullis::Quota) -> RateLimitBuilder {
    let cost = |head: &http::request::Parts| header(head, "x-cost").map_or(1, |cost| cost.parse().unwrap());
    RateLimit::builder().limit(Limit::new("costly", quota).cost_of(cost)).key(by_user_header())
}

async fn used(app: &TestApp, user: &str) -> Vec<(String, u32)> {
    let usages = app.limit.peek(&Subject::custom(user)).await.unwrap();
    usages.iter().map(|usage| (usage.name().to_owned(), usage.used())).collect()
}

#[tokio::test]
async fn exactly_the_quota_is_admitted_at_one_instant() {
    for algorithm in ALGORITHMS {
        for units in [1, 7, 100] {
            let app = TestApp::new(limit_by_header(per_seconds(units, 60).algorithm(algorithm)));
            assert_eq!(app.count_admitted("ann", 2 * units as usize).await, units as usize, "{algorithm:?}");
            assert_eq!(app.handler_calls(), units as usize, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_jump_of_the_clock_refills_at_most_the_quota() {
    for algorithm in ALGORITHMS {
        let app = TestApp::new(limit_by_header(per_seconds(7, 60).algorithm(algorithm)));
        for windows in [2, 100, 1_000_000] {
            assert_eq!(app.count_admitted("ann", 20).await, 7, "{algorithm:?}");
            app.advance_seconds(60 * windows);
        }
        assert_eq!(app.count_admitted("ann", 20).await, 7, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_new_subject_is_treated_like_an_idle_one() {
    for algorithm in ALGORITHMS {
        let app =
            TestApp::new(limit_by_header(per_seconds(3, 60).algorithm(algorithm)).reset_format(ResetFormat::Delta));
        app.expect_admitted("idle", 3).await;
        app.advance_seconds(6000);
        for pause in 0..5 {
            let idle = app.send_as("idle").await;
            let fresh = app.send_as("fresh").await;
            assert_eq!(idle.status(), fresh.status(), "{algorithm:?}");
            for name in ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"] {
                assert_eq!(idle.header(name), fresh.header(name), "{algorithm:?}, {name}");
            }
            app.advance_seconds(pause);
        }
    }
}

/// A clock whose monotonic time can go back.
#[derive(Clone)]
struct AdjustableClock(Arc<Mutex<Instant>>);

impl TimeSource for AdjustableClock {
    fn wall(&self) -> SystemTime {
        start()
    }

    fn monotonic(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_admits_no_more_and_rejects_for_at_most_one_window() {
    for algorithm in ALGORITHMS {
        for back in [1, 59, 600, 3_600] {
            let time = AdjustableClock(Arc::new(Mutex::new(Instant::now())));
            let clock = Clock::from_source(time.clone());
            let limit = limit_by_header(per_seconds(5, 60).algorithm(algorithm)).clock(clock).build().unwrap();
            let app = routes(&Arc::default()).layer(limit);
            let send = async || TestResponse::get(&app, "/", &[("x-user", "ann")]).await;
            *time.0.lock().unwrap() += seconds(3_600);
            for _ in 0..5 {
                assert_eq!(send().await.status, 200);
            }
            *time.0.lock().unwrap() -= seconds(back);
            let rejected = send().await;
            assert_eq!(rejected.status, 429, "{algorithm:?} {back}");
            let wait: u64 = rejected.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait <= 65, "{algorithm:?} {back}: {wait}");
            *time.0.lock().unwrap() += seconds(wait);
            assert_eq!(send().await.status, 200, "{algorithm:?} {back}");
        }
    }
}

#[tokio::test]
async fn a_change_of_the_wall_clock_has_no_effect() {
    for algorithm in ALGORITHMS {
        for wall in [start() - seconds(86_400), start() + seconds(86_400)] {
            let app = TestApp::new(limit_by_header(per_seconds(5, 60).algorithm(algorithm)));
            app.expect_admitted("ann", 5).await;
            app.clock.set_wall(wall);
            assert_eq!(app.send_as("ann").await.status(), 429, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_request_after_the_retry_after_is_admitted() {
    for algorithm in ALGORITHMS {
        for (cost, pause) in [("1", 0), ("1", 1_300), ("3", 700), ("5", 4_999)] {
            let app = TestApp::new(limit_with_cost(per_seconds(10, 60).algorithm(algorithm)));
            app.clock.advance(Duration::from_micros(7_654_321));
            for round in 0..30 {
                let response = app.get("/", &[("x-user", "ann"), ("x-cost", cost)]).await;
                if response.status() == 429 {
                    app.advance_seconds(response.retry_after().unwrap());
                    let after = app.get("/", &[("x-user", "ann"), ("x-cost", cost)]).await;
                    assert_eq!(after.status(), 200, "{algorithm:?}, cost {cost}, pause {pause}, round {round}");
                }
                app.clock.advance(Duration::from_millis(pause));
            }
        }
    }
}

#[tokio::test]
async fn retry_after_is_rounded_up_and_at_least_one_second() {
    for (window, elapsed, expected) in [
        (1, 0, 1),
        (500, 0, 1),
        (1_000, 0, 1),
        (1_001, 0, 2),
        (2_000, 0, 2),
        (2_000, 1, 2),
        (2_000, 999, 2),
        (2_000, 1_000, 1),
        (2_000, 1_999, 1),
        (60_000, 0, 60),
    ] {
        let quota = portcullis::Quota::per(1, Duration::from_millis(window)).unwrap();
        let app = TestApp::new(limit_by_header(quota));
        app.expect_admitted("ann", 1).await;
        app.clock.advance(Duration::from_millis(elapsed));
        assert_eq!(app.send_as("ann").await.retry_after(), Some(expected), "{elapsed} of {window} ms");
    }
}

#[tokio::test]
async fn retry_after_of_a_sliding_log_is_exact_to_the_second() {
    let app = TestApp::new(limit_by_header(per_seconds(5, 300)));
    app.expect_admitted("ann", 5).await;
    app.clock.advance(Duration::from_millis(1_500));
    let wait = app.send_as("ann").await.retry_after().unwrap();
    app.advance_seconds(wait - 1);
    assert_eq!(app.send_as("ann").await.status(), 429);
    app.advance_seconds(1);
    assert_eq!(app.send_as("ann").await.status(), 200);
}

#[tokio::test]
async fn retry_after_is_the_longest_wait_of_the_exceeded_limits() {
    let app = TestApp::new(limit_by_header(per_seconds(2, 10)).add_limit(Limit::new("slow", per_seconds(2, 50))));
    app.expect_admitted("ann", 2).await;
    let response = app.send_as("ann").await;
    assert_eq!(response.retry_after(), Some(50));
    assert_eq!(response.problem_details()["violated-policies"], serde_json::json!(["default", "slow"]));
    app.advance_seconds(10);
    assert_eq!(app.send_as("ann").await.problem_details()["violated-policies"], serde_json::json!(["slow"]));
    app.advance_seconds(40);
    assert_eq!(app.send_as("ann").await.status(), 200);
}

#[tokio::test]
async fn all_limits_are_checked_before_any_is_charged() {
    let wide = Limit::new("wide", per_seconds(10, 60));
    let narrow = Limit::new("narrow", per_seconds(2, 60));
    for limits in [[wide.clone(), narrow.clone()], [narrow, wide]] {
        let builder = limits.into_iter().fold(RateLimit::builder().key(by_user_header()), RateLimitBuilder::add_limit);
        let app = TestApp::new(builder);
        app.expect_admitted("ann", 2).await;
        for _ in 0..20 {
            assert_eq!(app.send_as("ann").await.status(), 429);
        }
        let mut used = used(&app, "ann").await;
        used.sort();
        assert_eq!(used, [("narrow".to_owned(), 2), ("wide".to_owned(), 2)]);
    }
}

#[tokio::test]
async fn a_denial_charges_nothing() {
    for algorithm in ALGORITHMS {
        let app = TestApp::new(limit_by_header(per_seconds(5, 60).algorithm(algorithm)));
        app.expect_admitted("ann", 5).await;
        let wait = app.send_as("ann").await.retry_after();
        for _ in 0..100 {
            assert_eq!(app.send_as("ann").await.retry_after(), wait, "{algorithm:?}");
        }
        app.advance_seconds(65);
        assert_eq!(app.count_admitted("ann", 10).await, 5, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_cost_is_charged_whole_or_not_at_all() {
    for algorithm in ALGORITHMS {
        let app = TestApp::new(limit_with_cost(per_seconds(10, 60).algorithm(algorithm)));
        for (cost, status, remaining) in [("4", 200, 6), ("7", 429, 6), ("6", 200, 0), ("1", 429, 0)] {
            let response = app.get("/", &[("x-user", "ann"), ("x-cost", cost)]).await;
            assert_eq!((response.status(), response.remaining()), (status, Some(remaining)), "{algorithm:?} {cost}");
        }
    }
}

#[tokio::test]
async fn a_cost_of_zero_charges_nothing() {
    for algorithm in ALGORITHMS {
        let app = TestApp::new(limit_with_cost(per_seconds(2, 60).algorithm(algorithm)));
        for remaining in [2, 1, 0] {
            for _ in 0..5 {
                let response = app.get("/", &[("x-user", "ann"), ("x-cost", "0")]).await;
                assert_eq!((response.status(), response.remaining()), (200, Some(remaining)), "{algorithm:?}");
            }
            app.send_as("ann").await;
        }
        assert_eq!(used(&app, "ann").await, [("costly".to_owned(), 2)], "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_fixed_cost_is_charged_and_zero_charges_nothing() {
    let limits = [Limit::new("five", per_seconds(10, 60)).cost(5), Limit::new("none", per_seconds(1, 60)).cost(0)];
    let builder = limits.into_iter().fold(RateLimit::builder().key(by_user_header()), RateLimitBuilder::add_limit);
    let app = TestApp::new(builder);
    assert_eq!(app.count_admitted("ann", 5).await, 2);
    assert_eq!(used(&app, "ann").await, [("five".to_owned(), 10), ("none".to_owned(), 0)]);
}

#[tokio::test]
async fn a_cost_above_the_limit_is_429_without_retry_after() {
    for algorithm in ALGORITHMS {
        for cost in ["11", "4294967295"] {
            let builder = limit_with_cost(per_seconds(10, 60).algorithm(algorithm));
            let app = TestApp::new(builder.add_limit(Limit::new("other", per_seconds(1, 60))));
            let response = app.get("/", &[("x-user", "ann"), ("x-cost", cost)]).await;
            assert_eq!((response.status(), response.retry_after()), (429, None), "{algorithm:?}");
            assert_eq!(response.problem_details()["detail"], "the request costs more than the rate limit allows");
            assert_eq!(response.problem_details()["violated-policies"], serde_json::json!(["costly"]));
            app.expect_admitted("ann", 1).await;
            let response = app.get("/", &[("x-user", "ann"), ("x-cost", cost)]).await;
            assert_eq!(response.retry_after(), None, "even if another limit is exceeded: {algorithm:?}");
        }
    }
}
