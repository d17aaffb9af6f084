//! A case that is set up, to be asked once and again.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use crate::cases::{CASES, Case};
use crate::peers;

/// A case that is set up.
pub struct Asked {
    app: Router,
    requests: fn() -> Request<Body>,
    status: u16,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    /// As a server does it: once.
    pub fn of(case: &Case) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        // As a server does: else the router makes its routes anew for every request.
        let app = (case.app)().with_state(());
        Self { app, requests: case.request, status: case.status, runtime }
    }

    /// An app that is asked this and answers 200.
    pub fn asking(app: Router, requests: fn() -> Request<Body>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { app: app.with_state(()), requests, status: 200, runtime }
    }

    /// The same app once more, for another thread.
    pub fn another(&self) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { app: self.app.clone(), requests: self.requests, status: self.status, runtime }
    }

    /// Asks it, and holds it to its status.
    pub fn once(&mut self) {
        let response = self.ask();
        assert_eq!(response.status().as_u16(), self.status);
    }

    fn ask(&mut self) -> Response<Body> {
        let request = (self.requests)();
        let mut future = pin!(Service::<Request<Body>>::call(&mut self.app, request));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => self.runtime.block_on(future).expect("a router does not fail"),
        }
    }

    /// Nanoseconds of one request, over so many.
    pub fn time(&mut self, requests: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..requests {
            self.once();
        }
        start.elapsed().as_nanos() as f64 / f64::from(requests)
    }
}

/// Sets a case up by its name.
pub fn named(name: &str) -> Asked {
    peers::choose_provider();
    Asked::of(case(name))
}

/// The bare handler, asked what this case is asked.
pub fn bare(name: &str) -> Asked {
    let case = case(name);
    // A handler of GET alone refuses a preflight.
    let status = if (case.request)().method() == http::Method::OPTIONS { 405 } else { 200 };
    Asked::of(&Case { app: CASES[0].app, status, ..*case })
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("the name of a case")
}
