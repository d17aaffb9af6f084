//! Callers that leave, runtimes that end, and stores that cannot be made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use portcullis::rate_limit::{Limit, OutagePolicy, RedisStore};
use portcullis::{ConfigError, Quota, RateLimit};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use super::limited_app::{Limited, named};
use super::test_store::patient;
use crate::support::redis_server::Server;

fn limited(store: RedisStore) -> Limited {
    let limit = Limit::new("limit", Quota::per_hour(100).unwrap()).on_outage(OutagePolicy::FailClosed);
    Limited::new(RateLimit::builder().limit(limit).key(named("x-user")).store(store).build().unwrap())
}

fn request() -> Request<Body> {
    Request::get("/").header("x-user", "ann").body(Body::empty()).unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn callers_that_leave_while_they_wait_leave_a_store_that_works() {
    let server = Server::start();
    let app = limited(patient(&server));
    assert_eq!(app.ask("x-user: ann").await.status, 200);
    server.pause();
    for _ in 0..20 {
        let left = tokio::time::timeout(Duration::from_millis(5), app.app(None).oneshot(request())).await;
        assert!(left.is_err(), "answered by a paused server");
    }
    server.resume();
    assert_eq!(app.ask("x-user: ann").await.status, 200);
    let used = app.used("ann").await[0];
    assert!((2..=22).contains(&used), "{used}");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_runtime_that_ends_in_the_middle_of_a_call_keeps_no_other_from_asking() {
    let server = Server::start();
    let (one, other) = (runtime(), runtime());
    let store =
        one.block_on(async { RedisStore::connect(&server.url()).unwrap().deadline(Duration::from_millis(500)) });
    let app = Arc::new(limited(store));
    one.block_on(async { assert_eq!(app.ask("x-user: ann").await.status, 200) });
    server.pause();
    let call = one.spawn(app.app(None).oneshot(request()));
    // Waits on another runtime's behalf: its request is taken along by the first one's call.
    one.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
    assert!(!call.is_finished());
    let waiting = other.spawn(app.app(None).oneshot(request()));
    other.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    drop(one);
    server.resume();
    let start = Instant::now();
    other.block_on(async {
        let response = waiting.await.unwrap().unwrap();
        assert_eq!(response.status(), 503);
        while app.ask("x-user: ann").await.status != 200 {
            assert!(start.elapsed() < Duration::from_secs(4), "the other runtime is kept from asking");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(app.used("ann").await[0] >= 2);
    });
}

#[tokio::test]
async fn a_request_outside_of_a_runtime_goes_by_the_policy() {
    let app = limited(RedisStore::connect("redis://127.0.0.1:1/").unwrap());
    let future = app.app(None).oneshot(request());
    let thread = std::thread::spawn(move || {
        // Any other executor: it drives no sockets and no timers of Tokio's.
        let waker = std::task::Waker::noop();
        let mut future = std::pin::pin!(future);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            match future.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
                std::task::Poll::Ready(response) => response.unwrap().status().as_u16(),
                std::task::Poll::Pending => 0,
            }
        }))
    });
    assert_eq!(thread.join().unwrap().ok(), Some(503));
}

fn problem(error: &ConfigError) -> (&str, String) {
    (error.issues()[0].setting(), format!("{error} {error:?}"))
}

#[test]
fn a_store_is_connected_to_inside_of_a_runtime() {
    let error = RedisStore::connect("redis://127.0.0.1/").unwrap_err();
    let (setting, text) = problem(&error);
    assert!(setting == "RedisStore::connect" && text.contains("runtime"), "{text}");
}

#[tokio::test]
async fn a_url_that_is_none_is_a_problem_that_does_not_show_the_password() {
    for url in [
        "",
        "hunter2",
        "http://ann:hunter2@127.0.0.1/",
        "redis://ann:hunter2@127.0.0.1:port/",
        "redis://ann:hunter2@127.0.0.1:6379/hunter2",
        "rediss://ann:hunter2@127.0.0.1/",
        "redis://:hunter2@/",
    ] {
        let error = RedisStore::connect(url).err();
        let Some(error) = error else { panic!("{url:?} is taken for a URL") };
        let (setting, text) = problem(&error);
        assert!(setting == "RedisStore::connect" && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_store_shows_no_password_and_a_deadline_of_nothing_is_a_problem() {
    let store = RedisStore::connect("redis://ann:hunter2@127.0.0.1:1/").unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let builder = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(named("x-user"));
    let error = builder.store(store.deadline(Duration::ZERO)).build().unwrap_err();
    assert_eq!(problem(&error).0, "deadline");
}
