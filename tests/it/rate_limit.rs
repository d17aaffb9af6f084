//! `RateLimit` over the memory store: who is let through, who is refused, and what both are told.

mod addresses;
mod algorithms;
mod applies;
mod attacks;
mod blocks;
mod config;
mod deciding;
mod exempt;
mod failures;
mod fields;
mod flood;
mod grpc;
mod keys;
mod layers;
mod locks;
mod notices;
mod operator;
mod refusals;
mod shadow;
mod sharing;
mod tiers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use http::request;
use portcullis::rate_limit::{Algorithm, Key, RateLimitBuilder};
use portcullis::testing::FakeClock;
use portcullis::{Quota, RateLimit};
use serde_json::Value;

use crate::support::response::TestResponse;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket];

/// A full hour of UTC, so that windows aligned to the calendar begin at it.
const START: Duration = Duration::from_secs(1_800_000_000);

fn start() -> SystemTime {
    UNIX_EPOCH + START
}

/// A clock that stands at `START`.
fn hands() -> FakeClock {
    let hands = FakeClock::new();
    hands.set_wall(start());
    hands
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many units in so many seconds, by the default algorithm.
fn per(units: u32, window: u64) -> Quota {
    Quota::per(units, seconds(window)).unwrap()
}

/// Counts by the field `x-who`, which only a test may trust.
fn who() -> Key {
    Key::custom(|head| field(head, "x-who"))
}

fn field(head: &request::Parts, name: &str) -> Option<String> {
    head.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// A builder of one limit by `who`.
fn limited(quota: Quota) -> RateLimitBuilder {
    RateLimit::builder().quota(quota).key(who())
}

/// An app behind a limit whose clock the test holds, and how often its handlers were called.
struct App {
    router: Router,
    limit: RateLimit,
    hands: FakeClock,
    calls: Arc<AtomicUsize>,
}

impl App {
    fn of(builder: RateLimitBuilder) -> Self {
        Self::within(builder, |router| router)
    }

    /// As `of`, with more layers around the limit.
    fn within(builder: RateLimitBuilder, outer: impl FnOnce(Router) -> Router) -> Self {
        let (hands, calls) = (hands(), Arc::default());
        let limit = builder.clock(hands.clock()).build().unwrap();
        let router = outer(routes(&calls).layer(limit.clone()));
        Self { router, limit, hands, calls }
    }

    /// What the subject of this name is told.
    async fn ask(&self, who: &str) -> Told {
        self.get("/", &[("x-who", who)]).await
    }

    async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Told {
        Told(TestResponse::get(&self.router, path, fields).await)
    }

    /// Lets the subject ask so often; all are let through.
    async fn use_up(&self, who: &str, times: usize) {
        for n in 0..times {
            assert_eq!(self.ask(who).await.status(), 200, "{} of {times}", n + 1);
        }
    }

    /// How many of so many requests of the subject are let through.
    async fn admitted(&self, who: &str, times: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..times {
            admitted += usize::from(self.ask(who).await.status() == 200);
        }
        admitted
    }

    fn advance(&self, time: u64) {
        self.hands.advance(seconds(time));
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

/// Routes whose handlers count their calls and answer with the status that `x-status` asks for.
fn routes(calls: &Arc<AtomicUsize>) -> Router {
    let count = Arc::clone(calls);
    let handler = any(move |headers: HeaderMap| async move {
        count.fetch_add(1, SeqCst);
        let wanted = headers.get("x-status").and_then(|value| value.to_str().ok()?.parse().ok());
        wanted.unwrap_or(StatusCode::OK)
    });
    let all = ["/", "/health", "/reports/{id}", "/files/{*path}"];
    all.into_iter().fold(Router::new(), |router, path| router.route(path, handler.clone()))
}

/// An answer, read for what it says of a limit.
struct Told(TestResponse);

impl Told {
    fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.headers.get(field).map(|value| value.to_str().unwrap())
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.text(field).map(|text| text.parse().unwrap())
    }

    fn remaining(&self) -> Option<u64> {
        self.number("x-ratelimit-remaining")
    }

    fn retry_after(&self) -> Option<u64> {
        self.number("retry-after")
    }

    fn problem(&self) -> Value {
        serde_json::from_str(&self.0.body).unwrap()
    }
}
