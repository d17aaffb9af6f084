//! Event streams and others that have no end: when they end, and that nothing else does.

use std::future::ready;
use std::time::SystemTime;

use axum::http::{Method, StatusCode};
use hyper::body::Body as _;
use portcullis::api_key::MemoryKeys;
use portcullis::revocation::Revocation;
use portcullis::testing::as_user;
use portcullis::{AnyOf, ApiKeyAuth, Stack, UserContext};
use tower::{ServiceBuilder, service_fn};

use super::*;
use crate::support::log_capture::LogCapture;

/// Another gate, which does not decide about requests with a token.
fn keys() -> ApiKeyAuth {
    ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap()
}

const SSE: &str = "text/event-stream";

#[tokio::test(start_paused = true)]
async fn a_stream_ends_cleanly_within_a_second_after_the_expiry_and_the_leeway() {
    for media_type in [
        SSE,
        "text/event-stream; charset=utf-8",
        "application/x-ndjson",
        "application/json-seq",
        "multipart/x-mixed-replace; boundary=frame",
    ] {
        let clock = clock();
        let (producer, body) = open(media_type, auth(&clock).build().unwrap(), EndStreams::new()).await;
        producer.send("one ");
        let mut task = receive(body);
        clock.advance(LIFETIME);
        producer.send("two");
        assert_open(&mut task).await;
        // Times of tokens are in whole seconds.
        clock.advance(LEEWAY - Duration::from_secs(1));
        assert_open(&mut task).await;
        clock.advance(Duration::from_secs(1));
        assert_eq!(ends(task).await, clean("one two"), "{media_type}");
        drop(producer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_within_a_second_of_each_kind_of_revocation() {
    for revocation in
        [Revocation::token(ISSUER, "of ann"), Revocation::subject(ISSUER, "ann"), Revocation::issuer(ISSUER)]
    {
        let clock = clock();
        let revocations = revocations(&clock);
        let auth = auth(&clock).revocations(&revocations).build().unwrap();
        let (producer, body) = open(SSE, auth, EndStreams::new()).await;
        producer.send("one");
        let mut task = receive(body);
        assert_open(&mut task).await;
        revocations.revoke_by(Revocation::subject(ISSUER, "bob")).await.unwrap();
        assert_open(&mut task).await;
        revocations.revoke_by(revocation).await.unwrap();
        assert_eq!(ends(task).await, clean("one"));
        producer.send("too late");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_any_gate_and_in_any_of_and_a_stack_ends() {
    for kind in 0..3 {
        let clock = clock();
        let auth = auth(&clock).build().unwrap();
        let (_producer, body) = Producer::new();
        let app = app(SSE, body, EndStreams::new());
        let app = match kind {
            0 => app.layer(auth),
            1 => app.layer(AnyOf::new((auth, keys())).unwrap()),
            _ => app.layer(Stack::builder().authenticate(auth).build().unwrap()),
        };
        let task = receive(send(app, &token("ann")).await.into_body());
        clock.advance(LIFETIME + LEEWAY);
        assert_eq!(ends(task).await, clean(""));
    }
    // A custom gate: its users expire by the system's clock.
    let (_producer, body) = Producer::new();
    let ann = UserContext::new("ann").with_expires_at(SystemTime::now());
    let app = app(SSE, body, EndStreams::new()).layer(as_user(ann));
    assert_eq!(ends(receive(send(app, "").await.into_body())).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_by_the_clock_of_the_layer_even_if_it_is_set_back() {
    let clock = clock();
    let wall = *START;
    let (_producer, body) = open(SSE, auth(&clock).build().unwrap(), EndStreams::new()).await;
    let mut task = receive(body);
    let hour = Duration::from_secs(3_600);
    // The stream continues for as long as the clock was set back.
    clock.set_wall(wall - hour);
    clock.advance(LIFETIME + LEEWAY);
    assert_open(&mut task).await;
    clock.advance(hour - Duration::from_secs(1));
    assert_open(&mut task).await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(ends(task).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_layer_has_authenticated_gets_500() {
    let clock = clock();
    let (_producer, body) = Producer::new();
    // In the wrong order.
    let app = plain_app(SSE, body).layer(auth(&clock).build().unwrap()).layer(EndStreams::new());
    let log = LogCapture::start();
    let request = Request::get("/").header("authorization", token("ann")).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(log.count("EndStreams"), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn responses_without_a_body_stay_as_they_are() {
    let clock = clock();
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 101), (Method::GET, 204), (Method::GET, 304)] {
        // A body that a handler should not have sent shows whether it was wrapped.
        let (producer, body) = Producer::new();
        let body = Arc::new(Mutex::new(Some(body)));
        let handler = service_fn(move |_: Request<Body>| {
            let body = body.lock().unwrap().take().unwrap();
            let response = Response::builder().status(status).header("content-type", SSE).body(body).unwrap();
            ready(Ok::<_, Infallible>(response))
        });
        let layers =
            ServiceBuilder::new().layer(auth(&clock).build().unwrap()).layer(EndStreams::new().end_downloads());
        let request = Request::builder().method(method).uri("/").header("authorization", token("ann"));
        let response = layers.service(handler).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        clock.advance(LIFETIME + LEEWAY);
        producer.send("as it is");
        drop(producer);
        assert_eq!(ends(receive(response.into_body())).await, clean("as it is"), "{status}");
        clock.set_wall(*START);
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_response_stays_as_it_is() {
    for size in [9, 100_000] {
        let clock = clock();
        let complete = app(SSE, Body::from("a".repeat(size)), EndStreams::new());
        let response = send(complete.layer(auth(&clock).build().unwrap()), &token("ann")).await;
        assert_eq!(response.body().size_hint().exact(), Some(size as u64));
        clock.advance(LIFETIME + LEEWAY);
        assert_eq!(ends(receive(response.into_body())).await, clean(&"a".repeat(size)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_ended_stream_logs_one_line_that_counts_it_and_has_no_secret() {
    let clock = clock();
    let revocations = revocations(&clock);
    let log = LogCapture::start();
    let auth = auth(&clock).revocations(&revocations).build().unwrap();
    let (_producer, body) = open(SSE, auth.clone(), EndStreams::new()).await;
    let task = receive(body);
    clock.advance(LIFETIME + LEEWAY);
    ends(task).await;
    clock.set_wall(*START);
    let (_producer, body) = open(SSE, auth, EndStreams::new()).await;
    let task = receive(body);
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    ends(task).await;
    let text = log.text();
    for reason in ["expired", "revoked"] {
        let line = format!("monotonic_counter.stream_ended=1 reason=\"{reason}\" credential=\"token\"");
        let lines: Vec<_> = text.lines().filter(|text| text.contains(&line)).collect();
        assert!(lines.len() == 1 && lines[0].contains("DEBUG"), "{text}");
    }
    assert!(!text.contains(token("ann").split('.').next_back().unwrap()), "{text}");
}
