//! `EndingBody`: a body that ends when the credential of its request ends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use crate::context::Credential;
use crate::end_streams::ending::{CredentialEnded, Ending};
use crate::end_streams::grpc_end::{trailers, web_frame};
use crate::end_streams::how::How;
use crate::revocation::{Ended, Watch};

/// A body that ends when the credential of its request ends; from [`Ending::apply`].
#[pin_project]
pub struct EndingBody<B: Body> {
    #[pin]
    inner: B,
    watch: Watch,
    error: fn(CredentialEnded) -> B::Error,
    how: How,
    credential: Credential,
    is_ended: bool,
}

impl Ending {
    /// Wraps a body so that it ends. `error` creates the error with which a body is aborted.
    pub fn apply<B: Body<Data = Bytes>>(self, body: B, error: fn(CredentialEnded) -> B::Error) -> EndingBody<B> {
        let Self { watch, how, credential } = self;
        EndingBody { inner: body, watch, error, how, credential, is_ended: false }
    }
}

impl<B: Body<Data = Bytes>> Body for EndingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if *this.is_ended {
            return Poll::Ready(None);
        }
        // Returned as it is, because moving a frame costs as much as these checks.
        let polled = this.inner.poll_frame(context);
        let ended = match &polled {
            // What follows a data frame is read at the next poll, so its waker is not needed now.
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => match this.watch.check() {
                None => return polled,
                Some(ended) => ended,
            },
            // The handler has ended the response itself, with trailers, an error or neither.
            Poll::Ready(_) => return polled,
            Poll::Pending => match Pin::new(this.watch).poll(context) {
                Poll::Ready(ended) => ended,
                Poll::Pending => return Poll::Pending,
            },
        };
        *this.is_ended = true;
        Poll::Ready(last_frame(ended, *this.how, *this.credential, *this.error))
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended || self.inner.is_end_stream()
    }

    /// Returns at most an upper limit, because the body may end early.
    fn size_hint(&self) -> SizeHint {
        if self.is_ended {
            return SizeHint::with_exact(0);
        }
        let mut hint = SizeHint::new();
        let adds_data = matches!(self.how, How::WebTrailers | How::WebTextTrailers);
        if let (Some(upper), false) = (self.inner.size_hint().upper(), adds_data) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B: Body> fmt::Debug for EndingBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndingBody").field("how", &self.how).field("is_ended", &self.is_ended).finish_non_exhaustive()
    }
}

/// Returns how a body ends instead of its next frame.
#[cold]
fn last_frame<E>(
    ended: Ended,
    how: How,
    credential: Credential,
    error: fn(CredentialEnded) -> E,
) -> Option<Result<Frame<Bytes>, E>> {
    log(ended, credential);
    let trailers = || trailers(ended, credential);
    match how {
        How::Cleanly => None,
        How::Trailers => Some(Ok(Frame::trailers(trailers()))),
        How::WebTrailers => Some(Ok(Frame::data(web_frame(&trailers(), false)))),
        How::WebTextTrailers => Some(Ok(Frame::data(web_frame(&trailers(), true)))),
        How::Abort => Some(Err(error(CredentialEnded::new(ended)))),
    }
}

/// Logs that a response was ended. The name of the counter is a convention of tracing-opentelemetry.
fn log(ended: Ended, credential: Credential) {
    let reason = match ended {
        Ended::Expired => "expired",
        Ended::Revoked => "revoked",
    };
    tracing::debug!(
        monotonic_counter.stream_ended = 1_u64,
        reason,
        credential = credential.as_str(),
        "a stream was ended with its credential"
    );
}
