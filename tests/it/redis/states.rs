//! Whatever stands under a key: a value of another kind, of another program, of a clock that has gone back.

use std::time::{Duration, Instant};

use portcullis::rate_limit::{Algorithm, Limit};
use portcullis::{Quota, RateLimit};

use super::bench::{ALGORITHMS, patient};
use super::limited::{Limited, named};
use super::server::Server;

fn limited(server: &Server, algorithm: Algorithm, window: Duration, block: Option<Duration>) -> Limited {
    let limit = Limit::new("limit", Quota::per(2, window).unwrap().counted_by(algorithm));
    let limit = block.into_iter().fold(limit, Limit::block_for);
    let builder = RateLimit::builder().limit(limit).key(named("x-user")).store(patient(server));
    Limited::new(builder.build().unwrap())
}

/// The one key that the server has.
fn only_key(server: &Server) -> String {
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.lines().count(), 1, "{keys}");
    keys
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_foreign_value_counts_as_nothing_and_is_counted_on_from_there() {
    let server = Server::start();
    for algorithm in ALGORITHMS {
        // A limiter of its own each time: one that knows a denial does not ask.
        let app = || limited(&server, algorithm, HOUR, None);
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        assert_eq!(app().ask("x-user: ann").await.status, 200);
        let key = only_key(&server);
        let text = ["", "0", "garbage", "\u{7f}\u{1}", "{\"a\":1}"].map(|text| ["SET", &key, text].map(String::from));
        let other = ["LPUSH", "SADD", "INCRBY"].map(|command| [command, &key, "1"].map(String::from));
        for words in text.iter().chain(&other) {
            server.command(&["DEL", &key]);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            assert!(!server.command(&words).starts_with("ERR"), "{words:?}");
            let app = app();
            assert_eq!(app.used("ann").await, [0], "{algorithm:?} {words:?}");
            assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "{algorithm:?} {words:?}");
            assert!(server.command(&["PTTL", &key]).parse::<i64>().unwrap() > 0, "{algorithm:?} {words:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server: run tests/run"]
async fn a_state_that_is_none_counts_as_nothing() {
    let tasks = ALGORITHMS.map(|algorithm| tokio::spawn(judge_shapes(algorithm)));
    for task in tasks {
        task.await.unwrap();
    }
}

async fn judge_shapes(algorithm: Algorithm) {
    let server = Server::start();
    // What stands in place of the state of the limit, and of its block.
    let shapes = [
        "'text'",
        "true",
        "7",
        "{}",
        "{1}",
        "{'a', 'b', 'c'}",
        "{1, {}, 3}",
        "{0/0, 0/0, 0/0}",
        "{1/0, 1/0, 1/0}",
        "{-1/0, 5, 1/0}",
        "{now * 2, now, 0/0}",
        "{now * 2, now, -1e18}",
        "{now * 2, now, 1e300}",
        "{now * 2, -1, 1/0}",
        "{now * 2, 0/0, 2}",
        "{now * 2, 1e300, 2}",
        "fill(now * 2, now / 8334, 0/0)",
        "fill(now * 2, now / 8334, -1e18)",
        "fill(now * 2, now / 8334, 1/0)",
        "fill(now * 2, 0/0, 2)",
        "fill(now * 2, -1/0, 2)",
        "fill(now * 2, 1/0, 2)",
        "fill(0/0, now, 0/0)",
    ];
    let window = Duration::from_millis(100);
    let app = || limited(&server, algorithm, window, Some(window));
    // Its key outlives what is judged here.
    assert_eq!(limited(&server, algorithm, HOUR, None).ask("x-user: ann").await.status, 200);
    let key = only_key(&server);
    let id = format!("limit:{}{}", letter(algorithm), window.as_micros());
    for shape in shapes {
        let code = format!(
            "local time = redis.call('TIME') local now = time[1] * 1000000 + time[2] \
                 local function fill(a, b, c) local s = {{a, b}} for i = 1, 13 do s[2 + i] = c end return s end \
                 return redis.call('SET', KEYS[1], cmsgpack.pack({{[ARGV[1]] = {shape}, [ARGV[1] .. '!'] = {shape}}}))"
        );
        assert_eq!(server.command(&["EVAL", &code, "1", &key, &id]), "OK", "{shape}");
        // No panic and no lock-out: a window and a block later, all is as if nothing had stood there.
        assert!([200, 429].contains(&app().ask("x-user: ann").await.status), "{algorithm:?} {shape}");
        tokio::time::sleep(window * 13 / 12 + window + Duration::from_millis(15)).await;
        let (start, fresh) = (Instant::now(), app());
        let statuses = fresh.statuses("x-user: ann", 3).await;
        let (admitted, first) = (statuses.iter().filter(|status| **status == 200).count(), statuses[0]);
        // A window of the calendar may begin in between; and on a slow machine, a unit may flow back.
        let is_one_instant = algorithm != Algorithm::Fixed && start.elapsed() < window / 3;
        let most = if is_one_instant { 2 } else { 3 };
        assert!(first == 200 && (2..=most).contains(&admitted), "{algorithm:?} {shape}: {statuses:?}");
        assert_ne!(server.command(&["PTTL", &key]), "-1", "{algorithm:?} {shape}: it does not expire");
    }
}

/// What the script wrote, as a clock would find it that has since been set back by an hour.
const SET_BACK: &str = "\
    local states = cmsgpack.unpack(redis.call('GET', KEYS[1])) \
    local by, letter, window = 3600000000, ARGV[1], tonumber(ARGV[2]) \
    for id, state in pairs(states) do \
      state[1] = state[1] + by \
      if id:sub(-1) == '!' or letter == 't' then state[2] = state[2] + by \
      elseif letter == 'e' then for i = 2, #state do state[i] = state[i] + by end \
      elseif letter == 's' then state[2] = state[2] + math.floor(by / (window / 12)) \
      else state[2] = state[2] + math.floor(by / window) end \
    end \
    return redis.call('SET', KEYS[1], cmsgpack.pack(states), 'PX', redis.call('PTTL', KEYS[1]) + 3600000)";

/// What the states of an algorithm are named by.
fn letter(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Exact => "e",
        Algorithm::Sliding => "s",
        Algorithm::TokenBucket => "t",
        _ => "f",
    }
}

/// The clock of a real server cannot be set without being root: what it would find is written in its place.
fn set_back(server: &Server, algorithm: Algorithm, window: Duration) {
    let (key, window) = (only_key(server), window.as_micros().to_string());
    assert_eq!(server.command(&["EVAL", SET_BACK, "1", &key, letter(algorithm), &window]), "OK");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_clock_that_goes_back_gives_nothing_away_and_locks_nobody_out_for_longer_than_a_window() {
    let window = Duration::from_millis(120);
    let server = Server::start();
    for algorithm in ALGORITHMS {
        assert_eq!(server.command(&["FLUSHALL"]), "OK");
        let app = || limited(&server, algorithm, window, None);
        assert_eq!(app().statuses("x-user: ann", 2).await, [200, 200]);
        set_back(&server, algorithm, window);
        let app = app();
        let denied = app.ask("x-user: ann").await;
        // In the meantime, a calendar's window may have begun.
        assert!(denied.status == 429 || algorithm == Algorithm::Fixed, "{algorithm:?}: {denied:?}");
        tokio::time::sleep(window * 14 / 12).await;
        let again = app.ask("x-user: ann").await;
        assert_eq!(again.status, 200, "{algorithm:?}: {denied:?} {again:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_clock_that_goes_back_makes_no_block_longer() {
    let window = Duration::from_millis(120);
    let server = Server::start();
    let app = || limited(&server, Algorithm::Exact, Duration::from_millis(1), Some(window));
    let first = app();
    while first.ask("x-user: ann").await.status == 200 {}
    set_back(&server, Algorithm::Exact, window);
    assert_eq!(app().ask("x-user: ann").await.word(), "block");
    tokio::time::sleep(window + Duration::from_millis(10)).await;
    let again = app().ask("x-user: ann").await;
    assert_eq!(again.status, 200, "{again:?}");
}
