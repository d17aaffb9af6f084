//! A flood of well-formed keys that do not exist. `tests/budget.rs` measures its memory.

use futures_util::future::join_all;
use tower::ServiceExt;

use super::*;

/// Sends this number of unknown keys, a thousand at a time, and a known key after each thousand.
async fn flood(keys: u32) {
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let known = fixture.create().await;
    assert_eq!(fixture.status(known.secret()).await, 200);
    for thousand in 0..keys / 1_000 {
        let texts = (0..1_000).map(|number| unknown_key(thousand * 1_000 + number));
        let responses = texts.map(|text| fixture.app.clone().oneshot(request(&text)));
        for response in join_all(responses).await {
            assert!([401, 503].contains(&response.unwrap().status().as_u16()));
        }
        assert_eq!(fixture.status(known.secret()).await, 200);
    }
    let thousands = keys as usize / 1_000;
    assert!(fixture.store.0.most_running.load(SeqCst) <= 64);
    assert!((64 * thousands..=65 * thousands).contains(&fixture.store.finds()), "{}", fixture.store.finds());
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
