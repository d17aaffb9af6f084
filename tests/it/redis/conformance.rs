//! The in-memory store and the Redis store behave alike: the same scripted requests get the same responses.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit, Tier, Tiers};

use crate::support::limited_app::{LimitedApp, LimitedResponse, by_header, cost};
use crate::support::redis_server::Server;
use crate::support::test_store::{ALGORITHMS, TestStore};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sends a request with these headers and expects this outcome; see `LimitedResponse::outcome`.
    Send(&'static str, &'static str),
    /// Refunds units to a subject.
    Refund(&'static str, u32),
    Reset(&'static str),
    Unblock(&'static str),
    /// Expects the subject to have used these units of each limit.
    Used(&'static str, &'static [u32]),
}

use Step::{Refund, Reset, Send, Unblock, Used};

/// Runs the steps on both stores, for each algorithm and at one instant, and compares the responses.
async fn run_on_both_stores(builder: impl Fn(Algorithm) -> RateLimitBuilder, tiers: &[Tier], steps: &[Step]) {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        let [memory, redis] = [TestStore::memory(), TestStore::redis(&server)];
        let mut responses = Vec::new();
        for store in [memory, redis] {
            let app = LimitedApp::with_tiers(store.build(builder(algorithm).ietf_draft_headers()), tiers);
            responses.push(run(&app, steps, &format!("{algorithm:?} in {}", store.name)).await);
        }
        for (index, (memory, redis)) in responses[0].iter().zip(&responses[1]).enumerate() {
            let case = format!("{algorithm:?}, response {index}: {memory:?} {redis:?}");
            let memory = memory.as_cached_denial(redis);
            assert_eq!(memory.without_times(), redis.without_times(), "{case}");
            assert_eq!(memory.times(), redis.times(), "{case}");
        }
    }
}

async fn run(app: &LimitedApp, steps: &[Step], case: &str) -> Vec<LimitedResponse> {
    let mut responses = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match *step {
            Send(headers, outcome) => {
                let response = app.send(headers).await;
                assert_eq!(response.outcome(), outcome, "{case}, step {index}: {step:?}: {response:?}");
                responses.push(response);
            }
            Refund(name, units) => app.limit.refund(&Subject::custom(name), units).await.unwrap(),
            Reset(name) => app.limit.reset(&Subject::custom(name)).await.unwrap(),
            Unblock(name) => app.limit.unblock(&Subject::custom(name)).await.unwrap(),
            Used(name, units) => assert_eq!(app.used(name).await, units, "{case}, step {index}: {step:?}"),
        }
    }
    responses
}

