//! An exact log that judges both stores, at one instant and while time passes.

use std::time::{Duration, Instant};

use portcullis::rate_limit::{Algorithm, Limit, Subject};
use portcullis::{Quota, RateLimit};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::limited_app::{Limited, cost, named};
use super::test_store::{ALGORITHMS, Bench};
use crate::support::redis_server::Server;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u32),
    Refund(u32),
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![12 => (0..5_u32).prop_map(Step::Ask), 3 => (0..5_u32).prop_map(Step::Refund), 1 => Just(Step::Reset)];
    proptest::collection::vec(step, 1..30)
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn at_one_instant_both_stores_count_as_the_oracle_does() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let benches = runtime.block_on(async { [Bench::memory(), Bench::redis(&server)] });
    let apps = ALGORITHMS.map(|algorithm| {
        let quota = Quota::per(7, Duration::from_secs(360 * 86_400)).unwrap().algorithm(algorithm);
        let limit = || Limit::new("limit", quota).cost_of(cost);
        benches
            .each_ref()
            .map(|bench| Limited::new(bench.build(RateLimit::builder().limit(limit()).key(named("x-user")))))
    });
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let judged = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            for apps in &apps {
                compare(apps, &steps).await?;
            }
            Ok(())
        })
    });
    judged.unwrap();
}

async fn compare(apps: &[Limited; 2], steps: &[Step]) -> Result<(), TestCaseError> {
    let ann = Subject::custom("ann");
    for app in apps {
        app.limit.reset(&ann).await.unwrap();
    }
    let mut used = 0_u32;
    for (index, step) in steps.iter().enumerate() {
        let mut resets = Vec::new();
        let before = used;
        for app in apps {
            used = match step {
                Step::Ask(units) => {
                    let fits = before + units <= 7;
                    let told = app.ask(&format!("x-user: ann, x-cost: {units}")).await;
                    prop_assert_eq!(told.word() == "ok", fits, "step {}", index);
                    before + if fits { *units } else { 0 }
                }
                Step::Refund(units) => {
                    app.limit.refund(&ann, *units).await.unwrap();
                    before.saturating_sub(*units)
                }
                Step::Reset => {
                    app.limit.reset(&ann).await.unwrap();
                    0
                }
            };
            let usage = &app.limit.peek(&ann).await.unwrap()[0];
            prop_assert_eq!(usage.used(), used, "step {}", index);
            resets.push(usage.reset());
        }
        prop_assert!(resets[0].abs_diff(resets[1]) < Duration::from_secs(30), "step {}: {:?}", index, resets);
    }
    Ok(())
}

const UNITS: u32 = 6;
const WINDOW: Duration = Duration::from_millis(120);

/// What became of a request: between when and when it was judged, what it cost and whether it was let through.
struct Judged {
    sent: Duration,
    received: Duration,
    cost: u32,
    is_admitted: bool,
}

/// The most that the algorithm may admit in a time of this length, its end included.
fn most(algorithm: Algorithm, time: Duration) -> f64 {
    let windows = time.as_secs_f64() / WINDOW.as_secs_f64();
    f64::from(UNITS)
        * match algorithm {
            Algorithm::SlidingLog | Algorithm::SlidingWindow => windows.floor() + 1.0,
            Algorithm::FixedWindow => windows.floor() + 2.0,
            _ => windows + 1.0,
        }
}

/// For how long a unit may be counted.
fn longest(algorithm: Algorithm) -> Duration {
    if algorithm == Algorithm::SlidingWindow { WINDOW * 13 / 12 } else { WINDOW }
}

