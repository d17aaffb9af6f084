//! `Pair`: two gates as one, and a gate that may be absent.
//!
//! A `Stack` is a `Pair` of pairs. It behaves as nested services would, but has one service and one future for all its
//! gates.

use http::{Response, request};

use crate::gate::engine::Gate;
use crate::gate::entry::Entry;
use crate::gate::response_headers::ResponseHeaders;

/// Two gates as one. If the inner gate rejects a request, the outer gate still adds its headers to the reply.
#[derive(Clone, Debug)]
pub(crate) struct Pair<A, B> {
    outer: A,
    inner: B,
}

impl<A, B> Pair<A, B> {
    pub(crate) fn new(outer: A, inner: B) -> Self {
        Self { outer, inner }
    }
}

impl<A: Gate, B: Gate> Pair<A, B> {
    /// Enters both gates and wraps their passes. Wrapping the pass of a `Wait` afterwards would cost another box.
    pub(crate) fn enter_as<P: Send + 'static>(
        &self,
        head: &mut request::Parts,
        wrap: fn((A::Pass, B::Pass)) -> P,
    ) -> Entry<P> {
        match self.outer.enter(head) {
            Entry::Admit(outer) => self.enter_inner(head, outer, wrap),
            Entry::Refuse(reply) => Entry::Refuse(reply),
            // The inner gate must not decide before the outer one has. If it waits too, its future runs inside this
            // one.
            Entry::Wait(decision) => {
                let pair = self.clone();
                Entry::wait(move |head| async move {
                    let (mut head, outer) = decision.start(head).await?;
                    match pair.enter_inner(&mut head, outer, wrap) {
                        Entry::Admit(pass) => Ok((head, pass)),
                        Entry::Refuse(reply) => Err(reply),
                        Entry::Wait(decision) => decision.start(head).await,
                    }
                })
            }
        }
    }

    /// Enters the inner gate after the outer one has admitted the request.
    fn enter_inner<P: Send + 'static>(
        &self,
        head: &mut request::Parts,
        outer: A::Pass,
        wrap: fn((A::Pass, B::Pass)) -> P,
    ) -> Entry<P> {
        match self.inner.enter(head) {
            Entry::Admit(inner) => Entry::Admit(wrap((outer, inner))),
            // For the outer gate, the reply is the response of its inner service.
            Entry::Refuse(mut reply) => {
                self.outer.leave(outer, reply.response_mut());
                Entry::Refuse(reply)
            }
            Entry::Wait(decision) => {
                let gate = self.outer.clone();
                Entry::wait(move |head| async move {
                    match decision.start(head).await {
                        Ok((head, inner)) => Ok((head, wrap((outer, inner)))),
                        Err(mut reply) => {
                            gate.leave(outer, reply.response_mut());
                            Err(reply)
                        }
                    }
                })
            }
        }
    }

    /// Lets the outer gate write to the response first, for gates whose [`ResponseHeaders`] do not overlap.
    pub(crate) fn leave_outer_first<T>(&self, (outer, inner): (A::Pass, B::Pass), response: &mut Response<T>) {
        self.outer.leave(outer, response);
        self.inner.leave(inner, response);
    }
}

impl<A: Gate, B: Gate> Gate for Pair<A, B> {
    type Pass = (A::Pass, B::Pass);

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        self.enter_as(head, |passes| passes)
    }

    fn leave<T>(&self, (outer, inner): Self::Pass, response: &mut Response<T>) {
        self.inner.leave(inner, response);
        self.outer.leave(outer, response);
    }

    fn response_headers(&self) -> ResponseHeaders {
        self.outer.response_headers().union(self.inner.response_headers())
    }
}

/// `None` admits every request and leaves every response as it is.
impl<G: Gate> Gate for Option<G> {
    type Pass = Option<G::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        match self {
            Some(gate) => gate.enter(head).into_optional(),
            None => Entry::Admit(None),
        }
    }

    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.leave(pass, response);
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        self.as_ref().map_or_else(ResponseHeaders::none, Gate::response_headers)
    }
}
