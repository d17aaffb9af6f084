//! Attacks: streams, sockets and downloads that would outlive their credential, or look complete.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::State;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Sse, sse::Event};
use hyper::body::{Body as HttpBody, SizeHint};
use portcullis::UserContext;
use portcullis::revocation::Revocation;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::decompression::DecompressionLayer;

use super::connection::Connection;
use super::sockets::{UPGRADE, assert_is_closed, open_socket};
use super::*;
use crate::support::log_capture::LogCapture;

const SSE: &str = "text/event-stream";

/// An event stream with one event, which then waits forever.
async fn open_events() -> impl IntoResponse {
    let first = Ok::<_, Infallible>(Event::default().data("1"));
    Sse::new(futures_util::StreamExt::chain(stream::iter([first]), stream::pending()))
}

#[tokio::test]
async fn an_open_event_stream_and_an_open_websocket_do_not_outlive_the_token() {
    for revokes in [false, true] {
        let clock = clock();
        let revocations = revocations(&clock);
        let auth = auth(&clock).revocations(&revocations).build().unwrap();
        let app = Router::new().route("/events", any(open_events)).route("/socket", any(open_socket));
        let app = app.layer(EndStreams::new()).layer(auth);
        let mut events = Connection::open(app.clone(), "GET /events HTTP/1.1").await;
        events.read_until("data: 1\n\n\r\n").await;
        let mut socket = Connection::open(app, UPGRADE).await;
        socket.read_until("\r\n\r\n").await;
        if revokes {
            revocations.revoke_by(Revocation::token(ISSUER, "of ann")).await.unwrap();
        } else {
            clock.advance(LIFETIME + LEEWAY);
        }
        assert_eq!(events.read().await, *b"0\r\n\r\n");
        assert_is_closed(&mut socket).await;
    }
}

/// A body of a known size, which does not arrive as a whole.
struct Sized(Body, u64);

impl HttpBody for Sized {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.1)
    }
}

