//! `TestStore`: a store under test with a fake clock, and Redis stores for the other tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, MemoryStore, RateLimitBuilder, RedisStore, ResetFormat, Store};
use portcullis::testing::FakeClock;

use crate::support::redis_connection::{BlockingConnection, ServerClock};
use crate::support::redis_server::Server;

pub(crate) const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket];

/// A store under test. The time of all its layers stands still unless the test advances it.
///
/// Redis expires keys by its real clock too, so that windows must be much longer than a test runs.
pub(crate) struct TestStore<'a> {
    pub(crate) name: &'static str,
    store: Store,
    clock: FakeClock,
    redis: Option<Redis<'a>>,
}

struct Redis<'a> {
    server: &'a Server,
    clock: ServerClock,
    connection: BlockingConnection,
}

impl Redis<'_> {
    fn new_store(&self) -> RedisStore {
        RedisStore::new(self.connection.clone()).deadline(LONG_DEADLINE)
    }
}

impl<'a> TestStore<'a> {
    pub(crate) fn memory() -> Self {
        Self { name: "memory", store: MemoryStore::new().into(), clock: fake_clock(), redis: None }
    }

    pub(crate) fn redis(server: &'a Server) -> Self {
        let clock = ServerClock::new(start());
        let connection = BlockingConnection::new(server).with_clock(&clock);
        let redis = Redis { server, clock, connection };
        Self { name: "redis", store: redis.new_store().into(), clock: fake_clock(), redis: Some(redis) }
    }

    /// Clears the denials that this process has cached.
    pub(crate) fn clear_cached_denials(&mut self) {
        if let Some(redis) = &self.redis {
            self.store = redis.new_store().into();
        }
    }

    pub(crate) fn build(&self, builder: RateLimitBuilder) -> RateLimit {
        let builder = builder.store(self.store.clone()).clock(self.clock.clock());
        builder.reset_format(ResetFormat::Delta).build().unwrap()
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
        if let Some(redis) = &self.redis {
            redis.clock.advance(time);
            redis.server.age_keys(time);
        }
    }
}

/// A store over a real asynchronous connection and the server's own clock.
pub(crate) fn network_store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url()).unwrap().deadline(LONG_DEADLINE)
}

/// The maximum deadline, so that a slow reply on a busy machine is not an outage.
pub(crate) const LONG_DEADLINE: Duration = Duration::from_secs(60);

fn fake_clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(start());
    clock
}

/// A full hour, and not the start of a day.
fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}
