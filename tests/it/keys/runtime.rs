//! Requests without a tokio runtime, and runtimes that end.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::http::StatusCode;
use tokio::runtime::Runtime;

use super::{Fixture, JwtApp};

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
