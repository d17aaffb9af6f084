//! `StrictService`: a service that fails if it is called before it is polled ready, and counts its calls and clones.

use std::future::{Ready, ready};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

/// Responds `entered` to requests that passed a `ScriptedGate`. A clone is not ready, even if the original was.
#[derive(Default)]
pub(crate) struct StrictService {
    is_ready: bool,
    pub(crate) state: Arc<SharedState>,
}

/// The state that all clones of a service share.
#[derive(Default)]
pub(crate) struct SharedState {
    pub(crate) calls: AtomicUsize,
    pub(crate) clones: AtomicUsize,
    pub(crate) is_busy: AtomicBool,
    pub(crate) is_broken: AtomicBool,
}

impl SharedState {
    pub(crate) fn calls_and_clones(&self) -> (usize, usize) {
        (self.calls.load(SeqCst), self.clones.load(SeqCst))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceError {
    Broken,
    NotReady,
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for ServiceError {}

impl Clone for StrictService {
    fn clone(&self) -> Self {
        self.state.clones.fetch_add(1, SeqCst);
        Self { is_ready: false, state: Arc::clone(&self.state) }
    }
}

impl Service<Request<()>> for StrictService {
    type Response = Response<Full<Bytes>>;
    type Error = ServiceError;
    type Future = Ready<Result<Self::Response, ServiceError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ServiceError>> {
        if self.state.is_broken.load(SeqCst) {
            return Poll::Ready(Err(ServiceError::Broken));
        }
        if self.state.is_busy.load(SeqCst) {
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        if !mem::take(&mut self.is_ready) {
            return ready(Err(ServiceError::NotReady));
        }
        self.state.calls.fetch_add(1, SeqCst);
        if request.headers().contains_key("x-break") {
            return ready(Err(ServiceError::Broken));
        }
        let has_entered = request.headers().contains_key("x-entered");
        ready(Ok(Response::new(Full::from(if has_entered { "entered" } else { "no gate" }))))
    }
}
