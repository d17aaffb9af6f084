//! Bodies that have an end: they run to it, or are aborted so that no part looks complete.

use axum::http::header::CONTENT_LENGTH;
use axum::middleware::map_response;
use hyper::body::Body as _;

use super::connection::Connection;
use super::*;

#[tokio::test(start_paused = true)]
async fn another_body_runs_to_its_end() {
    let clock = clock();
    let (producer, body) = open("text/csv", auth(&clock).build().unwrap(), EndStreams::new()).await;
    producer.send("one,");
    let mut task = receive(body);
    clock.advance(LIFETIME + LEEWAY);
    assert_open(&mut task).await;
    producer.send("two");
    drop(producer);
    assert_eq!(ends(task).await, clean("one,two"));
}

#[tokio::test(start_paused = true)]
async fn with_end_downloads_another_body_is_aborted_with_an_error() {
    let clock = clock();
    let layer = EndStreams::new().end_downloads();
    let (producer, body) = open("text/csv", auth(&clock).build().unwrap(), layer).await;
    producer.send("one,");
    let mut task = receive(body);
    assert_open(&mut task).await;
    clock.advance(LIFETIME + LEEWAY);
    let error = Some("the credential of the request has expired".to_owned());
    assert_eq!(ends(task).await, Received { text: "one,".into(), error, ..Received::default() });
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_length_was_promised_is_aborted_too() {
    let clock = clock();
    let (producer, body) = Producer::new();
    let add_length = |mut response: axum::response::Response| async {
        response.headers_mut().insert(CONTENT_LENGTH, 100.into());
        response
    };
    let app = plain_app("text/event-stream", body).layer(map_response(add_length)).layer(EndStreams::new());
    producer.send("data: 1\n\n");
    let task = receive(send(app.layer(auth(&clock).build().unwrap()), &token("ann")).await.into_body());
    tokio::time::sleep(Duration::from_millis(1)).await;
    clock.advance(LIFETIME + LEEWAY);
    assert!(ends(task).await.error.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_large_body_of_a_known_size_keeps_its_length_and_is_aborted() {
    let clock = clock();
    let open = async |size: usize, layer: EndStreams| {
        let app = app("application/zip", Body::from(vec![b'a'; size]), layer).layer(auth(&clock).build().unwrap());
        send(app, &token("ann")).await
    };
    let downloads = || EndStreams::new().end_downloads();
    let large = open(64 * 1024 + 1, downloads()).await;
    assert_eq!(large.headers()[CONTENT_LENGTH], "65537");
    let small = open(64 * 1024, downloads()).await;
    assert_eq!(small.body().size_hint().exact(), Some(64 * 1024));
    let without = open(64 * 1024 + 1, EndStreams::new()).await;
    clock.advance(LIFETIME + LEEWAY);
    assert!(ends(receive(large.into_body())).await.error.is_some());
    for complete in [small, without] {
        assert_eq!(ends(receive(complete.into_body())).await.error, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_with_as_many_headers_as_possible_is_aborted_too() {
    let clock = clock();
    let fill = |mut response: axum::response::Response| async {
        for number in 0.. {
            let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
            if response.headers_mut().try_insert(name, 0.into()).is_err() {
                break;
            }
        }
        response
    };
    let app = plain_app("application/zip", Body::from(vec![b'a'; 64 * 1024 + 1]));
    let app = app.layer(map_response(fill)).layer(EndStreams::new().end_downloads());
    let response = send(app.layer(auth(&clock).build().unwrap()), &token("ann")).await;
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    clock.advance(LIFETIME + LEEWAY);
    assert!(ends(receive(response.into_body())).await.error.is_some());
}

#[tokio::test]
async fn over_http_1_an_aborted_download_has_no_last_chunk_and_a_stream_has_one() {
    for (media_type, is_complete) in [("text/csv", false), ("text/event-stream", true)] {
        let clock = clock();
        let (producer, body) = Producer::new();
        let app = app(media_type, body, EndStreams::new().end_downloads()).layer(auth(&clock).build().unwrap());
        let mut client = Connection::open(app, "GET / HTTP/1.1\r\nConnection: close").await;
        producer.send("one");
        client.read_until("one\r\n").await;
        clock.advance(LIFETIME + LEEWAY);
        assert_eq!(client.rest().await, if is_complete { "0\r\n\r\n" } else { "" });
    }
}

#[tokio::test]
async fn over_http_1_0_a_stream_ends_with_its_connection() {
    let clock = clock();
    let (producer, body) = Producer::new();
    let app = app("text/event-stream", body, EndStreams::new()).layer(auth(&clock).build().unwrap());
    let mut client = Connection::open(app, "GET / HTTP/1.0").await;
    producer.send("data: 1\n\n");
    client.read_until("data: 1\n\n").await;
    clock.advance(LIFETIME + LEEWAY);
    producer.send("too late");
    assert_eq!(client.rest().await, "");
}
