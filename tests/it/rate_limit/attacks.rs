//! What an attacker tried, and what must hold against it.

use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::http::{Request, StatusCode};
use axum::routing::{any, get};
use portcullis::clock::{Clock, TimeSource};
use portcullis::rate_limit::{Attempt, Key, Limit, Subject};
use portcullis::{Extractor, RateLimit};
use tower::{Layer, ServiceExt, service_fn};

use super::{per, seconds, who};
use crate::support::response::TestResponse;

async fn used(limit: &RateLimit, subject: Subject<'_>) -> u32 {
    limit.peek(&subject).await.unwrap()[0].used()
}

fn failures(name: &'static str) -> RateLimit {
    RateLimit::builder().limit(Limit::new(name, per(3, 60)).only_failures()).key(who()).build().unwrap()
}

#[tokio::test]
async fn a_failed_grpc_call_is_a_failure_although_its_status_is_200() {
    let limit = Limit::new("login", per(3, 60)).only_failures();
    let limit = RateLimit::builder().limit(limit).key(Key::global()).build().unwrap();
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
async fn every_layer_that_counts_failures_hears_the_handlers_word() {
    let (outer, inner) = (failures("by address"), failures("by account"));
    let handler = |Extractor(attempt): Extractor<Attempt>| async move {
        attempt.failed();
        StatusCode::OK
    };
    let app = Router::new().route("/", get(handler)).layer(inner.clone()).layer(outer.clone());
    for _ in 0..2 {
        assert_eq!(TestResponse::get(&app, "/", &[("x-who", "ann")]).await.status, 200);
    }
    assert_eq!([used(&outer, Subject::custom("ann")).await, used(&inner, Subject::custom("ann")).await], [2, 2]);
}

#[tokio::test]
async fn a_handler_may_speak_of_a_request_that_no_limit_counts() {
    let limit = Limit::new("login", per(3, 60)).only_failures().on_routes(["/login"]);
    let limit = RateLimit::builder().limit(limit).key(who()).exempt(["/exempt"]).build().unwrap();
    let handler = |Extractor(attempt): Extractor<Attempt>| async move { attempt.failed() };
    let app = Router::new().route("/", get(handler)).route("/exempt", get(handler)).layer(limit);
    for path in ["/", "/exempt"] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_limit_on_a_path_that_a_wildcard_matched_is_not_passed_by() {
    let limit = Limit::new("login", per(1, 60)).on_routes(["/auth.Auth/Login"]);
    let limit = RateLimit::builder().limit(limit).key(Key::global()).build().unwrap();
    let app = Router::new().route("/auth.Auth/{*rest}", any(|| async {})).layer(limit);
    for (path, status) in [("/auth.Auth/Login", 200), ("/auth.Auth/Login", 429), ("/auth.Auth/Other", 200)] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.status, status, "{path}");
    }
}

/// A clock that stands, and keeps the first thread's judgement until the second has looked for a block.
struct Hands {
    start: Instant,
    has_looked: AtomicBool,
}

thread_local! {
    static THREAD_AND_LOOKS: Cell<(u8, u32)> = const { Cell::new((0, 0)) };
}

impl TimeSource for Hands {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        let (thread, looks) = THREAD_AND_LOOKS.get();
        THREAD_AND_LOOKS.set((thread, looks + 1));
        if (thread, looks) == (2, 0) {
            self.has_looked.store(true, SeqCst);
        }
        while (thread, looks) == (1, 1) && !self.has_looked.load(SeqCst) {
            std::thread::yield_now();
        }
        self.start
    }
}

#[tokio::test]
async fn requests_that_go_over_the_limit_together_start_one_block() {
    let hands = Hands { start: Instant::now(), has_looked: AtomicBool::new(false) };
    let guard = Limit::new("general", per(1, 60)).block_for(seconds(300)).escalate_to(seconds(86_400));
    let limit = RateLimit::builder().limit(guard).key(who()).clock(Clock::from_source(hands)).build().unwrap();
    let limit = Arc::new(limit);
    assert!(limit.check(&Subject::custom("ann"), 1).await.is_ok());
    let over = |thread: u8| {
        let limit = Arc::clone(&limit);
        std::thread::spawn(move || {
            THREAD_AND_LOOKS.set((thread, 0));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(limit.check(&Subject::custom("ann"), 1)).is_err()
        })
    };
    for refused in [over(1), over(2)] {
        assert!(refused.join().unwrap());
    }
    let usage = limit.peek(&Subject::custom("ann")).await.unwrap();
    assert_eq!(usage[0].blocked_for(), Some(seconds(300)));
}