fn per_360_days(units: u32, algorithm: Algorithm) -> Quota {
    Quota::per(units, Duration::from_secs(360 * 86_400)).unwrap().algorithm(algorithm)
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn exactly_the_quota_is_admitted_and_a_denial_charges_nothing() {
    const A: &str = "x-user: a";
    let builder = |algorithm| RateLimit::builder().quota(per_360_days(3, algorithm)).key(by_header("x-user"));
    let steps = [
        Send(A, "ok"),
        Send(A, "ok"),
        Send(A, "ok"),
        Send(A, "quota"),
        Send(A, "quota"),
        Send("x-user: b", "ok"),
        Used("a", &[3]),
        Refund("a", 1),
        Send(A, "ok"),
        Send(A, "quota"),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cost_is_charged_whole_or_not_at_all_and_zero_charges_nothing() {
    let builder = |algorithm| {
        let limit = Limit::new("cost", per_360_days(5, algorithm)).cost_of(cost);
        RateLimit::builder().limit(limit).key(by_header("x-user"))
    };
    let steps = [
        Send("x-user: a, x-cost: 0", "ok"),
        Send("x-user: a, x-cost: 6", "never"),
        Send("x-user: a, x-cost: 3", "ok"),
        Send("x-user: a, x-cost: 3", "quota"),
        Send("x-user: a, x-cost: 6", "never"),
        Send("x-user: a, x-cost: 2", "ok"),
        Send("x-user: a, x-cost: 0", "ok"),
        Send("x-user: a, x-cost: 4000000000", "never"),
        Send("x-user: a", "quota"),
        Used("a", &[5]),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn several_limits_with_different_keys_are_all_charged_or_none() {
    let builder = |algorithm| {
        let limits = [("user", 2, "x-user"), ("address", 4, "x-ip"), ("all", 9, "x-user")];
        limits.into_iter().fold(RateLimit::builder(), |builder, (name, units, header)| {
            builder.add_limit(Limit::new(name, per_360_days(units, algorithm)).key(by_header(header)))
        })
    };
    let steps = [
        Send("x-user: a, x-ip: i", "ok"),
        Send("x-user: a, x-ip: i", "ok"),
        Send("x-user: a, x-ip: i", "quota"),
        Send("x-user: a, x-ip: i", "quota"),
        Used("i", &[0, 2, 0]),
        Send("x-user: b, x-ip: i", "ok"),
        Send("x-user: b, x-ip: i", "ok"),
        Send("x-user: c, x-ip: i", "quota"),
        Used("c", &[0, 0, 0]),
        Send("x-user: b, x-ip: i", "quota"),
        Send("x-user: c, x-ip: j", "ok"),
        Used("a", &[2, 0, 2]),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_change_of_tier_keeps_the_used_units() {
    let tiers = Tiers::ascending(["low", "high"]).unwrap();
    let [low, high] = ["low", "high"].map(|name| tiers.get(name).unwrap());
    let both = [low.clone(), high.clone()];
    let builder = move |algorithm| {
        let quotas = [(low.clone(), per_360_days(2, algorithm)), (high.clone(), per_360_days(4, algorithm))];
        RateLimit::builder().by_tier(quotas).key(by_header("x-user"))
    };
    let steps = [
        Send("x-user: a, x-tier: low", "ok"),
        Send("x-user: a, x-tier: low", "ok"),
        Send("x-user: a, x-tier: low", "quota"),
        Send("x-user: a, x-tier: high", "ok"),
        Send("x-user: a, x-tier: high", "ok"),
        Send("x-user: a, x-tier: high", "quota"),
        Send("x-user: a, x-tier: low", "quota"),
        Refund("a", 2),
        Send("x-user: a, x-tier: low", "quota"),
        Send("x-user: a, x-tier: high", "ok"),
    ];
    run_on_both_stores(builder, &both, &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_block_lasts_until_it_is_lifted_whatever_the_other_limits_allow() {
    let hour = Duration::from_secs(3600);
    let builder = move |algorithm| {
        let guard = Limit::new("guard", per_360_days(2, algorithm)).block_for(hour).escalate_to(hour * 4);
        let all = Limit::new("all", per_360_days(9, algorithm));
        RateLimit::builder().add_limit(guard).add_limit(all).key(by_header("x-user"))
    };
    let steps = [
        Send("x-user: a", "ok"),
        Send("x-user: a", "ok"),
        Send("x-user: a", "block"),
        Send("x-user: a", "block"),
        Send("x-user: a", "block"),
        Refund("a", 2),
        Send("x-user: a", "block"),
        Send("x-user: b", "ok"),
        Unblock("a"),
        Used("a", &[0, 0]),
        Send("x-user: a", "ok"),
        Send("x-user: a", "ok"),
        Send("x-user: a", "block"),
        Send("x-user: a", "block"),
        Unblock("a"),
        Send("x-user: a", "block"),
        Send("x-user: a", "block"),
        Reset("a"),
        Send("x-user: a", "ok"),
        Used("a", &[1, 1]),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_success_refunds_only_its_own_unit_where_only_failures_count() {
    let builder = |algorithm| {
        let login = Limit::new("login", per_360_days(3, algorithm)).only_failures();
        let all = Limit::new("all", per_360_days(7, algorithm));
        RateLimit::builder().add_limit(login).add_limit(all).key(by_header("x-user"))
    };
    let steps = [
        Send("x-user: a", "ok"),
        Send("x-user: a, x-status: 401", "ok"),
        Send("x-user: a, x-status: 500", "ok"),
        Used("a", &[1, 3]),
        Send("x-user: a, x-status: 401", "ok"),
        Send("x-user: a", "ok"),
        Send("x-user: a, x-status: 401", "ok"),
        Send("x-user: a", "quota"),
        Used("a", &[3, 6]),
        Refund("a", 1),
        Send("x-user: a", "ok"),
        Used("a", &[2, 6]),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_shadow_limit_counts_and_never_rejects() {
    let builder = |algorithm| {
        let shadow = Limit::new("shadow", per_360_days(1, algorithm)).shadow();
        let all = Limit::new("all", per_360_days(3, algorithm));
        RateLimit::builder().add_limit(shadow).add_limit(all).key(by_header("x-user"))
    };
    let steps = [
        Send("x-user: a", "ok"),
        Send("x-user: a", "ok"),
        Used("a", &[1, 2]),
        Send("x-user: a", "ok"),
        Send("x-user: a", "quota"),
    ];
    run_on_both_stores(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn each_block_is_twice_as_long_up_to_the_longest_and_blocks_are_forgotten() {
    let server = Server::start();
    let first = Duration::from_secs(80);
    for store in [TestStore::memory(), TestStore::redis(&server)] {
        let guard = Limit::new("guard", per_360_days(1, Algorithm::SlidingLog)).block_for(first);
        let builder = RateLimit::builder().limit(guard.escalate_to(first * 3)).key(by_header("x-user"));
        let app = LimitedApp::new(store.build(builder));
        let blocked_for = async || app.limit.peek(&Subject::custom("a")).await.unwrap()[0].blocked_for();
        assert_eq!(app.send("x-user: a").await.outcome(), "ok");
        for length in [first, first * 2, first * 3, first * 3] {
            assert_eq!(app.send("x-user: a").await.outcome(), "block", "{}", store.name);
            assert_eq!(blocked_for().await, Some(length), "{}", store.name);
            store.advance(length);
        }
        store.advance(first * 6);
        assert_eq!(app.send("x-user: a").await.outcome(), "block", "{}", store.name);
        assert_eq!(blocked_for().await, Some(first), "{}: earlier blocks are forgotten", store.name);
    }
}
