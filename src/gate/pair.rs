//! `Pair`: two gates as one, and a gate that may be absent.

use http::{Response, request};

use crate::gate::{Entry, Gate};

/// Two gates as one: what the inner one refuses passes the outer one on its way out.
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

impl<A, B> Pair<A, B>
where
    A: Gate<Pass: Send + 'static> + Send + Sync + 'static,
    B: Gate<Pass: Send + 'static> + Send + Sync + 'static,
{
    fn go_in(&self, head: &mut request::Parts, outer: A::Pass) -> Entry<(A::Pass, B::Pass)> {
        match self.inner.enter(head) {
            Entry::Admit(inner) => Entry::Admit((outer, inner)),
            Entry::Refuse(mut reply) => {
                self.outer.leave(outer, reply.response_mut());
                Entry::Refuse(reply)
            }
            Entry::Wait(decision) => {
                let gate = self.outer.clone();
                Entry::wait(|head| async move {
                    match decision.on(head).await {
                        Ok((head, inner)) => Ok((head, (outer, inner))),
                        Err(mut reply) => {
                            gate.leave(outer, reply.response_mut());
                            Err(reply)
                        }
                    }
                })
            }
        }
    }
}

impl<A: Gate, B: Gate> Pair<A, B> {
    /// As [`leave`](Gate::leave) the other way round, for gates that do not touch each other's fields.
    pub(crate) fn leave_outer_first<T>(&self, (outer, inner): (A::Pass, B::Pass), response: &mut Response<T>) {
        self.outer.leave(outer, response);
        self.inner.leave(inner, response);
    }
}

impl<A, B> Gate for Pair<A, B>
where
    A: Gate<Pass: Send + 'static> + Send + Sync + 'static,
    B: Gate<Pass: Send + 'static> + Send + Sync + 'static,
{
    type Pass = (A::Pass, B::Pass);

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        match self.outer.enter(head) {
            Entry::Admit(outer) => self.go_in(head, outer),
            Entry::Refuse(reply) => Entry::Refuse(reply),
            Entry::Wait(decision) => {
                let pair = self.clone();
                Entry::wait(|head| async move {
                    let (mut head, outer) = decision.on(head).await?;
                    match pair.go_in(&mut head, outer) {
                        Entry::Admit(passes) => Ok((head, passes)),
                        Entry::Refuse(reply) => Err(reply),
                        Entry::Wait(decision) => decision.on(head).await,
                    }
                })
            }
        }
    }

    fn leave<T>(&self, (outer, inner): Self::Pass, response: &mut Response<T>) {
        self.inner.leave(inner, response);
        self.outer.leave(outer, response);
    }
}

/// Absent, it lets everything through as it is.
impl<G> Gate for Option<G>
where
    G: Gate<Pass: Send + 'static>,
{
    type Pass = Option<G::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        let Some(gate) = self else { return Entry::Admit(None) };
        match gate.enter(head) {
            Entry::Admit(pass) => Entry::Admit(Some(pass)),
            Entry::Refuse(reply) => Entry::Refuse(reply),
            Entry::Wait(decision) => Entry::wait(|head| async move {
                let (head, pass) = decision.on(head).await?;
                Ok((head, Some(pass)))
            }),
        }
    }

    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        if let (Some(gate), Some(pass)) = (self, pass) {
            gate.leave(pass, response);
        }
    }
}
