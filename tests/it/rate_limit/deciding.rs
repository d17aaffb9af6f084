//! How several limits decide together, what a refusal leaves, and what time does.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use portcullis::RateLimit;
use portcullis::clock::{Clock, TimeSource};
use portcullis::rate_limit::{Limit, RateLimitBuilder, ResetFormat, Subject};

use super::{ALGORITHMS, App, field, limited, per, routes, seconds, start, who};
use crate::support::response::TestResponse;

fn costly(quota: portcullis::Quota) -> RateLimitBuilder {
    let cost = |head: &http::request::Parts| field(head, "x-cost").map_or(1, |cost| cost.parse().unwrap());
    RateLimit::builder().limit(Limit::new("costly", quota).cost_of(cost)).key(who())
}

async fn used(app: &App, who: &str) -> Vec<(String, u32)> {
    let usages = app.limit.peek(&Subject::custom(who)).await.unwrap();
    usages.iter().map(|usage| (usage.name().to_owned(), usage.used())).collect()
}

#[tokio::test]
async fn a_frozen_clock_admits_exactly_the_quota() {
    for algorithm in ALGORITHMS {
        for units in [1, 7, 100] {
            let app = App::of(limited(per(units, 60).algorithm(algorithm)));
            assert_eq!(app.admitted("ann", 2 * units as usize).await, units as usize, "{algorithm:?}");
            assert_eq!(app.calls(), units as usize, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_jump_refills_to_the_cap_and_no_further() {
    for algorithm in ALGORITHMS {
        let app = App::of(limited(per(7, 60).algorithm(algorithm)));
        for windows in [2, 100, 1_000_000] {
            assert_eq!(app.admitted("ann", 20).await, 7, "{algorithm:?}");
            app.advance(60 * windows);
        }
        assert_eq!(app.admitted("ann", 20).await, 7, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_fresh_key_behaves_as_a_long_idle_one() {
    for algorithm in ALGORITHMS {
        let app = App::of(limited(per(3, 60).algorithm(algorithm)).reset_format(ResetFormat::Delta));
        app.use_up("idle", 3).await;
        app.advance(6000);
        for n in 0..5 {
            let (idle, fresh) = (app.ask("idle").await, app.ask("fresh").await);
            let told = |told: &super::Told| (told.status(), told.remaining(), told.number("x-ratelimit-reset"));
            assert_eq!(told(&idle), told(&fresh), "{algorithm:?}");
            assert_eq!(idle.retry_after(), fresh.retry_after(), "{algorithm:?}");
            app.advance(n);
        }
    }
}

/// A clock that also goes back.
#[derive(Clone)]
struct Pendulum(Arc<Mutex<Instant>>);

impl TimeSource for Pendulum {
    fn wall(&self) -> SystemTime {
        start()
    }

    fn monotonic(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_backward_jump_neither_admits_more_nor_locks_out_longer_than_a_refill() {
    for algorithm in ALGORITHMS {
        for back in [1, 59, 600, 3_600] {
            let pendulum = Pendulum(Arc::new(Mutex::new(Instant::now())));
            let clock = Clock::from_source(pendulum.clone());
            let limit = limited(per(5, 60).algorithm(algorithm)).clock(clock).build().unwrap();
            let app = routes(&Arc::default()).layer(limit);
            let ask = async || TestResponse::get(&app, "/", &[("x-who", "ann")]).await;
            *pendulum.0.lock().unwrap() += seconds(3_600);
            for _ in 0..5 {
                assert_eq!(ask().await.status, 200);
            }
            *pendulum.0.lock().unwrap() -= seconds(back);
            let refused = ask().await;
            assert_eq!(refused.status, 429, "{algorithm:?} {back}");
            let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!(wait <= 65, "{algorithm:?} {back}: {wait}");
            *pendulum.0.lock().unwrap() += seconds(wait);
            assert_eq!(ask().await.status, 200, "{algorithm:?} {back}");
        }
    }
}

#[tokio::test]
async fn the_wall_clock_may_be_set_and_nothing_changes() {
    for algorithm in ALGORITHMS {
        for wall in [start() - seconds(86_400), start() + seconds(86_400)] {
            let app = App::of(limited(per(5, 60).algorithm(algorithm)));
            app.use_up("ann", 5).await;
            app.hands.set_wall(wall);
            assert_eq!(app.ask("ann").await.status(), 429, "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn waiting_retry_after_succeeds() {
    for algorithm in ALGORITHMS {
        for (cost, pause) in [("1", 0), ("1", 1_300), ("3", 700), ("5", 4_999)] {
            let app = App::of(costly(per(10, 60).algorithm(algorithm)));
            app.hands.advance(Duration::from_micros(7_654_321));
            for round in 0..30 {
                let told = app.get("/", &[("x-who", "ann"), ("x-cost", cost)]).await;
                if told.status() == 429 {
                    app.advance(told.retry_after().unwrap());
                    let after = app.get("/", &[("x-who", "ann"), ("x-cost", cost)]).await;
                    assert_eq!(after.status(), 200, "{algorithm:?}, cost {cost}, pause {pause}, round {round}");
                }
                app.hands.advance(Duration::from_millis(pause));
            }
        }
    }
}

#[tokio::test]
async fn retry_after_is_rounded_up_and_at_least_one() {
    for (window, gone, expected) in [
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
        let app = App::of(limited(quota));
        app.use_up("ann", 1).await;
        app.hands.advance(Duration::from_millis(gone));
        assert_eq!(app.ask("ann").await.retry_after(), Some(expected), "{gone} of {window} ms");
    }
}

#[tokio::test]
async fn retry_after_of_a_log_is_not_a_second_too_long() {
    let app = App::of(limited(per(5, 300)));
    app.use_up("ann", 5).await;
    app.hands.advance(Duration::from_millis(1_500));
    let wait = app.ask("ann").await.retry_after().unwrap();
    app.advance(wait - 1);
    assert_eq!(app.ask("ann").await.status(), 429);
    app.advance(1);
    assert_eq!(app.ask("ann").await.status(), 200);
}

#[tokio::test]
async fn retry_after_is_that_of_the_slowest_of_the_limits_that_refuse() {
    let app = App::of(limited(per(2, 10)).add_limit(Limit::new("slow", per(2, 50))));
    app.use_up("ann", 2).await;
    let told = app.ask("ann").await;
    assert_eq!(told.retry_after(), Some(50));
    assert_eq!(told.problem()["violated-policies"], serde_json::json!(["default", "slow"]));
    app.advance(10);
    assert_eq!(app.ask("ann").await.problem()["violated-policies"], serde_json::json!(["slow"]));
    app.advance(40);
    assert_eq!(app.ask("ann").await.status(), 200);
}

#[tokio::test]
async fn every_limit_is_judged_before_any_is_charged() {
    let (wide, narrow) = (Limit::new("wide", per(10, 60)), Limit::new("narrow", per(2, 60)));
    for limits in [[wide.clone(), narrow.clone()], [narrow, wide]] {
        let builder = limits.into_iter().fold(RateLimit::builder().key(who()), RateLimitBuilder::add_limit);
        let app = App::of(builder);
        app.use_up("ann", 2).await;
        for _ in 0..20 {
            assert_eq!(app.ask("ann").await.status(), 429);
        }
        let mut used = used(&app, "ann").await;
        used.sort();
        assert_eq!(used, [("narrow".to_owned(), 2), ("wide".to_owned(), 2)]);
    }
}

#[tokio::test]
async fn a_denial_charges_nothing() {
    for algorithm in ALGORITHMS {
        let app = App::of(limited(per(5, 60).algorithm(algorithm)));
        app.use_up("ann", 5).await;
        let wait = app.ask("ann").await.retry_after();
        for _ in 0..100 {
            assert_eq!(app.ask("ann").await.retry_after(), wait, "{algorithm:?}");
        }
        app.advance(65);
        assert_eq!(app.admitted("ann", 10).await, 5, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_cost_is_charged_whole_or_not_at_all() {
    for algorithm in ALGORITHMS {
        let app = App::of(costly(per(10, 60).algorithm(algorithm)));
        for (cost, status, remaining) in [("4", 200, 6), ("7", 429, 6), ("6", 200, 0), ("1", 429, 0)] {
            let told = app.get("/", &[("x-who", "ann"), ("x-cost", cost)]).await;
            assert_eq!((told.status(), told.remaining()), (status, Some(remaining)), "{algorithm:?} {cost}");
        }
    }
}

#[tokio::test]
async fn a_cost_of_zero_is_a_peek() {
    for algorithm in ALGORITHMS {
        let app = App::of(costly(per(2, 60).algorithm(algorithm)));
        for remaining in [2, 1, 0] {
            for _ in 0..5 {
                let told = app.get("/", &[("x-who", "ann"), ("x-cost", "0")]).await;
                assert_eq!((told.status(), told.remaining()), (200, Some(remaining)), "{algorithm:?}");
            }
            app.ask("ann").await;
        }
        assert_eq!(used(&app, "ann").await, [("costly".to_owned(), 2)], "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_fixed_cost_is_charged_and_one_of_zero_is_not() {
    let limits = [Limit::new("five", per(10, 60)).cost(5), Limit::new("none", per(1, 60)).cost(0)];
    let app = App::of(limits.into_iter().fold(RateLimit::builder().key(who()), RateLimitBuilder::add_limit));
    assert_eq!(app.admitted("ann", 5).await, 2);
    assert_eq!(used(&app, "ann").await, [("five".to_owned(), 10), ("none".to_owned(), 0)]);
}

#[tokio::test]
async fn a_cost_over_the_limit_is_impossible_and_not_later() {
    for algorithm in ALGORITHMS {
        for cost in ["11", "4294967295"] {
            let app = App::of(costly(per(10, 60).algorithm(algorithm)).add_limit(Limit::new("also", per(1, 60))));
            let told = app.get("/", &[("x-who", "ann"), ("x-cost", cost)]).await;
            assert_eq!((told.status(), told.retry_after()), (429, None), "{algorithm:?}");
            assert_eq!(told.problem()["detail"], "the request costs more than the rate limit allows");
            assert_eq!(told.problem()["violated-policies"], serde_json::json!(["costly"]));
            app.use_up("ann", 1).await;
            let told = app.get("/", &[("x-who", "ann"), ("x-cost", cost)]).await;
            assert_eq!(told.retry_after(), None, "whatever else refuses: {algorithm:?}");
        }
    }
}
