//! Runtimes that end, or are not there.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::http::StatusCode;
use tokio::runtime::Runtime;

use super::{App, World};

#[test]
fn a_request_outside_of_a_runtime_is_503_and_does_not_wait_for_ever() {
    let runtime = Runtime::new().unwrap();
    let (world, app, token) = runtime.block_on(async {
        let world = World::new().await;
        let (app, token) = (world.app(), world.good());
        (world, app, token)
    });
    let mut answer = pin!(app.ask(&token));
    let Poll::Ready(response) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no fetch can start, and nobody will wake who waits for one");
    };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.network.calls(), 0);
}

#[test]
fn a_fetch_whose_runtime_ends_leaves_the_app_to_another() {
    let first = Runtime::new().unwrap();
    let (world, app) = first.block_on(async {
        let world = World::new().await;
        let app = world.app();
        world.network.hold();
        (world, app)
    });
    let (asking, token): (App, String) = (app.clone(), world.good());
    first.spawn(async move { asking.ask(&token).await });
    while world.network.calls() == 0 {
        std::thread::yield_now();
    }
    drop(first);
    world.network.release();
    world.advance(1.2);
    let status = Runtime::new().unwrap().block_on(async { app.status(&world.good()).await });
    assert_eq!(status, StatusCode::OK);
}
