//! The frames of a body at its end, polled by hand.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{Either, Full};
use hyper::body::Body as _;
use portcullis::UserContext;
use portcullis::end_streams::EndableBody;
use portcullis::gate::BodyFromBytes;
use portcullis::testing::as_user;
use tower::{ServiceBuilder, service_fn};

use super::*;

const SSE: &str = "text/event-stream";

/// Polls a body once. Returns the text of a data frame, or an empty text for other frames.
fn poll(body: &mut Body) -> Poll<Option<String>> {
    let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
    frame.map(|frame| {
        let data = frame?.unwrap().into_data().unwrap_or_default();
        Some(String::from_utf8(data.to_vec()).unwrap())
    })
}

fn text(text: &str) -> Poll<Option<String>> {
    Poll::Ready(Some(text.to_owned()))
}

#[tokio::test]
async fn a_frame_that_is_ready_after_the_end_is_not_sent() {
    let clock = clock();
    let revocations = revocations(&clock);
    let auth = auth(&clock).revocations(&revocations).build().unwrap();
    for ends_by_revocation in [false, true] {
        let (producer, mut body) = open(SSE, auth.clone(), EndStreams::new()).await;
        producer.send("one");
        assert_eq!(poll(&mut body), text("one"));
        assert_eq!(poll(&mut body), Poll::Pending);
        producer.send("two");
        if ends_by_revocation {
            let subject = portcullis::revocation::Revocation::subject(ISSUER, "ann");
            revocations.revoke_by(subject).await.unwrap();
        } else {
            clock.advance(LIFETIME + LEEWAY);
        }
        assert_eq!(poll(&mut body), Poll::Ready(None));
        assert_eq!(poll(&mut body), Poll::Ready(None), "polled again");
        assert!(body.is_end_stream() && body.size_hint().exact() == Some(0));
        clock.set_wall(*START);
    }
}

#[tokio::test]
async fn trailers_of_the_handler_and_its_own_end_pass_after_the_end() {
    for has_trailers in [true, false] {
        let clock = clock();
        let (producer, mut body) = open("application/grpc", auth(&clock).build().unwrap(), EndStreams::new()).await;
        clock.advance(LIFETIME + LEEWAY);
        let own = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        if has_trailers {
            producer.send_trailers(own.clone());
        }
        drop(producer);
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            trailers = frame.unwrap().into_trailers().ok();
        }
        assert_eq!(trailers, has_trailers.then_some(own));
    }
}

#[tokio::test]
async fn the_size_hint_promises_no_size_that_may_not_be_sent() {
    let clock = clock();
    let layer = EndStreams::new().end_downloads();
    let app = app("application/zip", Body::from(vec![0; 100_000]), layer).layer(auth(&clock).build().unwrap());
    let hint = send(app, &token("ann")).await.into_body().size_hint();
    assert_eq!((hint.lower(), hint.upper()), (0, Some(100_000)));
    let (_producer, body) = open(SSE, auth(&clock).build().unwrap(), EndStreams::new()).await;
    assert_eq!((body.size_hint().lower(), body.size_hint().upper(), body.is_end_stream()), (0, None, false));
}

/// A body that waits forever, and has this type of error.
fn endless<E>() -> impl hyper::body::Body<Data = Bytes, Error = E> + Send + Sync + 'static
where
    E: Send + Sync + 'static,
{
    StreamBody::new(stream::pending::<Result<Frame<Bytes>, E>>())
}

/// Asserts that a body of hyper or tonic ends, if it is that of a user whose credential has expired.
async fn assert_is_ended<B>(body: B)
where
    B: hyper::body::Body<Data = Bytes> + BodyFromBytes + EndableBody + Unpin + Send + 'static,
{
    let body = Mutex::new(Some(body));
    let handler = service_fn(|_: Request<Body>| {
        let body = body.lock().unwrap().take().unwrap();
        let response = Response::builder().header("content-type", SSE).body(body).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let ann = UserContext::new("ann").with_expires_at(std::time::UNIX_EPOCH);
    let service = ServiceBuilder::new().layer(as_user(ann)).layer(EndStreams::new()).service(handler);
    let mut response = service.oneshot(Request::new(Body::empty())).await.unwrap();
    assert!(timeout(SOON, response.body_mut().frame()).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn bodies_of_hyper_axum_and_tonic_end() {
    assert_is_ended(BoxBody::<_, io::Error>::new(endless())).await;
    assert_is_ended(UnsyncBoxBody::<_, Box<dyn Error + Send + Sync>>::new(endless())).await;
    assert_is_ended(Either::<BoxBody<_, io::Error>, Full<Bytes>>::Left(BoxBody::new(endless()))).await;
    assert_is_ended(Box::new(Body::new(endless::<io::Error>()))).await;
    assert_is_ended(tonic::body::Body::new(endless::<tonic::Status>())).await;
}
