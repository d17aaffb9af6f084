//! A service that errs where it is called without having been polled ready, and counts its clones and calls.

use std::future::{Ready, ready};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::Service;

/// Answers `entered` where a porter let the request in; a clone is not ready, whatever the original was.
#[derive(Default)]
pub(super) struct Strict {
    is_ready: bool,
    pub(super) count: Arc<Count>,
}

/// What all clones of a service saw.
#[derive(Default)]
pub(super) struct Count {
    pub(super) calls: AtomicUsize,
    pub(super) clones: AtomicUsize,
    pub(super) is_busy: AtomicBool,
    pub(super) is_broken: AtomicBool,
}

impl Count {
    /// How often the service was called, and how often cloned.
    pub(super) fn calls_and_clones(&self) -> (usize, usize) {
        (self.calls.load(SeqCst), self.clones.load(SeqCst))
    }
}

/// Why a strict service errs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssueKind {
    Broken,
    Unready,
}

impl std::fmt::Display for IssueKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for IssueKind {}

impl Clone for Strict {
    fn clone(&self) -> Self {
        self.count.clones.fetch_add(1, SeqCst);
        Self { is_ready: false, count: Arc::clone(&self.count) }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = IssueKind;
    type Future = Ready<Result<Self::Response, IssueKind>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), IssueKind>> {
        if self.count.is_broken.load(SeqCst) {
            return Poll::Ready(Err(IssueKind::Broken));
        }
        if self.count.is_busy.load(SeqCst) {
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        if !mem::take(&mut self.is_ready) {
            return ready(Err(IssueKind::Unready));
        }
        self.count.calls.fetch_add(1, SeqCst);
        if request.headers().contains_key("x-break") {
            return ready(Err(IssueKind::Broken));
        }
        let entered = request.headers().contains_key("x-entered");
        ready(Ok(Response::new(Full::from(if entered { "entered" } else { "passed by" }))))
    }
}
