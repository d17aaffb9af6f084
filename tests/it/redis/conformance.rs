//! What both stores do: the same scripts on each, told the same.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit, Tier, Tiers};

use super::limited_app::{Limited, Told, cost, named};
use super::test_store::{ALGORITHMS, Bench};
use crate::support::redis_server::Server;

/// What is done, and what comes of it.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request with these fields is answered so.
    Ask(&'static str, &'static str),
    /// So many units of a subject are given back.
    Refund(&'static str, u32),
    Reset(&'static str),
    Unblock(&'static str),
    /// So much is used of each limit.
    Used(&'static str, &'static [u32]),
}

use Step::{Ask, Refund, Reset, Unblock, Used};

/// Runs a script on both stores for each algorithm, within what is one instant beside the window.
async fn script(builder: impl Fn(Algorithm) -> RateLimitBuilder, tiers: &[Tier], steps: &[Step]) {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        let mut told: Vec<Vec<Told>> = Vec::new();
        for bench in [Bench::memory(), Bench::redis(&server)] {
            let app = Limited::tiered(bench.build(builder(algorithm).ietf_draft_headers()), tiers);
            told.push(run(&app, steps, &format!("{algorithm:?} in {}", bench.name)).await);
        }
        for (index, (memory, redis)) in told[0].iter().zip(&told[1]).enumerate() {
            let place = format!("{algorithm:?}, answer {index}: {memory:?} {redis:?}");
            let memory = memory.as_told_by(redis);
            assert_eq!(memory.facts(), redis.facts(), "{place}");
            assert!(memory.times().iter().zip(redis.times()).all(|(one, other)| one.abs_diff(other) <= 3), "{place}");
        }
    }
}

async fn run(app: &Limited, steps: &[Step], place: &str) -> Vec<Told> {
    let mut answers = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match *step {
            Ask(fields, word) => {
                let told = app.ask(fields).await;
                assert_eq!(told.word(), word, "{place}, step {index}: {step:?}: {told:?}");
                answers.push(told);
            }
            Refund(name, units) => app.limit.refund(&Subject::custom(name), units).await.unwrap(),
            Reset(name) => app.limit.reset(&Subject::custom(name)).await.unwrap(),
            Unblock(name) => app.limit.unblock(&Subject::custom(name)).await.unwrap(),
            Used(name, units) => assert_eq!(app.used(name).await, units, "{place}, step {index}: {step:?}"),
        }
    }
    answers
}

