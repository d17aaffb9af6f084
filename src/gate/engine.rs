//! `Gate`, the decision about a request, and `Gated`, the one service that runs every gate.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderName, Request, Response, request};
use pin_project::pin_project;
use tower_service::Service;

use crate::gate::body::BodyFromBytes;
use crate::gate::decision::Deciding;
use crate::gate::entry::Entry;
use crate::gate::reply::Reply;
use crate::gate::response_headers::ResponseHeaders;

/// Decides whether to admit a request, from its head: method, URI, headers and extensions, but not the body.
///
/// Every layer of this crate is a gate. The [module](crate::gate) shows a custom one.
///
/// A server clones a gate together with its service, often per request. Keep the gate's fields behind one `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    note = "a gate is a layer of this crate, or a type that implements `portcullis::gate::Gate`",
    note = "if `{Self}` is a builder or a `Result`, the call of `.build()?` or the `?` is missing"
)]
pub trait Gate: Clone + Send + Sync + 'static {
    /// The data that [`enter`](Gate::enter) passes to [`leave`](Gate::leave). It is dropped if the inner service fails.
    type Pass: Send + 'static;

    /// Decides whether the request reaches the inner service, which sees all changes to the head.
    ///
    /// Use the head's extensions to pass values to inner layers and handlers, and the pass for what
    /// [`leave`](Self::leave) needs.
    ///
    /// ```
    /// use http::{Response, StatusCode, request};
    /// use portcullis::gate::{Entry, Gate, Reply};
    ///
    /// #[derive(Clone, Debug, PartialEq)]
    /// struct Tenant(String);
    ///
    /// #[derive(Clone)]
    /// struct RequireTenant;
    ///
    /// impl Gate for RequireTenant {
    ///     type Pass = ();
    ///
    ///     fn enter(&self, head: &mut request::Parts) -> Entry<()> {
    ///         let header = head.headers.get("x-tenant");
    ///         let Some(name) = header.and_then(|name| name.to_str().ok()) else {
    ///             let mut response = Response::new("x-tenant is missing");
    ///             *response.status_mut() = StatusCode::BAD_REQUEST;
    ///             return Entry::Refuse(Reply::new(response));
    ///         };
    ///         let tenant = Tenant(name.to_owned());
    ///         head.extensions.insert(tenant);
    ///         Entry::Admit(())
    ///     }
    /// }
    /// # let request = http::Request::builder().header("x-tenant", "acme").body(()).unwrap();
    /// # let mut head = request.into_parts().0;
    /// # assert!(matches!(RequireTenant.enter(&mut head), Entry::Admit(())));
    /// # assert_eq!(head.extensions.get(), Some(&Tenant("acme".to_owned())));
    /// # head.headers.clear();
    /// # assert!(matches!(RequireTenant.enter(&mut head), Entry::Refuse(_)));
    /// ```
    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass>;

    /// Adds to the response of the inner service (default: nothing). The engine calls it only for admitted requests,
    /// and not if the inner service returns an error.
    ///
    /// ```
    /// use std::time::Instant;
    /// use http::{HeaderName, Response, request};
    /// use portcullis::gate::{Entry, Gate, ResponseHeaders};
    ///
    /// const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
    ///
    /// #[derive(Clone)]
    /// struct Timing;
    ///
    /// impl Gate for Timing {
    ///     type Pass = Instant;
    ///
    ///     fn enter(&self, _: &mut request::Parts) -> Entry<Instant> {
    ///         Entry::Admit(Instant::now())
    ///     }
    ///
    ///     fn leave<B>(&self, started: Instant, response: &mut Response<B>) {
    ///         let value = format!("app;dur={}", started.elapsed().as_millis());
    ///         if let Ok(value) = value.try_into() {
    ///             response.headers_mut().insert(SERVER_TIMING, value);
    ///         }
    ///     }
    ///
    ///     fn response_headers(&self) -> ResponseHeaders {
    ///         ResponseHeaders::only([SERVER_TIMING])
    ///     }
    /// }
    /// # let mut response = Response::new(());
    /// # Timing.leave(Instant::now(), &mut response);
    /// # assert!(response.headers().contains_key("server-timing"));
    /// ```
    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        let _ = (pass, response);
    }

    /// Returns the response headers that [`leave`](Gate::leave) may read, write or remove (default: any). A gate that
    /// changes the status returns [`ResponseHeaders::any`].
    ///
    /// A [`Stack`](crate::Stack) writes the headers of [`SecurityHeaders`](crate::SecurityHeaders) first, which is
    /// cheaper, if none of its other gates declares one of those headers. If a gate writes a header that it does not
    /// declare, its value may replace the one of `SecurityHeaders`, even one that is set to override.
    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::any()
    }

    /// Returns the request headers in which the gate reads a credential, besides `Authorization` and `Cookie` (default:
    /// none).
    ///
    /// A [`Stack`](crate::Stack) marks them as [sensitive](http::HeaderValue::set_sensitive) on
    /// [open routes](crate::stack::StackBuilder::open), where the gate does not run.
    fn credential_headers(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// Removes request headers that only a trusted proxy may send, such as those with a client certificate (default:
    /// none).
    ///
    /// A gate that reads such headers calls it in [`enter`](Self::enter). A [`Stack`](crate::Stack) calls it on [open
    /// routes](crate::stack::StackBuilder::open), and an [`AnyOf`](crate::AnyOf) before it selects the gate that decides,
    /// so that no handler takes the headers of a client for those of the proxy.
    fn remove_untrusted(&self, head: &mut request::Parts) {
        let _ = head;
    }
}

