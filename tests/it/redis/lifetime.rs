//! Callers that stop waiting, runtimes that end, and stores that cannot be built.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use portcullis::rate_limit::{Limit, OutagePolicy, RedisStore, Subject};
use portcullis::{ConfigError, Quota, RateLimit};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tower::ServiceExt;

use crate::support::limited_app::{LimitedApp, by_header};
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Server;
use crate::support::test_store::{LONG_DEADLINE, network_store};

fn limited_app(store: RedisStore) -> LimitedApp {
    let limit = Limit::new("limit", Quota::per_hour(100).unwrap()).on_outage(OutagePolicy::FailClosed);
    LimitedApp::new(RateLimit::builder().limit(limit).key(by_header("x-user")).store(store).build().unwrap())
}

fn request() -> Request<Body> {
    Request::get("/").header("x-user", "ann").body(Body::empty()).unwrap()
}

/// Lets the tasks of this runtime run until they wait for the server.
async fn run_tasks() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn callers_that_stop_waiting_do_not_harm_the_store() {
    let server = Server::start();
    let app = limited_app(network_store(&server));
    assert_eq!(app.send("x-user: ann").await.status, 200);
    server.pause();
    // With the time paused, each timeout expires as soon as all tasks wait.
    tokio::time::pause();
    for _ in 0..20 {
        let response = tokio::time::timeout(Duration::from_millis(5), app.router(None).oneshot(request())).await;
        assert!(response.is_err(), "a paused server replied");
    }
    tokio::time::resume();
    server.resume();
    assert_eq!(app.send("x-user: ann").await.status, 200);
    let used = app.used("ann").await[0];
    assert!((2..=22).contains(&used), "{used}");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_runtime_that_ends_during_a_call_does_not_stop_the_others() {
    let server = Server::start();
    let ending = runtime();
    let remaining = runtime();
    let app = Arc::new(ending.block_on(async { limited_app(network_store(&server)) }));
    ending.block_on(async { assert_eq!(app.send("x-user: ann").await.status, 200) });
    server.pause();
    let call = ending.spawn(app.router(None).oneshot(request()));
    ending.block_on(run_tasks());
    assert!(!call.is_finished());
    // This request waits for the call that the other runtime has started.
    let waiting = remaining.spawn(app.router(None).oneshot(request()));
    remaining.block_on(run_tasks());
    drop(ending);
    server.resume();
    let start = Instant::now();
    remaining.block_on(async {
        let response = waiting.await.unwrap().unwrap();
        assert_eq!(response.status(), 503);
        while app.send("x-user: ann").await.status != 200 {
            assert!(start.elapsed() < LONG_DEADLINE, "the remaining runtime does not reach the server");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(app.used("ann").await[0] >= 2);
    });
}

/// Asserts that requests follow their outage policy, that there is one line in the log, and that nothing panics.
fn assert_outage(block_on: impl Fn(Pin<&mut dyn Future<Output = u16>>) -> u16, reason: &str) {
    let log = LogCapture::start();
    let stores = ["redis://127.0.0.1:1/", "redis://127.0.0.1:1/1"].map(|url| RedisStore::connect(url).unwrap());
    let [app, other] = stores.map(limited_app);
    for app in [&app, &app, &other, &app, &app] {
        let future = pin!(async { app.router(None).oneshot(request()).await.unwrap().status().as_u16() });
        assert_eq!(block_on(future), 503);
    }
    assert_eq!(log.count("event=\"store_unavailable\""), 5, "one event for each request: {}", log.text());
    assert_eq!(log.count(" WARN "), 2, "one line for each store: {}", log.text());
    assert_eq!(log.count(reason), 2, "{}", log.text());
    // An administrative call reports the outage.
    let reset = pin!(async { u16::from(app.limit.reset(&Subject::custom("ann")).await.is_ok()) });
    assert_eq!(block_on(reset), 0);
}

#[test]
fn requests_outside_a_tokio_runtime_follow_the_outage_policy() {
    // Another executor drives neither the sockets nor the timers of Tokio.
    let block_on =
        |future: Pin<&mut dyn Future<Output = u16>>| match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(status) => status,
            Poll::Pending => panic!("the request waits"),
        };
    assert_outage(block_on, "does not run on a Tokio runtime");
}

#[test]
fn requests_on_a_runtime_without_timers_follow_the_outage_policy() {
    let mut builders = [Builder::new_current_thread(), Builder::new_multi_thread()];
    for builder in &mut builders {
        let runtime = builder.enable_io().build().unwrap();
        assert_outage(|future| runtime.block_on(future), "timers of the Tokio runtime are disabled");
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn requests_on_a_runtime_without_sockets_follow_the_outage_policy() {
    let server = Server::start();
    let log = LogCapture::start();
    let app = limited_app(network_store(&server));
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { assert_eq!(app.statuses("x-user: ann", 4).await, [503; 4]) });
    assert!(log.count(" WARN ") == 1 && log.count("enable_all()") == 1, "{}", log.text());
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_store_can_be_created_before_its_runtime() {
    let server = Server::start();
    let app = limited_app(network_store(&server));
    for _ in 0..2 {
        // The connection ends with the first runtime.
        let statuses = runtime().block_on(app.statuses("x-user: ann", 2));
        assert_eq!(statuses[1], 200, "{statuses:?}");
    }
}

/// The setting of the first issue, and all text that a log could contain.
fn setting_and_text(error: &ConfigError) -> (&str, String) {
    (error.issues()[0].setting(), format!("{error} {error:?}"))
}

#[test]
fn an_invalid_url_is_an_error_that_does_not_show_the_password() {
    for url in [
        "",
        "hunter2",
        "http://ann:hunter2@127.0.0.1/",
        "redis://ann:hunter2@127.0.0.1:port/",
        "redis://ann:hunter2@127.0.0.1:6379/hunter2",
        "rediss://ann:hunter2@127.0.0.1:port/",
        "redis://:hunter2@/",
    ] {
        let Err(error) = RedisStore::connect(url) else { panic!("{url:?} is accepted as a URL") };
        let (setting, text) = setting_and_text(&error);
        assert!(setting == "RedisStore::connect" && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn debug_of_a_store_shows_no_password_and_a_deadline_of_zero_is_an_error() {
    let store = RedisStore::connect("redis://ann:hunter2@127.0.0.1:1/").unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let builder = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(by_header("x-user"));
    let error = builder.store(store.deadline(Duration::ZERO)).build().unwrap_err();
    assert_eq!(setting_and_text(&error).0, "deadline");
}
