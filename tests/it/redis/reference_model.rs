//! Both stores against a reference model that keeps every charge: at one instant, and as time passes.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, Subject};
use portcullis::{Quota, RateLimit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::limited_app::{LimitedApp, by_header, cost};
use crate::support::redis_server::Server;
use crate::support::test_store::{ALGORITHMS, TestStore};

/// An app behind one limit, named after its algorithm, whose cost is the header `x-cost`.
fn limited_app(store: &TestStore, quota: Quota, algorithm: Algorithm) -> LimitedApp {
    let limit = Limit::new(format!("{algorithm:?}"), quota.algorithm(algorithm)).cost_of(cost);
    LimitedApp::new(store.build(RateLimit::builder().limit(limit).key(by_header("x-user"))))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Charge(u32),
    Refund(u32),
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let charge = (0..5_u32).prop_map(Step::Charge);
    let refund = (0..5_u32).prop_map(Step::Refund);
    proptest::collection::vec(prop_oneof![12 => charge, 3 => refund, 1 => Just(Step::Reset)], 1..30)
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn at_one_instant_both_stores_count_as_the_model_does() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stores = [TestStore::memory(), TestStore::redis(&server)];
    let quota = Quota::per(7, Duration::from_secs(360 * 86_400)).unwrap();
    let apps = ALGORITHMS.map(|algorithm| stores.each_ref().map(|store| limited_app(store, quota, algorithm)));
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let result = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            for apps in &apps {
                compare_with_model(apps, &steps).await?;
            }
            Ok(())
        })
    });
    result.unwrap();
}

async fn compare_with_model(apps: &[LimitedApp; 2], steps: &[Step]) -> Result<(), TestCaseError> {
    let ann = Subject::custom("ann");
    for app in apps {
        app.limit.reset(&ann).await.unwrap();
    }
    let mut used = 0_u32;
    for (index, step) in steps.iter().enumerate() {
        let before = used;
        used = match step {
            Step::Charge(cost) if before + cost <= 7 => before + cost,
            Step::Charge(_) => before,
            Step::Refund(units) => before.saturating_sub(*units),
            Step::Reset => 0,
        };
        let mut resets = Vec::new();
        for app in apps {
            match step {
                Step::Charge(cost) => {
                    let response = app.send(&format!("x-user: ann, x-cost: {cost}")).await;
                    prop_assert_eq!(response.outcome() == "ok", before + cost <= 7, "step {}", index);
                }
                Step::Refund(units) => app.limit.refund(&ann, *units).await.unwrap(),
                Step::Reset => app.limit.reset(&ann).await.unwrap(),
            }
            let usage = &app.limit.peek(&ann).await.unwrap()[0];
            prop_assert_eq!(usage.used(), used, "step {}", index);
            resets.push(usage.reset());
        }
        prop_assert_eq!(resets[0], resets[1], "step {}", index);
    }
    Ok(())
}

const UNITS: u32 = 6;
const WINDOW: Duration = Duration::from_secs(120);

/// A request, the time of its decision since the start, and whether it was admitted.
struct DecidedRequest {
    time: Duration,
    cost: u32,
    is_admitted: bool,
}

/// The maximum number of units that the algorithm may admit in a time of this length, including its end.
fn max_units(algorithm: Algorithm, time: Duration) -> f64 {
    let windows = time.as_secs_f64() / WINDOW.as_secs_f64();
    let quotas = match algorithm {
        Algorithm::SlidingLog | Algorithm::SlidingWindow => windows.floor() + 1.0,
        Algorithm::FixedWindow => windows.floor() + 2.0,
        _ => windows + 1.0,
    };
    f64::from(UNITS) * quotas
}

/// The longest time for which a unit may be counted.
fn longest_charge(algorithm: Algorithm) -> Duration {
    if algorithm == Algorithm::SlidingWindow { WINDOW * 13 / 12 } else { WINDOW }
}

