//! `RateLimit` over the in-memory store: which requests are admitted, and the headers and bodies of the responses.

mod addresses;
mod admin;
mod algorithms;
mod attacks;
mod blocks;
pub(crate) mod by_credential;
mod conditions;
mod config;
mod deadlocks;
mod decisions;
mod diagnostics;
mod exempt;
mod failures;
mod flood;
mod grpc;
mod keys;
mod layers;
mod memory;
mod rejections;
mod response_headers;
mod routes;
mod shadow;
mod sharing;
mod tiers;
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use http::request;
use portcullis::rate_limit::{Algorithm, Key, Limit, RateLimitBuilder};
use portcullis::testing::FakeClock;
use portcullis::{Quota, RateLimit};
use serde_json::Value;

use crate::support::response::TestResponse;

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket];

/// A full hour in UTC, at which fixed windows of up to an hour begin.
const START: Duration = Duration::from_secs(1_800_000_000);

fn start() -> SystemTime {
    UNIX_EPOCH + START
}

/// A fake clock set to `START`.
fn fake_clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(start());
    clock
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A quota of these units per window in seconds, with the default algorithm.
fn per_seconds(units: u32, window: u64) -> Quota {
    Quota::per(units, seconds(window)).unwrap()
}

/// A key whose subject is the header `x-user`. Only a test may trust a header.
fn by_user_header() -> Key {
    Key::custom(|head| header(head, "x-user"))
}

fn header(head: &request::Parts, name: &str) -> Option<String> {
    head.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// A builder with one limit, counted by the header `x-user`.
fn limit_by_header(quota: Quota) -> RateLimitBuilder {
    RateLimit::builder().quota(quota).key(by_user_header())
}

/// A builder with this limit, counted by the header `x-user`.
fn builder_with(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(by_user_header())
}

/// Routes behind a limit of two requests a minute by this key.
fn app_limited_by(key: Key) -> Router {
    let limit = RateLimit::builder().quota(per_seconds(2, 60)).key(key);
    routes(&Arc::default()).layer(limit.clock(fake_clock().clock()).build().unwrap())
}

/// An app behind a limit that counts by a fake clock.
struct TestApp {
    router: Router,
    limit: RateLimit,
    clock: FakeClock,
    calls: Arc<AtomicUsize>,
}

impl TestApp {
    fn new(builder: RateLimitBuilder) -> Self {
        Self::with_outer_layers(builder, |router| router)
    }

    fn with_outer_layers(builder: RateLimitBuilder, add_layers: impl FnOnce(Router) -> Router) -> Self {
        let clock = fake_clock();
        let calls = Arc::default();
        let limit = builder.clock(clock.clock()).build().unwrap();
        let router = add_layers(routes(&calls).layer(limit.clone()));
        Self { router, limit, clock, calls }
    }

    /// Sends a request of this user.
    async fn send_as(&self, user: &str) -> LimitedResponse {
        self.get("/", &[("x-user", user)]).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> LimitedResponse {
        LimitedResponse(TestResponse::get(&self.router, path, headers).await)
    }

    /// Sends this many requests of the user and expects each to be admitted.
    async fn expect_admitted(&self, user: &str, count: usize) {
        for number in 1..=count {
            assert_eq!(self.send_as(user).await.status(), 200, "request {number} of {count}");
        }
    }

    /// Sends this many requests of the user that fail, and expects that all are admitted.
    async fn expect_failed(&self, user: &str, count: usize) {
        for number in 1..=count {
            let response = self.get("/", &[("x-user", user), ("x-status", "401")]).await;
            assert_eq!(response.status(), 401, "request {number} of {count}");
        }
    }

    /// Sends this many requests of the user and returns the number of admitted ones.
    async fn count_admitted(&self, user: &str, count: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(self.send_as(user).await.status() == 200);
        }
        admitted
    }

    fn advance_seconds(&self, time: u64) {
        self.clock.advance(seconds(time));
    }

    fn handler_calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

/// Routes whose handler counts its calls and responds with the status in the header `x-status` (default 200).
fn routes(calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    let handler = any(move |headers: HeaderMap| async move {
        calls.fetch_add(1, SeqCst);
        let status = headers.get("x-status").and_then(|value| value.to_str().ok()?.parse().ok());
        status.unwrap_or(StatusCode::OK)
    });
    let mut router = Router::new();
    for path in ["/", "/health", "/reports/{id}", "/files/{*path}"] {
        router = router.route(path, handler.clone());
    }
    router
}

/// A response, with access to its rate-limit headers.
struct LimitedResponse(TestResponse);

impl LimitedResponse {
    fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn numeric_header(&self, name: &str) -> Option<u64> {
        self.header(name).map(|text| text.parse().unwrap())
    }

    fn remaining(&self) -> Option<u64> {
        self.numeric_header("x-ratelimit-remaining")
    }

    fn retry_after(&self) -> Option<u64> {
        self.numeric_header("retry-after")
    }

    fn problem_details(&self) -> Value {
        serde_json::from_str(&self.0.body).unwrap()
    }
}
