//! The frames of a body at its end, polled by hand.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::body::Body as _;

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
    let clock = FakeClock::new();
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
        clock.set_wall(std::time::SystemTime::now());
    }
}

#[tokio::test]
async fn trailers_of_the_handler_and_its_own_end_pass_after_the_end() {
    for has_trailers in [true, false] {
        let clock = FakeClock::new();
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
    let clock = FakeClock::new();
    let layer = EndStreams::new().end_downloads();
    let app = app("application/zip", Body::from(vec![0; 100_000]), layer).layer(auth(&clock).build().unwrap());
    let hint = send(app, &token("ann")).await.into_body().size_hint();
    assert_eq!((hint.lower(), hint.upper()), (0, Some(100_000)));
    let (_producer, body) = open(SSE, auth(&clock).build().unwrap(), EndStreams::new()).await;
    assert_eq!((body.size_hint().lower(), body.size_hint().upper(), body.is_end_stream()), (0, None, false));
}