fn assert_decisions_follow_the_model(algorithm: Algorithm, requests: &[DecidedRequest], case: &str) {
    let case = format!("{algorithm:?} in {case}");
    let admitted = || requests.iter().enumerate().filter(|(_, request)| request.is_admitted);
    for (first, start) in admitted() {
        let mut units = 0;
        for (last, end) in admitted().skip_while(|(index, _)| *index < first) {
            units += end.cost;
            let time = end.time - start.time;
            let max = max_units(algorithm, time);
            assert!(f64::from(units) <= max, "{case}: {units} units in {time:?}, requests {first} to {last}");
        }
    }
    for (index, denied) in requests.iter().enumerate().filter(|(_, request)| !request.is_admitted) {
        // A token bucket rounds its waits up by microseconds.
        let counted_for = longest_charge(algorithm) + Duration::from_millis(1);
        let counted = requests[..index].iter().filter(|earlier| earlier.is_admitted);
        let counted = counted.filter(|earlier| earlier.time + counted_for > denied.time);
        let units: u32 = counted.map(|earlier| earlier.cost).sum();
        assert!(units + denied.cost > UNITS, "{case}: request {index} was rejected although the quota allowed it");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn as_time_passes_both_stores_admit_and_reject_only_what_the_model_allows() {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        for seed in 1..60 {
            let store = TestStore::memory();
            assert_decisions_follow_the_model(algorithm, &random_traffic(&store, algorithm, seed).await, store.name);
        }
        for seed in 1..6 {
            assert_eq!(server.command(&["FLUSHALL"]), "OK");
            let store = TestStore::redis(&server);
            assert_decisions_follow_the_model(algorithm, &random_traffic(&store, algorithm, seed).await, store.name);
        }
    }
}

/// Requests at irregular times, at more than the rate of the limit.
async fn random_traffic(store: &TestStore<'_>, algorithm: Algorithm, seed: u32) -> Vec<DecidedRequest> {
    let app = limited_app(store, Quota::per(UNITS, WINDOW).unwrap(), algorithm);
    let mut time = Duration::ZERO;
    let mut random = seed;
    let mut requests = Vec::new();
    for _ in 0..80 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let has_pause = random >> 16 & 1 == 1;
        let pause = if has_pause { Duration::from_secs(u64::from(random >> 24) / 8) } else { Duration::ZERO };
        store.advance(pause);
        time += pause;
        let cost = 1 + (random >> 20) % 3;
        let response = app.send(&format!("x-user: ann, x-cost: {cost}")).await;
        requests.push(DecidedRequest { time, cost, is_admitted: response.status == 200 });
    }
    assert!(requests.iter().filter(|request| request.is_admitted).count() > 10);
    assert!(requests.iter().any(|request| !request.is_admitted));
    requests
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_request_after_the_retry_after_is_admitted() {
    let server = Server::start();
    for store in [TestStore::memory(), TestStore::redis(&server)] {
        for algorithm in ALGORITHMS {
            let app = limited_app(&store, Quota::per(3, Duration::from_secs(60)).unwrap(), algorithm);
            for cost in [3, 1, 2, 3] {
                let request = format!("x-user: ann, x-cost: {cost}");
                let mut response = app.send(&request).await;
                while response.status == 200 {
                    response = app.send(&request).await;
                }
                store.advance(Duration::from_secs(response.retry_after.unwrap()));
                let case = format!("{algorithm:?} in {}, cost {cost}: {response:?}", store.name);
                assert_eq!(app.send(&request).await.status, 200, "{case}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_request_after_the_retry_after_is_admitted_whatever_was_rejected_before() {
    let server = Server::start();
    for store in [TestStore::memory(), TestStore::redis(&server)] {
        for algorithm in ALGORITHMS {
            let app = limited_app(&store, Quota::per(4, Duration::from_secs(120)).unwrap(), algorithm);
            // The cost rejected first differs from that of the last request, and smaller costs are admitted in between.
            for (rejected, between) in [("1", "1"), ("3", "2"), ("4", "4")] {
                let case = format!("{algorithm:?} in {}, {rejected} and {between}", store.name);
                store.advance(Duration::from_secs(260));
                assert_eq!(app.send("x-user: ann, x-cost: 2").await.status, 200, "{case}");
                store.advance(Duration::from_secs(30));
                for cost in [rejected, between, between] {
                    app.send(&format!("x-user: ann, x-cost: {cost}")).await;
                }
                let mut response = app.send("x-user: ann, x-cost: 4").await;
                if response.status == 200 {
                    // A fixed window ended within the 30 seconds.
                    response = app.send("x-user: ann, x-cost: 4").await;
                }
                store.advance(Duration::from_secs(response.retry_after.unwrap()));
                assert_eq!(app.send("x-user: ann, x-cost: 4").await.status, 200, "{case}: {response:?}");
            }
        }
    }
}