#[tokio::test]
async fn a_part_of_a_file_never_looks_complete() {
    // A stream too, and a gRPC call, if its size is known.
    for (media_type, size) in [
        ("application/zip", None),
        ("application/zip", Some(100_000)),
        (SSE, Some(100_000)),
        ("application/grpc-web", Some(100_000)),
    ] {
        let clock = clock();
        let (producer, body) = Producer::new();
        let body = match size {
            Some(size) => Body::new(Sized(body, size)),
            None => body,
        };
        let app = app(media_type, body, EndStreams::new().end_downloads()).layer(auth(&clock).build().unwrap());
        let mut client = Connection::open(app, "GET / HTTP/1.1\r\nConnection: close").await;
        producer.send("part");
        let head = client.read_until("\r\n\r\n").await.to_lowercase();
        match size {
            Some(size) => assert!(head.contains(&format!("content-length: {size}\r\n")), "{head}"),
            None => assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}"),
        }
        clock.advance(LIFETIME + LEEWAY);
        let rest = client.rest().await;
        assert!(!rest.ends_with("0\r\n\r\n") && rest.len() < 100, "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_survive_a_logout_and_that_of_the_next_login_runs_on() {
    for revocation in [Revocation::token(ISSUER, "of ann"), Revocation::subject(ISSUER, "ann")] {
        let clock = clock();
        let revocations = revocations(&clock);
        let auth = auth(&clock).revocations(&revocations).build().unwrap();
        let (_producer, body) = open(SSE, auth.clone(), EndStreams::new()).await;
        let mut old = receive(body);
        assert_open(&mut old).await;
        revocations.revoke_by(revocation).await.unwrap();

        // Times of tokens are in whole seconds.
        let next = token_issued_at("ann", "next", *START + Duration::from_secs(1));
        let (producer, body) = Producer::new();
        let app = app(SSE, body, EndStreams::new()).layer(auth);
        let mut new = receive(send(app, &next).await.into_body());
        assert_eq!(ends(old).await, clean(""));
        assert_open(&mut new).await;
        producer.send("of the next login");
        drop(producer);
        assert_eq!(ends(new).await, clean("of the next login"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_after_the_check_of_the_token_ends_a_stream_before_its_first_frame() {
    let clock = clock();
    let revocations = revocations(&clock);
    let auth = auth(&clock).revocations(&revocations).build().unwrap();
    // While the handler runs.
    let handler = async |State(revocations): State<Revocations>, user: UserContext| {
        revocations.revoke(&user).await.unwrap();
        open_events().await
    };
    let app = Router::new().route("/", any(handler)).layer(EndStreams::new()).layer(auth.clone());
    let response = send(app.with_state(revocations.clone()), &token("ann")).await;
    assert_eq!(ends(receive(response.into_body())).await, clean(""));

    // Between the response and the first poll of its body, with a frame that is ready.
    let (producer, body) = Producer::new();
    let response = send(self::app(SSE, body, EndStreams::new()).layer(auth), &token("bob")).await;
    producer.send("too late");
    revocations.revoke_by(Revocation::subject(ISSUER, "bob")).await.unwrap();
    assert_eq!(ends(receive(response.into_body())).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn all_streams_of_a_user_end_and_no_others() {
    let clock = clock();
    let revocations = revocations(&clock);
    let auth = auth(&clock).revocations(&revocations).build().unwrap();
    let mut streams = Vec::new();
    for number in 0..1_000 {
        let (producer, body) = Producer::new();
        let user = if number == 500 { "bob" } else { "ann" };
        let response = send(app(SSE, body, EndStreams::new()).layer(auth.clone()), &token(user)).await;
        streams.push((producer, receive(response.into_body())));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (_producer, mut of_bob) = streams.remove(500);
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    let all = async {
        for (_producer, task) in streams {
            assert_eq!(task.await.unwrap(), clean(""));
        }
    };
    timeout(SOON, all).await.expect("all streams end within a second");
    assert_open(&mut of_bob).await;
}

#[tokio::test]
async fn a_client_that_disconnects_ends_its_stream() {
    let clock = clock();
    let (producer, body) = Producer::new();
    let app = app(SSE, body, EndStreams::new()).layer(auth(&clock).build().unwrap());
    let mut client = Connection::open(app, "GET / HTTP/1.1").await;
    producer.send("one");
    client.read_until("one\r\n").await;
    let _server = client.disconnect();
    // The watch is part of the body, so it is dropped too.
    timeout(Duration::from_secs(30), producer.0.closed()).await.expect("the server drops the body");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_a_token_opens_within_its_leeway_ends_at_the_end_of_the_leeway() {
    let clock = clock();
    let auth = auth(&clock).build().unwrap();
    clock.advance(LIFETIME + LEEWAY / 2);
    let (_producer, body) = open(SSE, auth, EndStreams::new()).await;
    let mut task = receive(body);
    clock.advance(LEEWAY / 2 - Duration::from_secs(1));
    assert_open(&mut task).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(ends(task).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn two_layers_end_a_stream_as_one_does() {
    for media_type in [SSE, "application/grpc", "text/csv"] {
        let clock = clock();
        let log = LogCapture::start();
        let (_producer, body) = Producer::new();
        let app = app(media_type, body, EndStreams::new()).layer(EndStreams::new().end_downloads());
        let response = send(app.layer(auth(&clock).build().unwrap()), &token("ann")).await;
        let task = receive(response.into_body());
        clock.advance(LIFETIME + LEEWAY);
        let received = ends(task).await;
        assert_eq!(received.text, "");
        assert_eq!(
            (received.trailers.is_some(), received.error.is_some()),
            match media_type {
                SSE => (false, false),
                "text/csv" => (false, true),
                _ => (true, false),
            }
        );
        assert_eq!(log.count("monotonic_counter.stream_ended=1"), 1, "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_reports_an_error_ends_too() {
    let clock = clock();
    let (_producer, body) = Producer::new();
    let as_error = async |response: Response<Body>| (http::StatusCode::INTERNAL_SERVER_ERROR, response);
    let app = plain_app(SSE, body).layer(map_response(as_error)).layer(EndStreams::new());
    let request = Request::get("/").header("authorization", token("ann")).body(Body::empty()).unwrap();
    let response = app.layer(auth(&clock).build().unwrap()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let task = receive(response.into_body());
    clock.advance(LIFETIME + LEEWAY);
    assert_eq!(ends(task).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_has_a_clean_end_if_the_compression_is_the_outer_layer_and_is_aborted_otherwise() {
    for is_outer in [true, false] {
        let clock = clock();
        let (producer, body) = Producer::new();
        let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(0));
        let app = plain_app("application/x-ndjson", body);
        let app = if is_outer { app } else { app.layer(compression.clone()) };
        let app = app.layer(EndStreams::new()).layer(auth(&clock).build().unwrap());
        let app = if is_outer { app.layer(compression) } else { app };
        let client = ServiceBuilder::new().layer(DecompressionLayer::new()).service(app);
        let request = Request::get("/").header("authorization", token("ann")).body(Body::empty()).unwrap();
        let response = client.oneshot(request).await.unwrap();
        producer.send("{\"price\":4.2}\n");
        let mut task = receive(Body::new(response.into_body()));
        assert_open(&mut task).await;
        clock.advance(LIFETIME + LEEWAY);
        let received = ends(task).await;
        if is_outer {
            assert_eq!(received, clean("{\"price\":4.2}\n"));
        } else {
            assert!(received.error.is_some(), "{received:?}");
        }
    }
}
