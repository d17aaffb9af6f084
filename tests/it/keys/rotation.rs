//! Key rotation while the app runs.

use axum::http::StatusCode;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth};

use super::{Fixture, JwtApp, run_background_tasks};
use crate::support::blocking_clock::BlockingClock;
use crate::support::fake_network::FakeNetwork;

#[tokio::test]
async fn new_key_is_accepted_on_its_first_use() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.issuer.rotate();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test]
async fn old_key_is_accepted_while_the_issuer_publishes_it() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let old_token = fixture.long_lived_token();
    fixture.issuer.rotate();
    for _ in 0..3 {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
        assert_eq!(app.status_for(&old_token).await, StatusCode::OK);
        run_background_tasks().await;
        fixture.advance(700.0);
    }
    assert!(fixture.network.request_count() > 2);
}

#[tokio::test]
async fn withdrawn_key_is_rejected_after_a_refresh() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let old_token = fixture.long_lived_token();
    fixture.issuer.rotate();
    fixture.issuer.withdraw_old_keys();
    assert_eq!(app.status_for(&old_token).await, StatusCode::OK, "the cached keys are not stale yet");
    fixture.advance(661.0);
    assert_eq!(
        app.status_for(&old_token).await,
        StatusCode::OK,
        "the stale keys are used once more and refreshed in the background"
    );
    run_background_tasks().await;
    assert_eq!(app.status_for(&old_token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn withdrawn_key_is_rejected_after_a_fetch_for_a_new_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let old_token = fixture.long_lived_token();
    fixture.issuer.rotate();
    fixture.issuer.withdraw_old_keys();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(app.status_for(&old_token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn new_key_is_accepted_while_an_older_fetch_is_in_flight() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.advance(661.0);
    fixture.network.hold_responses();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 2, "the refresh, whose response is held back");
    fixture.issuer.rotate();
    let requests: Vec<_> = (0..5).map(|_| app.spawn_request(fixture.valid_token())).collect();
    run_background_tasks().await;
    fixture.network.release_responses();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.network.request_count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_key_that_arrives_between_two_lookups_of_a_request_is_found() {
    let issuer = TestIssuer::start().await.unwrap();
    let network = FakeNetwork::serving_keys_of(&issuer);
    let clock = BlockingClock::new();
    let trusted = Issuer::jwks(issuer.url(), issuer.jwks_url());
    let builder = JwtAuth::builder().issuer(trusted).audience("api").http_client(network.clone()).clock(clock.clock());
    let app = JwtApp::new(builder);
    assert!(app.auth.prefetch_keys().await);
    issuer.rotate();
    let token = issuer.token("ann").audience("api").sign();
    // A request reads the clock twice: when it looks the key up, and before it starts a fetch.
    clock.block_at_reading(2);
    let slow = app.spawn_request(token.clone());
    clock.wait_until_blocked();
    assert_eq!(app.send_token(&token).await.status(), StatusCode::OK);
    clock.resume();
    assert_eq!(slow.await.unwrap(), StatusCode::OK, "the first lookup missed the key, the second finds it");
    assert_eq!(network.request_count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundred_rotations_under_concurrent_requests_reject_no_valid_token() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    for rotation in 0..100 {
        fixture.issuer.rotate();
        fixture.issuer.withdraw_old_keys();
        fixture.advance(31.0);
        let without_kid = fixture.issuer.token("ann").audience("api").without_header("kid").sign();
        let tokens = [fixture.valid_token(), without_kid];
        let requests: Vec<_> = (0..32).map(|n| app.spawn_request(tokens[n % 2].clone())).collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), StatusCode::OK, "rotation {rotation}");
        }
    }
}