/// A tower service that runs a [`Gate`] before and after its inner service.
#[derive(Clone)]
pub struct Gated<G, S> {
    gate: G,
    inner: S,
}

impl<G, S> Gated<G, S> {
    /// Wraps `inner`. The layer that [`layer`](crate::gate::layer()) returns calls it, and so does a gate that
    /// implements [`Layer`](tower_layer::Layer) itself:
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use http::request;
    /// use portcullis::gate::{Entry, Gate, Gated};
    /// use tower::Layer;
    ///
    /// #[derive(Clone)]
    /// struct AdmitAll;
    ///
    /// impl Gate for AdmitAll {
    ///     type Pass = ();
    ///
    ///     fn enter(&self, _: &mut request::Parts) -> Entry<()> {
    ///         Entry::Admit(())
    ///     }
    /// }
    ///
    /// impl<S> Layer<S> for AdmitAll {
    ///     type Service = Gated<Self, S>;
    ///
    ///     fn layer(&self, inner: S) -> Self::Service {
    ///         Gated::new(self.clone(), inner)
    ///     }
    /// }
    ///
    /// let app: Router =
    ///     Router::new().route("/", get(|| async {})).layer(AdmitAll);
    /// # let request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
    /// # let response = tower::ServiceExt::oneshot(app, request);
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # assert_eq!(runtime.block_on(response).unwrap().status(), 200);
    /// ```
    pub fn new(gate: G, inner: S) -> Self {
        Self { gate, inner }
    }

    /// Returns the inner service.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change it.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Removes the gate and returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
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
    type Future = GatedFuture<G, S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // A gate never sees the body. It is kept here and put back together with the head.
        let (mut head, body) = request.into_parts();
        let state = match self.gate.enter(&mut head) {
            Entry::Admit(pass) => State::Admitted {
                response: self.inner.call(Request::from_parts(head, body)),
                leave: Some((self.gate.clone(), pass)),
            },
            Entry::Refuse(reply) => State::Rejected { reply: Some(reply) },
            Entry::Wait(decision) => {
                // Only the instance that was polled ready may be called: it may hold a permit. A clone replaces it.
                let not_ready = self.inner.clone();
                let ready = mem::replace(&mut self.inner, not_ready);
                State::Waiting { decision: decision.start(head), call: Some((self.gate.clone(), ready, body)) }
            }
        };
        GatedFuture { state }
    }
}

/// The future of a [`Gated`] service, for requests with the body `B`.
#[must_use = "futures do nothing unless polled"]
#[pin_project]
pub struct GatedFuture<G, S, B>
where
    G: Gate,
    S: Service<Request<B>>,
{
    #[pin]
    state: State<G, G::Pass, S, B, S::Future>,
}

#[pin_project(project = StateProj)]
enum State<G, P, S, B, F> {
    /// The inner service is running.
    Admitted {
        #[pin]
        response: F,
        leave: Option<(G, P)>,
    },
    /// The gate is deciding. The rest of the call is kept until then: the gate, the inner service that was polled
    /// ready, and the body.
    Waiting {
        #[pin]
        decision: Deciding<P>,
        call: Option<(G, S, B)>,
    },
    /// The request is rejected. The inner service was not called.
    Rejected { reply: Option<Reply> },
}

impl<G, S, ReqBody, ResBody> Future for GatedFuture<G, S, ReqBody>
where
    G: Gate,
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: BodyFromBytes,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        // Each pass returns or moves to the next state, so there are at most two: from `Waiting` to one of the others.
        loop {
            let next = match state.as_mut().project() {
                StateProj::Admitted { response, leave } => {
                    let mut response = ready!(response.poll(cx))?;
                    if let Some((gate, pass)) = leave.take() {
                        gate.leave(pass, &mut response);
                    }
                    return Poll::Ready(Ok(response));
                }
                StateProj::Waiting { decision, call } => {
                    let decision = ready!(decision.poll(cx));
                    let (gate, mut inner, body) = call.take().expect(POLLED_AFTER_COMPLETION);
                    match decision {
                        Ok((head, pass)) => State::Admitted {
                            response: inner.call(Request::from_parts(head, body)),
                            leave: Some((gate, pass)),
                        },
                        Err(reply) => State::Rejected { reply: Some(reply) },
                    }
                }
                StateProj::Rejected { reply } => {
                    let reply = reply.take().expect(POLLED_AFTER_COMPLETION);
                    return Poll::Ready(Ok(reply.into_response()));
                }
            };
            // Drops the finished decision before the next future is polled.
            state.set(next);
        }
    }
}

impl<G, S, B> fmt::Debug for GatedFuture<G, S, B>
where
    G: Gate,
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedFuture").finish_non_exhaustive()
    }
}

// Only a server that breaks the contract of `Future` can cause this panic, never a request.
const POLLED_AFTER_COMPLETION: &str = "`GatedFuture` polled after completion";
