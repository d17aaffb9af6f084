//! A flood of well-formed keys that do not exist. `tests/budget.rs` measures its memory.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::task::Poll;

use axum::http::Response;
use tower::{Layer, Service, service_fn};

use super::*;

/// Sends this number of unknown keys, a thousand at a time, and a known key after each thousand.
async fn flood(keys: u32) {
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let known = fixture.create().await;
    assert_eq!(fixture.status(known.secret()).await, 200);
    // Without a router, which would take most of the time.
    let handler = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let mut service = fixture.keys.layer(handler);
    for thousand in 0..keys / 1_000 {
        let mut waiting = Vec::new();
        let mut rejected = 0;
        for number in 0..1_000 {
            let mut response = Box::pin(service.call(request(&unknown_key(thousand * 1_000 + number))));
            match poll_fn(|context| Poll::Ready(response.as_mut().poll(context))).await {
                Poll::Ready(response) => {
                    assert_eq!(response.unwrap().status(), 503);
                    rejected += 1;
                }
                Poll::Pending => waiting.push(response),
            }
        }
        assert_eq!((waiting.len(), rejected), (64, 936));
        for response in waiting {
            assert_eq!(response.await.unwrap().status(), 401);
        }
        assert_eq!(fixture.status(known.secret()).await, 200);
    }
    let thousands = keys as usize / 1_000;
    assert!(fixture.store.0.most_running.load(SeqCst) <= 64);
    assert_eq!(fixture.store.finds(), 64 * thousands + 1);
}

#[tokio::test]
async fn flood_of_unknown_keys_causes_bounded_lookups_and_known_keys_are_served() {
    flood(3_000).await;
}

#[tokio::test]
#[ignore = "takes a minute: run tests/run"]
async fn a_million_unknown_keys_cause_bounded_lookups() {
    flood(1_000_000).await;
}