fn long(units: u32, algorithm: Algorithm) -> Quota {
    Quota::per(units, LONG).unwrap().algorithm(algorithm)
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_quota_is_admitted_exactly_and_a_denial_charges_nothing() {
    const A: &str = "x-user: a";
    let builder = |algorithm| RateLimit::builder().quota(long(3, algorithm)).key(named("x-user"));
    let steps = [
        Ask(A, "ok"),
        Ask(A, "ok"),
        Ask(A, "ok"),
        Ask(A, "quota"),
        Ask(A, "quota"),
        Ask("x-user: b", "ok"),
        Used("a", &[3]),
        Refund("a", 1),
        Ask(A, "ok"),
        Ask(A, "quota"),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_cost_is_charged_whole_or_not_zero_looks_and_one_above_the_limit_never_fits() {
    let builder = |algorithm| {
        RateLimit::builder().limit(Limit::new("cost", long(5, algorithm)).cost_of(cost)).key(named("x-user"))
    };
    let steps = [
        Ask("x-user: a, x-cost: 0", "ok"),
        Ask("x-user: a, x-cost: 6", "never"),
        Ask("x-user: a, x-cost: 3", "ok"),
        Ask("x-user: a, x-cost: 3", "quota"),
        Ask("x-user: a, x-cost: 6", "never"),
        Ask("x-user: a, x-cost: 2", "ok"),
        Ask("x-user: a, x-cost: 0", "ok"),
        Ask("x-user: a, x-cost: 4000000000", "never"),
        Ask("x-user: a", "quota"),
        Used("a", &[5]),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn several_limits_charge_all_or_none_whoever_they_count() {
    let builder = |algorithm| {
        let limits = [("user", 2, "x-user"), ("address", 4, "x-ip"), ("all", 9, "x-user")];
        limits.into_iter().fold(RateLimit::builder(), |builder, (name, units, field)| {
            builder.add_limit(Limit::new(name, long(units, algorithm)).key(named(field)))
        })
    };
    let steps = [
        Ask("x-user: a, x-ip: i", "ok"),
        Ask("x-user: a, x-ip: i", "ok"),
        Ask("x-user: a, x-ip: i", "quota"),
        Ask("x-user: a, x-ip: i", "quota"),
        Used("i", &[0, 2, 0]),
        Ask("x-user: b, x-ip: i", "ok"),
        Ask("x-user: b, x-ip: i", "ok"),
        Ask("x-user: c, x-ip: i", "quota"),
        Used("c", &[0, 0, 0]),
        Ask("x-user: b, x-ip: i", "quota"),
        Ask("x-user: c, x-ip: j", "ok"),
        Used("a", &[2, 0, 2]),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_tier_that_changes_keeps_the_units_used() {
    let tiers = Tiers::ascending(["low", "high"]).unwrap();
    let [low, high] = ["low", "high"].map(|name| tiers.get(name).unwrap());
    let both = [low.clone(), high.clone()];
    let builder = move |algorithm| {
        let quotas = [(low.clone(), long(2, algorithm)), (high.clone(), long(4, algorithm))];
        RateLimit::builder().by_tier(quotas).key(named("x-user"))
    };
    let steps = [
        Ask("x-user: a, x-tier: low", "ok"),
        Ask("x-user: a, x-tier: low", "ok"),
        Ask("x-user: a, x-tier: low", "quota"),
        Ask("x-user: a, x-tier: high", "ok"),
        Ask("x-user: a, x-tier: high", "ok"),
        Ask("x-user: a, x-tier: high", "quota"),
        Ask("x-user: a, x-tier: low", "quota"),
        Refund("a", 2),
        Ask("x-user: a, x-tier: low", "quota"),
        Ask("x-user: a, x-tier: high", "ok"),
    ];
    script(builder, &both, &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_block_stands_beside_other_limits_until_it_is_lifted() {
    let hour = Duration::from_secs(3600);
    let builder = move |algorithm| {
        let guard = Limit::new("guard", long(2, algorithm)).block_for(hour).escalate_to(hour * 4);
        RateLimit::builder().add_limit(guard).add_limit(Limit::new("all", long(9, algorithm))).key(named("x-user"))
    };
    let steps = [
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "quota"),
        Ask("x-user: a", "block"),
        Ask("x-user: a", "block"),
        Refund("a", 2),
        Ask("x-user: a", "block"),
        Ask("x-user: b", "ok"),
        Unblock("a"),
        Used("a", &[0, 0]),
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "quota"),
        Ask("x-user: a", "block"),
        Unblock("a"),
        Ask("x-user: a", "quota"),
        Ask("x-user: a", "block"),
        Reset("a"),
        Ask("x-user: a", "ok"),
        Used("a", &[1, 1]),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn only_failures_count_and_a_success_gives_back_its_own_unit_alone() {
    let builder = |algorithm| {
        let login = Limit::new("login", long(3, algorithm)).only_failures();
        RateLimit::builder().add_limit(login).add_limit(Limit::new("all", long(7, algorithm))).key(named("x-user"))
    };
    let steps = [
        Ask("x-user: a", "ok"),
        Ask("x-user: a, x-status: 401", "ok"),
        Ask("x-user: a, x-status: 500", "ok"),
        Used("a", &[1, 3]),
        Ask("x-user: a, x-status: 401", "ok"),
        Ask("x-user: a", "ok"),
        Ask("x-user: a, x-status: 401", "ok"),
        Ask("x-user: a", "quota"),
        Used("a", &[3, 6]),
        Refund("a", 1),
        Ask("x-user: a", "ok"),
        Used("a", &[2, 6]),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_shadow_counts_and_never_refuses() {
    let builder = |algorithm| {
        let shadow = Limit::new("shadow", long(1, algorithm)).shadow();
        RateLimit::builder().add_limit(shadow).add_limit(Limit::new("all", long(3, algorithm))).key(named("x-user"))
    };
    let steps = [
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "ok"),
        Used("a", &[1, 2]),
        Ask("x-user: a", "ok"),
        Ask("x-user: a", "quota"),
    ];
    script(builder, &[], &steps).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_block_is_twice_as_long_each_time_up_to_the_longest() {
    let server = Server::start();
    let first = Duration::from_millis(80);
    for bench in [Bench::memory(), Bench::redis(&server)] {
        let guard = Limit::new("guard", long(1, Algorithm::SlidingLog)).block_for(first).escalate_to(first * 3);
        let app = Limited::new(bench.build(RateLimit::builder().limit(guard).key(named("x-user"))));
        assert_eq!(app.ask("x-user: a").await.word(), "ok");
        for length in [first, first * 2, first * 3, first * 3] {
            assert_eq!(app.ask("x-user: a").await.word(), "quota", "{}", bench.name);
            let usage = app.limit.peek(&Subject::custom("a")).await.unwrap();
            let rest = usage[0].blocked_for().expect("a block");
            assert!(rest <= length && rest + Duration::from_millis(60) > length, "{}: {rest:?}", bench.name);
            bench.wait(rest).await;
        }
        bench.wait(first * 3).await;
        bench.wait(first * 3).await;
        assert_eq!(app.ask("x-user: a").await.word(), "quota", "{}", bench.name);
        let again = app.limit.peek(&Subject::custom("a")).await.unwrap()[0].blocked_for();
        assert!(again.is_some_and(|rest| rest <= first), "{}: blocks are forgotten: {again:?}", bench.name);
    }
}

/// No calendar's window of it begins while a test runs.
const LONG: Duration = Duration::from_secs(360 * 86_400);
