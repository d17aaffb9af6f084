//! `Decision`: what a gate that waits will say of a head, once it has it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request;
use pin_project::pin_project;

use crate::gate::Reply;

/// A decision that is still to come, of a head that it has not got yet; see [`Entry::wait`](crate::gate::Entry::wait).
#[must_use]
pub struct Decision<P>(Pin<Box<dyn Decide<P> + Send>>);

/// A decision on its way.
#[must_use = "futures do nothing unless polled"]
pub struct Deciding<P>(Pin<Box<dyn Decide<P> + Send>>);

impl<P> Decision<P> {
    pub(super) fn new<D, F>(decide: D) -> Self
    where
        D: FnOnce(request::Parts) -> F + Send + 'static,
        F: Future<Output = Result<(request::Parts, P), Reply>> + Send + 'static,
    {
        Self(Box::pin(Stage::Asked(Some(decide))))
    }

    /// Decides about this head, which comes back with what the gate remembers, or the reply in the handler's place. For a gate
    /// around another one's.
    pub fn on(self, head: request::Parts) -> Deciding<P> {
        let Self(mut decide) = self;
        decide.as_mut().begin(head);
        Deciding(decide)
    }
}

impl<P> Future for Deciding<P> {
    type Output = Result<(request::Parts, P), Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// A function that takes the head, and the future that it makes, in one piece of memory.
trait Decide<P> {
    fn begin(self: Pin<&mut Self>, head: request::Parts);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(request::Parts, P), Reply>>;
}

#[pin_project(project = StageProj)]
enum Stage<D, F> {
    Asked(Option<D>),
    Running(#[pin] F),
}

impl<P, D, F> Decide<P> for Stage<D, F>
where
    D: FnOnce(request::Parts) -> F,
    F: Future<Output = Result<(request::Parts, P), Reply>>,
{
    fn begin(mut self: Pin<&mut Self>, head: request::Parts) {
        if let StageProj::Asked(decide) = self.as_mut().project()
            && let Some(decide) = decide.take()
        {
            self.set(Self::Running(decide(head)));
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(request::Parts, P), Reply>> {
        match self.project() {
            StageProj::Running(decision) => decision.poll(cx),
            // Not met: `on` begins it before it is a future.
            StageProj::Asked(_) => Poll::Pending,
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
