//! Numbers at their bounds and states whose bytes are forged: the script judges each, and no error of its lets anybody through.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, OutagePolicy, RateLimitBuilder, Subject, Usage};
use portcullis::{Quota, RateLimit};

use super::limited_app::named;
use super::test_store::{ALGORITHMS, Bench, patient};
use crate::support::redis_server::Server;

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_largest_costs_and_limits_are_counted_as_in_memory() {
    let server = Server::start();
    let benches = [Bench::memory(), Bench::redis(&server)];
    let window = Duration::from_secs(360 * 86_400);
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != Algorithm::SlidingLog) {
        for most in [1, u32::MAX - 1, u32::MAX] {
            let quota = Quota::per(most, window).unwrap().algorithm(algorithm);
            let limit = || Limit::new(format!("{most}"), quota);
            let apps =
                benches.each_ref().map(|bench| bench.build(RateLimit::builder().limit(limit()).key(named("x-user"))));
            let ann = Subject::custom("ann");
            for units in [0, 1, u32::MAX, u32::MAX - 1, u32::MAX - 2, 1, 0, 1, 2] {
                let mut seen = Vec::new();
                for app in &apps {
                    let status = app.check(&ann, units).await.map_err(|denial| denial.status().as_u16()).err();
                    let used = app.peek(&ann).await.unwrap().iter().map(Usage::used).collect::<Vec<_>>();
                    seen.push((status, used));
                }
                // Of a bucket of this size, hundreds of units flow back in each second.
                if algorithm == Algorithm::TokenBucket {
                    seen.iter_mut().for_each(|(_, used)| used[0] = used[0].div_ceil(100_000));
                }
                assert_eq!(seen[0], seen[1], "{algorithm:?}, {units} of {most}");
            }
            for units in [2, u32::MAX] {
                for app in &apps {
                    app.refund(&ann, units).await.unwrap();
                }
                let [one, other] = [apps[0].peek(&ann).await.unwrap(), apps[1].peek(&ann).await.unwrap()];
                assert!(
                    one[0].used().abs_diff(other[0].used()) < 100_000,
                    "{algorithm:?}, {units} given back of {most}"
                );
            }
        }
    }
}

/// A few bytes of a state are others, or it is cut off or goes on.
const FORGE: &str = "\
    local value = redis.call('GET', KEYS[2]) \
    for i = 1, #ARGV, 2 do \
      local at, byte = tonumber(ARGV[i]) % (#value + 1), tonumber(ARGV[i + 1]) \
      if byte == 256 then value = value:sub(1, at) \
      elseif byte == 257 then value = value .. value:sub(at + 1) \
      else value = value:sub(1, at) .. string.char(byte) .. value:sub(at + 2) end \
    end \
    return redis.call('SET', KEYS[1], value, 'PX', redis.call('PTTL', KEYS[2]))";

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn no_state_makes_the_script_fail() {
    let server = Server::start();
    let window = Duration::from_secs(3600);
    for algorithm in ALGORITHMS {
        let limits = || {
            ["one", "two"].map(|name| {
                let limit = Limit::new(name, Quota::per(3, window).unwrap().algorithm(algorithm));
                limit.block_for(window).on_outage(OutagePolicy::FailClosed)
            })
        };
        let made = || {
            let builder = limits().into_iter().fold(RateLimit::builder(), RateLimitBuilder::add_limit);
            builder.key(named("x-user")).store(patient(&server)).build().unwrap()
        };
        let ann = Subject::custom("ann");
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        let first = made();
        for _ in 0..4 {
            let _ = first.check(&ann, 1).await;
        }
        let key = server.command(&["KEYS", "*"]);
        assert_eq!(server.command(&["COPY", &key, "honest"]), "1");
        let mut seed = 7_u64;
        let mut die = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        for round in 0..100 {
            let forged: Vec<_> =
                (0..2 * (1 + die(4))).map(|n| if n % 2 == 0 { die(400) } else { die(258) }.to_string()).collect();
            let mut words = vec!["EVAL", FORGE, "2", &key, "honest"];
            words.extend(forged.iter().map(String::as_str));
            assert_eq!(server.command(&words), "OK");
            // One that knows no denial.
            let limit = made();
            let place = format!("{algorithm:?} {round} {forged:?}");
            assert!(limit.peek(&ann).await.is_ok(), "{place}");
            let judged = limit.check(&ann, 1).await;
            let status = judged.as_ref().map_or_else(|denial| denial.status().as_u16(), |_| 200);
            assert!([200, 429].contains(&status), "{place}: {status}");
            assert!(limit.refund(&ann, 1).await.is_ok() && limit.reset(&ann).await.is_ok(), "{place}");
            let used: Vec<_> = limit.peek(&ann).await.unwrap().iter().map(Usage::used).collect();
            assert_eq!(used, [0, 0], "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn eight_limits_of_128_subjects_that_come_at_once_are_each_counted_whole() {
    let server = Server::start();
    let window = Duration::from_secs(360 * 86_400);
    let limits = (0..8).map(|index| {
        let quota = Quota::per(3, window).unwrap().algorithm(ALGORITHMS[index % 4]);
        Limit::new(format!("{index}"), quota).on_outage(OutagePolicy::FailClosed)
    });
    let builder = limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit);
    let limit = builder.key(named("x-user")).store(patient(&server)).build().unwrap();
    let asked = (0..4 * 128).map(|request| {
        let limit = limit.clone();
        tokio::spawn(async move {
            let name = format!("{}", request % 128);
            let judged = limit.check(&Subject::custom(&*name), 1).await;
            (request % 128, judged.map_or_else(|denial| denial.status().as_u16(), |_| 200))
        })
    });
    let mut admitted = [0; 128];
    for task in asked.collect::<Vec<_>>() {
        let (subject, status) = task.await.unwrap();
        assert!([200, 429].contains(&status), "{status}");
        admitted[subject] += u32::from(status == 200);
    }
    assert_eq!(admitted, [3; 128]);
    for subject in ["0", "64", "127"] {
        let used: Vec<_> = limit.peek(&Subject::custom(subject)).await.unwrap().iter().map(Usage::used).collect();
        assert_eq!(used, [3; 8], "{subject}");
    }
}