fn judge(algorithm: Algorithm, judged: &[Judged], place: &str) {
    let admitted = || judged.iter().enumerate().filter(|(_, judged)| judged.is_admitted);
    for (first, start) in admitted() {
        let mut units = 0;
        for (last, end) in admitted().skip_while(|(index, _)| *index < first) {
            units += end.cost;
            // The last of them came surely within this time of the first.
            let time = end.received - start.sent;
            let most = most(algorithm, time);
            assert!(
                f64::from(units) <= most,
                "{algorithm:?} in {place}: {units} units in {time:?}, from {first} to {last}"
            );
        }
    }
    for (index, denied) in judged.iter().enumerate().filter(|(_, judged)| !judged.is_admitted) {
        let counted = judged[..index].iter().filter(|judged| {
            judged.is_admitted && judged.received + longest(algorithm) + Duration::from_millis(1) > denied.sent
        });
        let units: u32 = counted.map(|judged| judged.cost).sum();
        assert!(units + denied.cost > UNITS, "{algorithm:?} in {place}: {index} was refused for no reason");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn while_time_passes_both_stores_admit_no_more_and_refuse_no_more_than_the_log_allows() {
    let server = Server::start();
    let redis = Bench::redis(&server);
    let (one, two, three, four) = tokio::join!(
        traffic(&redis, ALGORITHMS[0], 1),
        traffic(&redis, ALGORITHMS[1], 1),
        traffic(&redis, ALGORITHMS[2], 1),
        traffic(&redis, ALGORITHMS[3], 1),
    );
    for (algorithm, judged) in ALGORITHMS.into_iter().zip([one, two, three, four]) {
        judge(algorithm, &judged, "redis");
    }
    for seed in 1..60 {
        for algorithm in ALGORITHMS {
            judge(algorithm, &traffic(&Bench::memory(), algorithm, seed).await, "memory");
        }
    }
}

/// Requests at odd times over a second or two, at more than the limit's rate.
async fn traffic(bench: &Bench, algorithm: Algorithm, seed: u32) -> Vec<Judged> {
    let quota = Quota::per(UNITS, WINDOW).unwrap().algorithm(algorithm);
    let limit = Limit::new(format!("{algorithm:?}"), quota).cost_of(cost);
    let app = Limited::new(bench.build(RateLimit::builder().limit(limit).key(named("x-user"))));
    let (start, mut waited) = (Instant::now(), Duration::ZERO);
    // Of a store in memory, the time is what was waited.
    let now = |waited: Duration| if bench.name == "memory" { waited } else { start.elapsed() };
    let mut random = seed;
    let mut all = Vec::new();
    for _ in 0..80 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let pause = Duration::from_millis(u64::from(random >> 24) / 8);
        let pause = if random >> 16 & 1 == 0 { Duration::ZERO } else { pause };
        bench.wait(pause).await;
        waited += pause;
        let cost = 1 + (random >> 20) % 3;
        let sent = now(waited);
        let told = app.ask(&format!("x-user: ann, x-cost: {cost}")).await;
        all.push(Judged { sent, received: now(waited), cost, is_admitted: told.status == 200 });
    }
    assert!(
        all.iter().filter(|judged| judged.is_admitted).count() > 10 && all.iter().any(|judged| !judged.is_admitted)
    );
    all
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn waiting_retry_after_succeeds() {
    let server = Server::start();
    for bench in [Bench::memory(), Bench::redis(&server)] {
        for algorithm in ALGORITHMS {
            let quota = Quota::per(3, Duration::from_millis(60)).unwrap().algorithm(algorithm);
            let limit = Limit::new(format!("{algorithm:?}"), quota).cost_of(cost);
            let app = Limited::new(bench.build(RateLimit::builder().limit(limit).key(named("x-user"))));
            for (round, cost) in [3, 1, 2, 3].into_iter().enumerate() {
                let fields = format!("x-user: ann, x-cost: {cost}");
                let mut told = app.ask(&fields).await;
                while told.status == 200 {
                    told = app.ask(&fields).await;
                }
                bench.wait(told.wait.unwrap()).await;
                let again = app.ask(&fields).await;
                assert_eq!(again.status, 200, "{algorithm:?} in {}, round {round}: {told:?} {again:?}", bench.name);
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn waiting_retry_after_succeeds_whatever_was_refused_before() {
    let server = Server::start();
    for bench in [Bench::memory(), Bench::redis(&server)] {
        for algorithm in ALGORITHMS {
            let quota = Quota::per(4, Duration::from_millis(120)).unwrap().algorithm(algorithm);
            let limit = Limit::new(format!("{algorithm:?}"), quota).cost_of(cost);
            let app = Limited::new(bench.build(RateLimit::builder().limit(limit).key(named("x-user"))));
            let place = format!("{algorithm:?} in {}", bench.name);
            // What is refused first is not what is asked for in the end, and less was let through in between.
            for (refused, between) in [("1", "1"), ("3", "2"), ("4", "4")] {
                bench.wait(Duration::from_millis(260)).await;
                assert_eq!(app.ask("x-user: ann, x-cost: 2").await.status, 200, "{place}");
                bench.wait(Duration::from_millis(30)).await;
                app.ask(&format!("x-user: ann, x-cost: {refused}")).await;
                app.ask(&format!("x-user: ann, x-cost: {between}")).await;
                app.ask(&format!("x-user: ann, x-cost: {between}")).await;
                let mut told = app.ask("x-user: ann, x-cost: 4").await;
                if told.status == 200 {
                    // A window of the calendar began.
                    told = app.ask("x-user: ann, x-cost: 4").await;
                }
                bench.wait(told.wait.unwrap()).await;
                let again = app.ask("x-user: ann, x-cost: 4").await;
                assert_eq!(again.status, 200, "{place}, {refused} and {between}: {told:?} {again:?}");
            }
        }
    }
}
