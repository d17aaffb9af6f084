//! `EndStreamsService`: the tower service, and its layer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body::Body;
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::{Realm, UserContext, Visitor};
use crate::end_streams::endable_body::EndableBody;
use crate::end_streams::ending::Ending;
use crate::end_streams::how::{self, How};
use crate::end_streams::layer::EndStreams;
use crate::field::header_map::insert_if_absent;
use crate::gate::{BodyFromBytes, Denial, DenialKind, Reply};

impl<S> Layer<S> for EndStreams {
    type Service = EndStreamsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EndStreamsService { settings: self.clone(), inner }
    }
}

impl EndStreams {
    /// Lets the response end with the credential, if the response may outlive it.
    #[cold]
    fn end<B: Body + EndableBody>(&self, response: Response<B>, user: &UserContext) -> Response<B> {
        let size = response.body().size_hint().exact();
        let Some(how) = How::of(response.headers(), size.is_some(), self.ends_downloads) else { return response };
        let watch = match &self.revocations {
            Some(revocations) => user.ended_by(revocations),
            None => user.ended(),
        };
        let mut response = response.map(|body| body.end_with(Ending::new(watch, how, user)));
        // The client must know that the body is longer than what it has received, if it is.
        if let Some(size) = size {
            insert_if_absent(response.headers_mut(), &CONTENT_LENGTH, || size.into());
        }
        response
    }
}

/// Whether a body is complete: it has a size, and with `ends_downloads` no large one.
#[inline]
fn is_complete(body: &impl Body, ends_downloads: bool) -> bool {
    body.size_hint().exact().is_some_and(|size| !ends_downloads || size <= LARGEST_COMPLETE)
}

/// The tower service of [`EndStreams`].
#[derive(Clone)]
pub struct EndStreamsService<S> {
    settings: EndStreams,
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for EndStreamsService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body + BodyFromBytes + EndableBody,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = EndStreamsFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Some(visitor) = request.extensions().get::<Visitor>() else {
            let denial = Denial::new(DenialKind::auth_layer_missing("EndStreams"), Realm::default());
            let reply = Reply::denial(&request.into_parts().0, denial);
            return EndStreamsFuture { state: State::Rejected { reply: Some(reply) } };
        };
        // Only a user whose credential may end is cloned.
        let may_end = |user: &&UserContext| self.settings.revocations.is_some() || user.may_end();
        let user = visitor.user().filter(|_| how::has_body(request.method())).filter(may_end);
        let ending = user.map(|user| (self.settings.clone(), user.clone()));
        EndStreamsFuture { state: State::Admitted { response: self.inner.call(request), ending } }
    }
}

impl<S> fmt::Debug for EndStreamsService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndStreamsService").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The future of an [`EndStreamsService`].
#[must_use = "futures do nothing unless polled"]
#[pin_project]
pub struct EndStreamsFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProj)]
enum State<F> {
    /// The inner service is running.
    Admitted {
        #[pin]
        response: F,
        /// With the user whose credential the response must not outlive.
        ending: Option<(EndStreams, UserContext)>,
    },
    /// No layer has authenticated. The inner service was not called.
    Rejected { reply: Option<Reply> },
}

impl<F, B, E> Future for EndStreamsFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + BodyFromBytes + EndableBody,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Admitted { response, ending } => {
                // Returned as it is unless it is ended, because moving a response costs more than these checks.
                let polled = response.poll(context);
                let Poll::Ready(Ok(response)) = &polled else { return polled };
                let Some((settings, user)) = ending else { return polled };
                if is_complete(response.body(), settings.ends_downloads) || !how::may_have_body(response.status()) {
                    return polled;
                }
                polled.map_ok(|response| settings.end(response, user))
            }
            StateProj::Rejected { reply } => {
                Poll::Ready(Ok(reply.take().expect(POLLED_AFTER_COMPLETION).into_response()))
            }
        }
    }
}

impl<F> fmt::Debug for EndStreamsFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndStreamsFuture").finish_non_exhaustive()
    }
}

// Only a server that breaks the contract of `Future` can cause this panic, never a request.
const POLLED_AFTER_COMPLETION: &str = "`EndStreamsFuture` polled after completion";

/// The size up to which a body of a known size is complete. The buffers of a connection hold this much.
const LARGEST_COMPLETE: u64 = 64 * 1024;
