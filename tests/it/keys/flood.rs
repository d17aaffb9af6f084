//! Many concurrent requests: floods of unknown `kid`s, and many requests that need the same fetch.

use axum::http::StatusCode;

use super::{Fixture, run_background_tasks};
use crate::support::tokens::base64url;

#[tokio::test(start_paused = true)]
async fn ten_thousand_random_kids_cause_one_fetch_and_valid_tokens_are_admitted_meanwhile() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let valid_token = fixture.valid_token();
    let template = fixture.token_with_kid("unknown");
    let (_, payload_and_signature) = template.split_once('.').unwrap();
    fixture.network.hold_responses();
    let mut flood = Vec::new();
    for n in 0..10_000 {
        // Multiplication by an odd constant gives distinct kids that look random.
        let kid = u64::wrapping_mul(n, 0x9e37_79b9_7f4a_7c15);
        flood.push(app.spawn_request(format!("{}.{payload_and_signature}", header(&format!("{kid:x}")))));
        if n % 500 == 0 {
            run_background_tasks().await;
            assert_eq!(app.status_for(&valid_token).await, StatusCode::OK, "the fetch is in flight");
        }
    }
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 2, "the first fetch, and one for all unknown kids");
    fixture.network.release_responses();
    for request in flood {
        assert_eq!(request.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.status_for(&valid_token).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 2);
    assert_eq!(app.handler_calls(), 21);
}

#[tokio::test]
async fn random_kids_over_ten_seconds_cause_one_fetch() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let template = fixture.token_with_kid("unknown");
    let (_, payload_and_signature) = template.split_once('.').unwrap();
    for n in 0..1_000 {
        let token = format!("{}.{payload_and_signature}", header(&format!("k{n}")));
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
        fixture.advance(0.01);
    }
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_without_keys_share_one_fetch() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.hold_responses();
    let requests: Vec<_> = (0..500).map(|_| app.spawn_request(fixture.valid_token())).collect();
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 1);
    fixture.network.release_responses();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn concurrent_requests_with_too_old_keys_share_one_fetch_per_back_off() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.go_down();
    fixture.advance(3.0 * 86_400.0);
    let requests: Vec<_> = (0..500).map(|_| app.spawn_request(fixture.valid_token())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(fixture.network.request_count(), 2);
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(1.2);
    let requests: Vec<_> = (0..500).map(|_| app.spawn_request(fixture.valid_token())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.network.request_count(), 3);
}

#[tokio::test]
async fn concurrent_requests_with_stale_keys_share_one_refresh() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.advance(700.0);
    let requests: Vec<_> = (0..500).map(|_| app.spawn_request(fixture.valid_token())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test]
async fn outage_during_a_rotation_rejects_only_tokens_of_the_new_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let old_token = fixture.long_lived_token();
    fixture.issuer.rotate();
    fixture.network.go_down();
    assert_eq!(
        app.status_for(&fixture.valid_token()).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "the new key cannot be fetched"
    );
    assert_eq!(app.status_for(&old_token).await, StatusCode::OK);
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(31.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(app.status_for(&old_token).await, StatusCode::OK);
}

/// The encoded header of a token with this `kid`.
fn header(kid: &str) -> String {
    base64url(format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#))
}
