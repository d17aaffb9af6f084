//! Whatever stands under a key: a value of another kind, of another program, of a clock that has gone back.

use std::time::{Duration, Instant};

use portcullis::rate_limit::{Algorithm, Limit};
use portcullis::{Quota, RateLimit};
use sha2::{Digest, Sha256};

use super::limited_app::{Limited, named};
use super::test_store::{ALGORITHMS, patient};
use crate::support::redis_server::Server;

fn limited(server: &Server, algorithm: Algorithm, window: Duration, block: Option<Duration>) -> Limited {
    let limit = Limit::new("limit", Quota::per(2, window).unwrap().algorithm(algorithm));
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
    // What stands in the heads of the limit's state and of its block, and in their tails.
    let shapes = [
        "now * 2, 0, 0, 0, ''",
        "now * 2, now, 2, 0, ''",
        "now * 2, now, 2, 5, 'tail'",
        "now * 2, now * 2, 2, 2, ''",
        "now * 2, 2 ^ 55, 2 ^ 52, 2 ^ 31, ''",
        "2 ^ 55, 2 ^ 55, 2, 2 ^ 31, ''",
        "now * 2, now, 0/0, 2, ''",
        "now * 2, now, 1/0, 2, ''",
        "now * 2, now, -1/0, 2, ''",
        "now * 2, now, -1e18, 2, ''",
        "now * 2, now, 1e300, 2, ''",
        "0, now, 0/0, 2, ''",
        "now * 2, now, 2, 0, ('\\255'):rep(14)",
        "now * 2, now * 2, 2, 0, ('\\255'):rep(14)",
        "now * 2, now, 2, 0, ('\\0'):rep(14)",
        "now * 2, now, 200, 0, ('\\255'):rep(1400)",
        "now * 2, now, 0.5, 0, '\\1\\2\\3'",
        "now * 2, now, 1/7, 0, 'a'",
        "now * 2, now / 8334, 2, 2, ('\\255'):rep(48)",
        "now * 2, now / 8334, 0/0, 2 ^ 31, ('\\255'):rep(48)",
        "now * 2, now / 8334, -1e18, 0, ('\\0'):rep(48)",
        "now * 2, 2 ^ 55, 2 ^ 35, 2 ^ 31, ('\\255'):rep(48)",
        "now * 2, 0, 1/0, 0, ('\\255'):rep(48)",
    ];
    let window = Duration::from_millis(100);
    let app = || limited(&server, algorithm, window, Some(window));
    // Its key outlives what is judged here.
    assert_eq!(limited(&server, algorithm, HOUR, None).ask("x-user: ann").await.status, 200);
    let key = only_key(&server);
    let tags = tags(algorithm, window);
    let tags: Vec<_> = tags.iter().map(String::as_str).collect();
    for shape in shapes {
        // As if it were kept for long, and with no expiry at all.
        let code = format!(
            "local time = redis.call('TIME') local now = time[1] * 1000000 + time[2] \
                 local function head(tag, expiry, first, second, third, tail) \
                   return struct.pack('<I6I2I7I7dI4', tonumber(tag), #tail, expiry, first, second, third), tail end \
                 local one, tail = head(ARGV[1], {shape}) local other = head(ARGV[2], {shape}) \
                 return redis.call('SET', KEYS[1], struct.pack('<I1I7', 2, now * 2) .. one .. other .. tail .. tail)"
        );
        assert_eq!(server.command(&["EVAL", &code, "1", &key, tags[0], tags[1]]), "OK", "{shape}");
        // No panic and no lock-out: a window and a block later, all is as if nothing had stood there.
        assert!([200, 429].contains(&app().ask("x-user: ann").await.status), "{algorithm:?} {shape}");
        tokio::time::sleep(window * 13 / 12 + window + Duration::from_millis(15)).await;
        let (start, fresh) = (Instant::now(), app());
        let statuses = fresh.statuses("x-user: ann", 3).await;
        let (admitted, first) = (statuses.iter().filter(|status| **status == 200).count(), statuses[0]);
        // A window of the calendar may begin in between; and on a slow machine, a unit may flow back.
        let is_one_instant = algorithm != Algorithm::FixedWindow && start.elapsed() < window / 3;
        let most = if is_one_instant { 2 } else { 3 };
        assert!(first == 200 && (2..=most).contains(&admitted), "{algorithm:?} {shape}: {statuses:?}");
        assert_ne!(server.command(&["PTTL", &key]), "-1", "{algorithm:?} {shape}: it does not expire");
    }
}

/// What the script wrote, as a clock would find it that has since been set back by an hour.
const SET_BACK: &str = "\
    local value, by, letter, window = redis.call('GET', KEYS[1]), 3600000000, ARGV[1], tonumber(ARGV[2]) \
    local count, kept, at = struct.unpack('<I1I7', value) \
    local heads, from, tails = {struct.pack('<I1I7', count, kept + by)}, at + 34 * count, {} \
    for i = 1, count do \
      local tag, size, expiry, first, second, third, rest = struct.unpack('<I6I2I7I7dI4', value, at) \
      local tail = value:sub(from, from + size - 1) \
      at, from = rest, from + size \
      if letter == 's' then first = first + math.floor(by / (window / 12)) \
      elseif letter == 'f' then first = first + math.floor(by / window) \
      else first = first + by end \
      if letter == 'e' then \
        tail = tail:gsub('.......', function(at) return struct.pack('<I7', struct.unpack('<I7', at) + by) end) end \
      heads[i + 1], tails[i] = struct.pack('<I6I2I7I7dI4', tag, size, expiry + by, first, second, third), tail \
    end \
    return redis.call('SET', KEYS[1], table.concat(heads) .. table.concat(tails), 'PX', redis.call('PTTL', KEYS[1]) + 3600000)";

/// What the states of an algorithm are named by.
fn letter(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::SlidingLog => "e",
        Algorithm::SlidingWindow => "s",
        Algorithm::TokenBucket => "t",
        _ => "f",
    }
}

/// The tags of a state and of its blocks: six bytes of the SHA-256 of the limit's name, its algorithm and its window.
fn tags(algorithm: Algorithm, window: Duration) -> [String; 2] {
    let id = format!("limit:{}{}", letter(algorithm), window.as_micros());
    [id.clone(), format!("{id}!")].map(|id| {
        let hash = Sha256::digest(id);
        hash.iter().take(6).fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte)).to_string()
    })
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
        assert!(denied.status == 429 || algorithm == Algorithm::FixedWindow, "{algorithm:?}: {denied:?}");
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
    let app = || limited(&server, Algorithm::SlidingLog, Duration::from_millis(1), Some(window));
    let first = app();
    while first.ask("x-user: ann").await.status == 200 {}
    set_back(&server, Algorithm::SlidingLog, window);
    assert_eq!(app().ask("x-user: ann").await.word(), "block");
    tokio::time::sleep(window + Duration::from_millis(10)).await;
    let again = app().ask("x-user: ann").await;
    assert_eq!(again.status, 200, "{again:?}");
}
