//! Attempts to evade a limit.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::http::{Request, StatusCode};
use axum::routing::{any, get};
use portcullis::clock::{Clock, TimeSource};
use portcullis::rate_limit::{Attempt, Key, Limit, MemoryStore, RateLimitBuilder, Subject};
use portcullis::{Extractor, RateLimit};
use tower::{Layer, ServiceExt, service_fn};

use super::{by_user_header, fake_clock, per_seconds, seconds};
use crate::support::response::TestResponse;

async fn used(limit: &RateLimit, subject: Subject<'_>) -> u32 {
    limit.peek(&subject).await.unwrap()[0].used()
}

fn limit_on_failures(name: &'static str) -> RateLimit {
    let limit = Limit::new(name, per_seconds(3, 60)).only_failures();
    RateLimit::builder().limit(limit).key(by_user_header()).clock(fake_clock().clock()).build().unwrap()
}

#[tokio::test]
async fn a_failed_grpc_call_counts_as_a_failure_although_its_http_status_is_200() {
    let limit = Limit::new("login", per_seconds(3, 60)).only_failures();
    let limit = RateLimit::builder().limit(limit).key(Key::global()).clock(fake_clock().clock()).build().unwrap();
    let service = limit.layer(service_fn(|_: Request<tonic::body::Body>| async {
        Ok::<_, Infallible>(tonic::Status::unauthenticated("wrong password").into_http::<tonic::body::Body>())
    }));
    for _ in 0..5 {
        let call = Request::post("/auth.Auth/Login").header("content-type", "application/grpc");
        service.clone().oneshot(call.body(tonic::body::Body::empty()).unwrap()).await.unwrap();
    }
    assert_eq!(used(&limit, Subject::global()).await, 3);
}

#[tokio::test]
async fn the_attempt_marked_by_the_handler_counts_in_every_layer() {
    let outer = limit_on_failures("by address");
    let inner = limit_on_failures("by account");
    let handler = |Extractor(attempt): Extractor<Attempt>| async move {
        attempt.failed();
        StatusCode::OK
    };
    let app = Router::new().route("/", get(handler)).layer(inner.clone()).layer(outer.clone());
    for _ in 0..2 {
        assert_eq!(TestResponse::get(&app, "/", &[("x-user", "ann")]).await.status, 200);
    }
    for limit in [outer, inner] {
        assert_eq!(used(&limit, Subject::custom("ann")).await, 2);
    }
}

#[tokio::test]
async fn a_handler_may_mark_the_attempt_of_a_request_that_no_limit_counts() {
    let limit = Limit::new("login", per_seconds(3, 60)).only_failures().on_routes(["/login"]);
    let limit = RateLimit::builder()
        .limit(limit)
        .key(by_user_header())
        .exempt(["/exempt"])
        .clock(fake_clock().clock())
        .build()
        .unwrap();
    let handler = |Extractor(attempt): Extractor<Attempt>| async move { attempt.failed() };
    let app = Router::new().route("/", get(handler)).route("/exempt", get(handler)).layer(limit);
    for path in ["/", "/exempt"] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_limit_on_a_path_applies_if_a_wildcard_route_matches_the_path() {
    let limit = Limit::new("login", per_seconds(1, 60)).on_routes(["/auth.Auth/Login"]);
    let limit = RateLimit::builder().limit(limit).key(Key::global()).clock(fake_clock().clock()).build().unwrap();
    let app = Router::new().route("/auth.Auth/{*rest}", any(|| async {})).layer(limit);
    for (path, status) in [("/auth.Auth/Login", 200), ("/auth.Auth/Login", 429), ("/auth.Auth/Other", 200)] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.status, status, "{path}");
    }
}

/// A clock that stands still. The first thread waits at its first reading until the second thread has read it once:
/// both have then found no block.
struct SynchronizingClock {
    start: Instant,
    second_has_read: AtomicBool,
}

thread_local! {
    /// The number of this thread, and how often it has read the clock.
    static THREAD_AND_READINGS: Cell<(u8, u32)> = const { Cell::new((0, 0)) };
}

impl TimeSource for SynchronizingClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        let (thread, readings) = THREAD_AND_READINGS.get();
        THREAD_AND_READINGS.set((thread, readings + 1));
        if (thread, readings) == (2, 0) {
            self.second_has_read.store(true, SeqCst);
        }
        while (thread, readings) == (1, 0) && !self.second_has_read.load(SeqCst) {
            assert!(self.start.elapsed() < seconds(60), "the second thread does not read the clock");
            std::thread::yield_now();
        }
        self.start
    }
}

#[tokio::test]
async fn concurrent_requests_over_the_limit_start_one_block() {
    let clock = SynchronizingClock { start: Instant::now(), second_has_read: AtomicBool::new(false) };
    let (clock, store) = (Clock::from_source(clock), MemoryStore::new());
    let layer = |limits: [Limit; 2]| {
        let builder = limits.into_iter().fold(RateLimit::builder(), RateLimitBuilder::add_limit);
        Arc::new(builder.key(by_user_header()).clock(clock.clone()).store(store.clone()).build().unwrap())
    };
    let blocking = || Limit::new("general", per_seconds(1, 60)).block_for(seconds(300)).escalate_to(seconds(86_400));
    // Each thread has another limit, which is locked before the common one: built first, they come first in the order.
    let own = |name: &str| Limit::new(name, per_seconds(9, 60));
    let both = layer([own("first"), own("second")]);
    let [first, second] = ["first", "second"].map(|name| layer([own(name), blocking()]));
    drop(both);
    assert!(first.check(&Subject::custom("ann"), 1).await.is_ok());
    let exceed = |thread: u8, limit: &Arc<RateLimit>| {
        let limit = Arc::clone(limit);
        std::thread::spawn(move || {
            THREAD_AND_READINGS.set((thread, 0));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(limit.check(&Subject::custom("ann"), 1)).is_err()
        })
    };
    for is_rejected in [exceed(1, &first), exceed(2, &second)] {
        assert!(is_rejected.join().unwrap());
    }
    let usages = first.peek(&Subject::custom("ann")).await.unwrap();
    assert_eq!(usages[1].blocked_for(), Some(seconds(300)));
}
