//! `Bench`: a store under test, with the means to let time pass for it.

use std::time::Duration;

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, MemoryStore, RateLimitBuilder, RedisStore, ResetFormat, Store};
use portcullis::testing::FakeClock;

use crate::support::redis_server::Server;

pub(super) const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket];

pub(super) struct Bench {
    pub(super) name: &'static str,
    store: Store,
    /// Of a store in memory; Redis has the server's time.
    hands: Option<FakeClock>,
}

impl Bench {
    pub(super) fn memory() -> Self {
        Self { name: "memory", store: MemoryStore::new().into(), hands: Some(FakeClock::new()) }
    }

    pub(super) fn redis(server: &Server) -> Self {
        Self { name: "redis", store: patient(server).into(), hands: None }
    }

    pub(super) fn build(&self, builder: RateLimitBuilder) -> RateLimit {
        let builder = builder.store(self.store.clone()).reset_format(ResetFormat::Delta);
        let builder = match &self.hands {
            Some(hands) => builder.clock(hands.clock()),
            None => builder,
        };
        builder.build().unwrap()
    }

    pub(super) async fn wait(&self, time: Duration) {
        match &self.hands {
            Some(hands) => hands.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }
}

/// A store that is not given up because a busy machine is slow.
pub(super) fn patient(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url()).unwrap().deadline(Duration::from_secs(5))
}
