//! Stored values that the script did not write, and states from a clock that was set back since.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::rate_limit::{Algorithm, Limit, RedisStore};
use portcullis::{Quota, RateLimit};
use sha2::{Digest, Sha256};

use crate::support::limited_app::{LimitedApp, by_header};
use crate::support::redis_connection::{BlockingConnection, ServerClock};
use crate::support::redis_server::Server;
use crate::support::test_store::{ALGORITHMS, LONG_DEADLINE};

/// A server, the clock of the script on it, and the limit under test.
struct Setup {
    server: Server,
    clock: ServerClock,
    connection: BlockingConnection,
    algorithm: Algorithm,
    window: Duration,
    block: Option<Duration>,
}

impl Setup {
    fn new(algorithm: Algorithm, window: Duration, block: Option<Duration>) -> Self {
        let clock = ServerClock::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let server = Server::start();
        let connection = BlockingConnection::new(&server).with_clock(&clock);
        Self { server, clock, connection, algorithm, window, block }
    }

    /// An app with a new store, which has no cached denials and therefore always calls the script.
    fn fresh_app(&self) -> LimitedApp {
        self.fresh_app_with(self.window, self.block)
    }

    fn fresh_app_with(&self, window: Duration, block: Option<Duration>) -> LimitedApp {
        let limit = Limit::new("limit", Quota::per(2, window).unwrap().algorithm(self.algorithm));
        let limit = block.into_iter().fold(limit, Limit::block_for);
        let store = RedisStore::new(self.connection.clone()).deadline(LONG_DEADLINE);
        LimitedApp::new(RateLimit::builder().limit(limit).key(by_header("x-user")).store(store).build().unwrap())
    }

    fn advance(&self, time: Duration) {
        self.clock.advance(time);
        self.server.age_keys(time);
    }

    /// The only key on the server.
    fn only_key(&self) -> String {
        let keys = self.server.command(&["KEYS", "*"]);
        assert_eq!(keys.lines().count(), 1, "{keys}");
        keys
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_foreign_value_counts_as_no_use_and_is_replaced() {
    for algorithm in ALGORITHMS {
        let setup = Setup::new(algorithm, HOUR, None);
        let server = &setup.server;
        assert_eq!(setup.fresh_app().send("x-user: ann").await.status, 200);
        let key = setup.only_key();
        let strings = ["", "0", "garbage", "\u{7f}\u{1}", "{\"a\":1}"].map(|text| ["SET", &key, text]);
        let other_types = ["LPUSH", "SADD", "INCRBY"].map(|command| [command, &key, "1"]);
        for command in strings.iter().chain(&other_types) {
            server.command(&["DEL", &key]);
            assert!(!server.command(command).starts_with("ERR"), "{command:?}");
            let app = setup.fresh_app();
            assert_eq!(app.used("ann").await, [0], "{algorithm:?} {command:?}");
            assert_eq!(app.statuses("x-user: ann", 3).await, [200, 200, 429], "{algorithm:?} {command:?}");
            assert!(server.command(&["PTTL", &key]).parse::<i64>().unwrap() > 0, "{algorithm:?} {command:?}");
        }
    }
}

/// The numbers and the tail of a state, as Lua expressions, for the limit and for its block.
const INVALID_STATES: [&str; 23] = [
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

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_invalid_state_causes_no_lockout() {
    for algorithm in ALGORITHMS {
        let window = Duration::from_secs(100);
        let setup = Setup::new(algorithm, window, Some(window));
        // Another limit of the same subject creates the key.
        assert_eq!(setup.fresh_app_with(HOUR, None).send("x-user: ann").await.status, 200);
        let key = setup.only_key();
        let [limit_tag, block_tag] = state_tags(algorithm, window);
        for state in INVALID_STATES {
            // The states claim to be kept for a long time, and the key has no expiry.
            let code = format!(
                "local now = tonumber(ARGV[3]) \
                 local function head(tag, expiry, first, second, third, tail) \
                   return struct.pack('<I6I2I7I7dI4', tonumber(tag), #tail, expiry, first, second, third), tail end \
                 local one, tail = head(ARGV[1], {state}) local other = head(ARGV[2], {state}) \
                 return redis.call('SET', KEYS[1], struct.pack('<I1I7', 2, now * 2) .. one .. other .. tail .. tail)"
            );
            let now = setup.clock.micros().to_string();
            let stored = setup.server.command(&["EVAL", &code, "1", &key, &limit_tag, &block_tag, &now]);
            assert_eq!(stored, "OK", "{state}");
            let status = setup.fresh_app().send("x-user: ann").await.status;
            assert!([200, 429].contains(&status), "{algorithm:?} {state}: {status}");
            // After the window and the block, no trace of the state remains. A key is kept for 1/16 longer than its
            // states.
            setup.advance(window * 13 / 12 + window + window * 3 / 20);
            let statuses = setup.fresh_app().statuses("x-user: ann", 3).await;
            assert_eq!(statuses, [200, 200, 429], "{algorithm:?} {state}");
            assert_ne!(setup.server.command(&["PTTL", &key]), "-1", "{algorithm:?} {state}: it does not expire");
        }
    }
}

/// The tags of the state of a limit and of its block: the first six bytes of a SHA-256 of name, algorithm and window.
fn state_tags(algorithm: Algorithm, window: Duration) -> [String; 2] {
    let letter = match algorithm {
        Algorithm::SlidingLog => "e",
        Algorithm::SlidingWindow => "s",
        Algorithm::TokenBucket => "t",
        _ => "f",
    };
    let id = format!("limit:{letter}{}", window.as_micros());
    [id.clone(), format!("{id}!")].map(|id| {
        let hash = Sha256::digest(id);
        hash.iter().take(6).fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte)).to_string()
    })
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn state_tags_match_those_that_the_script_stores() {
    for algorithm in ALGORITHMS {
        let setup = Setup::new(algorithm, HOUR, None);
        assert_eq!(setup.fresh_app().send("x-user: ann").await.status, 200);
        let code = "return string.format('%.0f', (struct.unpack('<I6', redis.call('GET', KEYS[1]), 9)))";
        let tag = setup.server.command(&["EVAL", code, "1", &setup.only_key()]);
        assert_eq!(tag, state_tags(algorithm, HOUR)[0], "{algorithm:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_clock_set_back_frees_no_units_and_locks_out_for_at_most_a_window() {
    for algorithm in ALGORITHMS {
        let window = Duration::from_secs(120);
        let setup = Setup::new(algorithm, window, None);
        assert_eq!(setup.fresh_app().statuses("x-user: ann", 2).await, [200, 200]);
        setup.clock.set_back(HOUR);
        let app = setup.fresh_app();
        let denied = app.send("x-user: ann").await;
        assert_eq!(denied.status, 429, "{algorithm:?}");
        setup.advance(window * 14 / 12);
        let again = setup.fresh_app().send("x-user: ann").await;
        assert_eq!(again.status, 200, "{algorithm:?}: {denied:?} {again:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_clock_set_back_makes_no_block_longer() {
    let block = Duration::from_secs(240);
    let setup = Setup::new(Algorithm::SlidingLog, Duration::from_secs(120), Some(block));
    assert_eq!(setup.fresh_app().statuses("x-user: ann", 3).await, [200, 200, 429]);
    setup.clock.set_back(HOUR);
    assert_eq!(setup.fresh_app().send("x-user: ann").await.outcome(), "block");
    setup.advance(block + Duration::from_millis(10));
    let again = setup.fresh_app().send("x-user: ann").await;
    assert_eq!(again.status, 200, "{again:?}");
}
