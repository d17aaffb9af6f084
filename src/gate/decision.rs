//! `Decision`: a gate's decision that needs to wait, before and while it runs.
//!
//! `enter` borrows the head, and a future that waits must own it. So `enter` returns a function from the head to the
//! future, and the engine calls it with the head once `enter` has returned.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request;
use pin_project::pin_project;

use crate::gate::reply::Reply;

/// A decision that has not started yet, because it does not have the request's head; see
/// [`Entry::wait`](crate::gate::Entry::wait).
#[must_use]
pub struct Decision<P>(Pin<Box<dyn Decide<P> + Send>>);

/// A decision that has started.
///
/// It resolves to the head and the gate's pass, or to the reply that rejects the request.
#[must_use = "futures do nothing unless polled"]
pub struct Deciding<P>(Pin<Box<dyn Decide<P> + Send>>);

impl<P> Decision<P> {
    pub(super) fn new<D, F>(decide: D) -> Self
    where
        D: FnOnce(request::Parts) -> F + Send + 'static,
        F: Future<Output = Result<(request::Parts, P), Reply>> + Send + 'static,
    {
        Self(Box::pin(State::NotStarted(Some(decide))))
    }

    /// Starts the decision about the request with this head.
    ///
    /// A custom gate that wraps another gate calls it; [`Entry`] shows one.
    ///
    /// [`Entry`]: crate::gate::Entry
    pub fn start(self, head: request::Parts) -> Deciding<P> {
        let Self(mut decide) = self;
        decide.as_mut().start(head);
        Deciding(decide)
    }
}

impl<P> Future for Deciding<P> {
    type Output = Result<(request::Parts, P), Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// A function that takes the head and returns a future. Both share one allocation, which `Box<dyn FnOnce>` cannot do.
trait Decide<P> {
    fn start(self: Pin<&mut Self>, head: request::Parts);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(request::Parts, P), Reply>>;
}

#[pin_project(project = StateProj)]
enum State<D, F> {
    NotStarted(Option<D>),
    Running(#[pin] F),
}

impl<P, D, F> Decide<P> for State<D, F>
where
    D: FnOnce(request::Parts) -> F,
    F: Future<Output = Result<(request::Parts, P), Reply>>,
{
    fn start(mut self: Pin<&mut Self>, head: request::Parts) {
        if let StateProj::NotStarted(decide) = self.as_mut().project()
            && let Some(decide) = decide.take()
        {
            self.set(Self::Running(decide(head)));
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(request::Parts, P), Reply>> {
        match self.project() {
            StateProj::Running(future) => future.poll(cx),
            // Unreachable: only `Decision::start` makes a `Deciding`, after it has started the future.
            StateProj::NotStarted(_) => Poll::Pending,
        }
    }
}

impl<P> fmt::Debug for Decision<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision").finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Deciding<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deciding").finish_non_exhaustive()
    }
}
