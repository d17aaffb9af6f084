//! `PreparedCase`: a case whose app is built, ready to receive requests.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use crate::cases::{CASES, Case};
use crate::peers;

/// A case whose app is built, ready to receive requests.
pub struct PreparedCase {
    app: Router,
    request: fn() -> Request<Body>,
    expected_status: u16,
    runtime: tokio::runtime::Runtime,
}

impl PreparedCase {
    /// Builds the app of a case.
    pub fn new(case: &Case) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        // A server calls `with_state` once. Without it, the router would rebuild its routes for every request.
        let app = (case.app)().with_state(());
        Self { app, request: case.request, expected_status: case.status, runtime }
    }

    /// Prepares an app that responds to these requests with 200.
    pub fn with_app(app: Router, request: fn() -> Request<Body>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { app: app.with_state(()), request, expected_status: 200, runtime }
    }

    /// The same app, for use on another thread.
    pub fn for_another_thread(&self) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { app: self.app.clone(), request: self.request, expected_status: self.expected_status, runtime }
    }

    /// Sends one request and asserts the status of the response.
    pub fn send(&mut self) {
        let response = self.respond();
        assert_eq!(response.status().as_u16(), self.expected_status);
    }

    fn respond(&mut self) -> Response<Body> {
        let request = (self.request)();
        let mut future = pin!(Service::<Request<Body>>::call(&mut self.app, request));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => self.runtime.block_on(future).expect("a router does not fail"),
        }
    }

    /// Sends this many requests and returns the nanoseconds of one.
    pub fn nanoseconds(&mut self, requests: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..requests {
            self.send();
        }
        start.elapsed().as_nanos() as f64 / f64::from(requests)
    }
}

/// Prepares the case of this name.
pub fn named(name: &str) -> PreparedCase {
    peers::install_crypto_provider();
    PreparedCase::new(case(name))
}

/// Prepares the bare handler with the requests of the case of this name.
pub fn bare(name: &str) -> PreparedCase {
    let case = case(name);
    // The bare handler accepts GET and POST, and responds to a preflight with 405.
    let status = if (case.request)().method() == http::Method::OPTIONS { 405 } else { 200 };
    PreparedCase::new(&Case { app: CASES[0].app, status, ..*case })
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("the name of a case")
}
