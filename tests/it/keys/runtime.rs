//! Requests without a tokio runtime, and runtimes that end.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::http::StatusCode;
use portcullis::Issuer;
use tokio::runtime::{Builder, Runtime};

use super::{Fixture, JwtApp};
use crate::support::log_capture::LogCapture;

#[test]
fn request_outside_a_tokio_runtime_is_503_at_once() {
    let runtime = Runtime::new().unwrap();
    let (fixture, app, token) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        let (app, token) = (fixture.app(), fixture.valid_token());
        (fixture, app, token)
    });
    let mut response = pin!(app.send_token(&token));
    let Poll::Ready(response) = response.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no fetch can start, so a pending request would never be woken");
    };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.network.request_count(), 0);
}

#[test]
fn app_recovers_on_another_runtime_after_a_fetch_ends_with_its_runtime() {
    let first = Runtime::new().unwrap();
    let (fixture, app) = first.block_on(async {
        let fixture = Fixture::new().await;
        let app = fixture.app();
        fixture.network.hold_responses();
        (fixture, app)
    });
    let (cloned_app, token): (JwtApp, String) = (app.clone(), fixture.valid_token());
    first.spawn(async move { cloned_app.send_token(&token).await });
    while fixture.network.request_count() == 0 {
        std::thread::yield_now();
    }
    drop(first);
    fixture.network.release_responses();
    fixture.advance(1.2);
    let status = Runtime::new().unwrap().block_on(async { app.status_for(&fixture.valid_token()).await });
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn a_fetch_on_a_runtime_without_timers_is_503_with_one_log_line_and_the_app_recovers() {
    let runtime = Runtime::new().unwrap();
    let (fixture, app) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        let app = fixture.app();
        (fixture, app)
    });
    let without_timers = Builder::new_current_thread().build().unwrap();
    let log = LogCapture::start();
    for _ in 0..3 {
        let status = without_timers.block_on(app.status_for(&fixture.valid_token()));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(!without_timers.block_on(app.auth.prefetch_keys()));
    assert_eq!(log.count("the timers of the Tokio runtime are disabled"), 1, "{}", log.text());
    assert_eq!(log.count("ERROR"), 1, "{}", log.text());
    fixture.advance(1.2);
    assert_eq!(runtime.block_on(app.status_for(&fixture.valid_token())), StatusCode::OK);
}

#[test]
fn a_user_loader_without_a_runtime_or_timers_is_503_with_one_log_line() {
    let runtime = Runtime::new().unwrap();
    let (fixture, app) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        let issuer = Issuer::jwks_document(fixture.issuer.url(), fixture.issuer.jwks());
        let app = JwtApp::new(fixture.builder(issuer).load_user(async |user| Ok(user)));
        (fixture, app)
    });
    let without_timers = Builder::new_current_thread().build().unwrap();
    let log = LogCapture::start();
    let status = without_timers.block_on(app.status_for(&fixture.valid_token()));
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("cannot load the user"), 1, "{}", log.text());
    assert_eq!(log.count("timers of the Tokio runtime are disabled"), 1, "{}", log.text());
    let token = fixture.valid_token();
    let mut response = pin!(app.send_token(&token));
    let Poll::Ready(response) = response.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("nothing to wait for");
    };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("does not run on a Tokio runtime"), 1, "{}", log.text());
    assert_eq!(runtime.block_on(app.status_for(&token)), StatusCode::OK);
}
