//! The script at its limits: the largest numbers, the server's clock, corrupt states, and many limits in one batch.

use std::time::Duration;

use portcullis::gate::Denial;
use portcullis::rate_limit::{Algorithm, Limit, LimitUsage, OutagePolicy, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit};

use crate::support::limited_app::by_header;
use crate::support::redis_server::Server;
use crate::support::test_store::{ALGORITHMS, TestStore, network_store};

const LONG_WINDOW: Duration = Duration::from_secs(360 * 86_400);

fn status<T>(result: Result<T, Denial>) -> u16 {
    result.map_or_else(|denial| denial.status().as_u16(), |_| 200)
}

async fn used(limit: &RateLimit, subject: &Subject<'_>) -> Vec<u32> {
    limit.peek(subject).await.unwrap().iter().map(LimitUsage::used).collect()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn the_largest_costs_and_limits_are_counted_as_in_memory() {
    let server = Server::start();
    let stores = [TestStore::memory(), TestStore::redis(&server)];
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != Algorithm::SlidingLog) {
        for max in [1, u32::MAX - 1, u32::MAX] {
            let quota = Quota::per(max, LONG_WINDOW).unwrap().algorithm(algorithm);
            let [memory, redis] = stores.each_ref().map(|store| {
                let limit = Limit::new(format!("{max}"), quota);
                store.build(RateLimit::builder().limit(limit).key(by_header("x-user")))
            });
            let ann = Subject::custom("ann");
            for cost in [0, 1, u32::MAX, u32::MAX - 1, u32::MAX - 2, 1, 0, 1, 2] {
                let case = format!("{algorithm:?}, cost {cost} of {max}");
                let statuses = [memory.check(&ann, cost).await, redis.check(&ann, cost).await].map(status);
                assert_eq!(statuses[0], statuses[1], "{case}");
                assert_eq!(used(&memory, &ann).await, used(&redis, &ann).await, "{case}");
            }
            for refund in [2, u32::MAX] {
                for limit in [&memory, &redis] {
                    limit.refund(&ann, refund).await.unwrap();
                }
                let case = format!("{algorithm:?}, refund of {refund} of {max}");
                assert_eq!(used(&memory, &ann).await, used(&redis, &ann).await, "{case}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_fixed_window_ends_by_the_clock_of_the_server() {
    const HOUR: Duration = Duration::from_secs(3600);
    let server = Server::start();
    let quota = Quota::per(9, HOUR).unwrap().algorithm(Algorithm::FixedWindow);
    let builder = RateLimit::builder().quota(quota).key(by_header("x-user"));
    let limit = builder.store(network_store(&server)).build().unwrap();
    let ann = Subject::custom("ann");
    loop {
        let before = server_time(&server);
        limit.check(&ann, 1).await.unwrap();
        let reset = limit.peek(&ann).await.unwrap()[0].reset();
        let after = server_time(&server);
        let end = HOUR * (before.as_secs() / HOUR.as_secs() + 1) as u32;
        // If the hour ends just now, the next one does not.
        if after < end {
            assert!((end - after..=end - before).contains(&reset), "{before:?} {after:?} {reset:?}");
            return;
        }
    }
}

fn server_time(server: &Server) -> Duration {
    let reply = server.command(&["TIME"]);
    let (seconds, micros) = reply.split_once('\n').unwrap();
    Duration::from_secs(seconds.parse().unwrap()) + Duration::from_micros(micros.parse().unwrap())
}

/// Replaces bytes of a stored value, truncates it or repeats a part of it.
const CORRUPT: &str = "\
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
async fn no_corrupt_state_makes_the_script_fail() {
    let server = Server::start();
    let window = Duration::from_secs(3600);
    for algorithm in ALGORITHMS {
        let mut store = TestStore::redis(&server);
        let mut limit_without_cache = || {
            let limits = ["one", "two"].map(|name| {
                let limit = Limit::new(name, Quota::per(3, window).unwrap().algorithm(algorithm));
                limit.block_for(window).on_outage(OutagePolicy::FailClosed)
            });
            let builder = limits.into_iter().fold(RateLimit::builder(), RateLimitBuilder::add_limit);
            store.clear_cached_denials();
            store.build(builder.key(by_header("x-user")))
        };
        let ann = Subject::custom("ann");
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        let first = limit_without_cache();
        for _ in 0..4 {
            let _ = first.check(&ann, 1).await;
        }
        let key = server.command(&["KEYS", "*"]);
        assert_eq!(server.command(&["COPY", &key, "intact"]), "1");
        let mut random = pseudo_random();
        for round in 0..100 {
            let mut changes = Vec::new();
            for _ in 0..1 + random(4) {
                let position = random(400);
                let byte = random(258);
                changes.extend([position.to_string(), byte.to_string()]);
            }
            let mut words = vec!["EVAL", CORRUPT, "2", &key, "intact"];
            words.extend(changes.iter().map(String::as_str));
            assert_eq!(server.command(&words), "OK");
            let limit = limit_without_cache();
            let case = format!("{algorithm:?}, round {round}, {changes:?}");
            assert!(limit.peek(&ann).await.is_ok(), "{case}");
            let status = status(limit.check(&ann, 1).await);
            assert!([200, 429].contains(&status), "{case}: {status}");
            assert!(limit.refund(&ann, 1).await.is_ok() && limit.reset(&ann).await.is_ok(), "{case}");
            assert_eq!(used(&limit, &ann).await, [0, 0], "{case}");
        }
    }
}

/// Numbers below a bound, the same in each run.
fn pseudo_random() -> impl FnMut(u64) -> u64 {
    let mut seed = 7_u64;
    move |bound| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: run tests/run"]
async fn concurrent_requests_of_128_subjects_are_counted_exactly_by_eight_limits() {
    let server = Server::start();
    let limits = (0..8).map(|index| {
        let quota = Quota::per(3, LONG_WINDOW).unwrap().algorithm(ALGORITHMS[index % 4]);
        Limit::new(format!("{index}"), quota).on_outage(OutagePolicy::FailClosed)
    });
    let builder = limits.fold(RateLimit::builder(), RateLimitBuilder::add_limit);
    let limit = builder.key(by_header("x-user")).store(network_store(&server)).build().unwrap();
    let mut tasks = Vec::new();
    for request in 0..4 * 128 {
        let limit = limit.clone();
        let subject = request % 128;
        tasks.push(tokio::spawn(async move {
            let name = subject.to_string();
            (subject, status(limit.check(&Subject::custom(&*name), 1).await))
        }));
    }
    let mut admitted = [0; 128];
    for task in tasks {
        let (subject, status) = task.await.unwrap();
        assert!([200, 429].contains(&status), "{status}");
        admitted[subject] += u32::from(status == 200);
    }
    assert_eq!(admitted, [3; 128]);
    for subject in ["0", "64", "127"] {
        assert_eq!(used(&limit, &Subject::custom(subject)).await, [3; 8], "{subject}");
    }
}
