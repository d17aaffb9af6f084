//! `Gate`, and the one service and the one future that run every gate.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response, request};
use pin_project::pin_project;
use tower_service::Service;

use crate::gate::{BodyFromBytes, Deciding, Decision, Reply};

/// Looks at a request's head and decides; see the [module](crate::gate).
///
/// A gate is cloned with its service on every request of many servers: keep what it holds behind one `Arc`.
pub trait Gate: Clone {
    /// What [`enter`](Gate::enter) remembers for [`leave`](Gate::leave); dropped where the inner service fails.
    type Pass;

    /// Judges a request by its head, before the inner service sees it; what it changes there, the inner service sees.
    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass>;

    /// Adds to the response of an admitted request.
    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        let _ = (pass, response);
    }
}

/// What a [`Gate`] says of a request.
#[must_use]
pub enum Entry<P> {
    /// On to the inner service.
    Admit(P),
    /// This answer, and the inner service is not called.
    Refuse(Reply),
    /// The answer comes later; see [`Entry::wait`].
    Wait(Decision<P>),
}

impl<P> Entry<P> {
    /// Decides later: the one entry that allocates. The head goes to `decide`, and comes back from its future.
    ///
    /// ```
    /// use http::request;
    /// use portcullis::gate::{Entry, Gate};
    ///
    /// #[derive(Clone)]
    /// struct Slow(&'static str);
    ///
    /// impl Gate for Slow {
    ///     type Pass = ();
    ///
    ///     fn enter(&self, _: &mut request::Parts) -> Entry<()> {
    ///         let gate = self.clone();
    ///         Entry::wait(async move |mut head: request::Parts| {
    ///             // Here somebody is asked about the head.
    ///             head.extensions.insert(gate.0);
    ///             Ok((head, ()))
    ///         })
    ///     }
    /// }
    /// # assert!(matches!(Slow("word").enter(&mut http::Request::new(()).into_parts().0), Entry::Wait(_)));
    /// ```
    pub fn wait<D, F>(decide: D) -> Self
    where
        D: FnOnce(request::Parts) -> F + Send + 'static,
        F: Future<Output = Result<(request::Parts, P), Reply>> + Send + 'static,
    {
        Self::Wait(Decision::new(decide))
    }
}

impl<P> fmt::Debug for Entry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admit(_) => "Admit",
            Self::Refuse(_) => "Refuse",
            Self::Wait(_) => "Wait",
        })
    }
}

/// A service behind a [`Gate`].
#[derive(Clone)]
pub struct Gated<G, S> {
    gate: G,
    inner: S,
}

impl<G, S> Gated<G, S> {
    /// Puts `inner` behind `gate`; what a layer's `layer` calls.
    pub fn new(gate: G, inner: S) -> Self {
        Self { gate, inner }
    }
}

impl<G, S> fmt::Debug for Gated<G, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated").finish_non_exhaustive()
    }
}

impl<G, S, ReqBody, ResBody> Service<Request<ReqBody>> for Gated<G, S>
where
    G: Gate,
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: BodyFromBytes,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GatedFuture<G, G::Pass, S, ReqBody, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let state = match self.gate.enter(&mut head) {
            Entry::Admit(pass) => State::Answering {
                answer: self.inner.call(Request::from_parts(head, body)),
                leave: Some((self.gate.clone(), pass)),
            },
            Entry::Refuse(reply) => State::Refused { reply: Some(reply) },
            Entry::Wait(decision) => {
                // The instance that was polled ready may hold a permit: it is the one to call, and a clone stays behind.
                let unready = self.inner.clone();
                let ready = mem::replace(&mut self.inner, unready);
                State::Deciding { decision: decision.on(head), parked: Some((self.gate.clone(), ready, body)) }
            }
        };
        GatedFuture { state }
    }
}

/// The answer of a [`Gated`] service: the inner one's, or the gate's.
#[must_use = "futures do nothing unless polled"]
#[pin_project]
pub struct GatedFuture<G, P, S, B, F> {
    #[pin]
    state: State<G, P, S, B, F>,
}

#[pin_project(project = StateProj)]
enum State<G, P, S, B, F> {
    Answering {
        #[pin]
        answer: F,
        leave: Option<(G, P)>,
    },
    Deciding {
        #[pin]
        decision: Deciding<P>,
        parked: Option<(G, S, B)>,
    },
    Refused {
        reply: Option<Reply>,
    },
}

impl<G, S, ReqBody, ResBody> Future for GatedFuture<G, G::Pass, S, ReqBody, S::Future>
where
    G: Gate,
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: BodyFromBytes,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Answering { answer, leave } => {
                    let mut response = ready!(answer.poll(cx))?;
                    if let Some((gate, pass)) = leave.take() {
                        gate.leave(pass, &mut response);
                    }
                    return Poll::Ready(Ok(response));
                }
                StateProj::Deciding { decision, parked } => {
                    let decided = ready!(decision.poll(cx));
                    let (gate, mut inner, body) = parked.take().expect(POLLED_AGAIN);
                    match decided {
                        Ok((head, pass)) => State::Answering {
                            answer: inner.call(Request::from_parts(head, body)),
                            leave: Some((gate, pass)),
                        },
                        Err(reply) => State::Refused { reply: Some(reply) },
                    }
                }
                StateProj::Refused { reply } => {
                    let reply = reply.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(reply.into_response()));
                }
            };
            state.set(next);
        }
    }
}

impl<G, P, S, B, F> fmt::Debug for GatedFuture<G, P, S, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedFuture").finish_non_exhaustive()
    }
}

// A future's contract, not a request, decides whether this can happen.
const POLLED_AGAIN: &str = "a future is not polled after it has answered";
