//! `EndStreams`: what it adds to the cost of a complete response, of a frame and of a stream.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use axum::body::{Body, Bytes};
use http::{HeaderValue, Request, Response};
use http_body::{Body as _, Frame};
use portcullis::context::Visitor;
use portcullis::{EndStreams, Revocations, UserContext};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service};

use crate::revocations::verified_users;

pub const WORK: [&str; 3] = ["a complete response", "a frame", "a stream, opened, waiting and dropped"];

/// A body of endless frames, or one that waits forever. Its size is unknown, and it allocates nothing.
#[derive(Clone, Copy)]
struct Endless {
    has_frames: bool,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.has_frames { Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame"))))) } else { Poll::Pending }
    }
}

/// Responds with the body of the request, as an event stream.
#[derive(Clone)]
struct Respond;

impl Service<Request<Body>> for Respond {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(request.into_body());
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
        ready(Ok(response))
    }
}

fn send(service: &mut impl Service<Request<Body>, Response = Response<Body>>, user: &UserContext, body: Body) -> Body {
    let mut request = Request::new(body);
    request.extensions_mut().insert(Visitor::authenticated(user.clone()));
    match pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.into_body(),
        _ => panic!("a response at once"),
    }
}

/// Repeats this work with a service.
fn repeat<S>(work: &str, mut service: S, user: &UserContext, times: u32)
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut context = Context::from_waker(Waker::noop());
    if work == WORK[0] {
        for _ in 0..times {
            drop(send(&mut service, user, Body::from("data: 1\n\n")));
        }
    } else if work == WORK[1] {
        let mut body = send(&mut service, user, Body::new(Endless { has_frames: true }));
        for _ in 0..times {
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
        }
    } else {
        for _ in 0..times {
            let mut body = send(&mut service, user, Body::new(Endless { has_frames: false }));
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
        }
    }
}

/// Repeats this work, with the layer or without it.
pub fn run(work: &str, is_layered: bool, times: u32) {
    let (user, runtime) = (user(), runtime());
    let _guard = runtime.enter();
    run_with(work, is_layered, &user, times);
}

/// A runtime for the task that waits for expiries. It never runs, so no stream is ended.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn run_with(work: &str, is_layered: bool, user: &UserContext, times: u32) {
    if is_layered {
        repeat(work, EndStreams::new().layer(Respond), user, times);
    } else {
        repeat(work, Respond, user, times);
    }
}

/// A user whose credential expires and can be revoked.
fn user() -> UserContext {
    let revocations = Revocations::builder().build().expect("valid settings");
    verified_users(&revocations, 1).remove(0)
}

/// Returns the nanoseconds that the layer adds to this work.
///
/// The first figure is the difference of the medians of many short rounds. The second one is that of the shortest
/// rounds, which other programs have disturbed least.
pub fn added_nanoseconds(work: &str) -> [f64; 2] {
    const ROUNDS: usize = 501;
    const TIMES: u32 = 2_000;
    let (user, runtime) = (user(), runtime());
    let _guard = runtime.enter();
    let time = |is_layered| {
        let start = Instant::now();
        run_with(work, is_layered, &user, TIMES);
        start.elapsed().as_nanos() as f64 / f64::from(TIMES)
    };
    let (mut layered, mut bare): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(|_| (time(true), time(false))).unzip();
    layered.sort_by(f64::total_cmp);
    bare.sort_by(f64::total_cmp);
    [ROUNDS / 2, 0].map(|round| layered[round] - bare[round])
}
