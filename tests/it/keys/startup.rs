//! Startup: apps without keys, `is_ready` and `prefetch_keys`.

use axum::http::{Response, StatusCode};
use portcullis::{Issuer, JwtAuth};

use super::{Fixture, JwtApp, run_background_tasks};
use crate::support::fake_network::FakeNetwork;

#[tokio::test]
async fn app_starts_while_the_issuer_is_down_and_responds_503_until_keys_arrive() {
    let fixture = Fixture::new().await;
    fixture.network.go_down();
    let app = fixture.app();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.handler_calls(), 0);
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(1.2);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn retry_after_is_the_time_until_the_next_fetch() {
    let fixture = Fixture::new().await;
    fixture.network.go_down();
    let app = fixture.app();
    for _ in 0..7 {
        fixture.advance(70.0);
        app.send_token(&fixture.valid_token()).await;
    }
    let response = app.send_token(&fixture.valid_token()).await;
    let wait: f64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let calls_before = fixture.network.request_count();
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(wait - 1.0 - 0.001);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.network.request_count(), calls_before);
    fixture.advance(1.0 + 0.001);
    assert_eq!(
        app.status_for(&fixture.valid_token()).await,
        StatusCode::OK,
        "a request after that time is not too early"
    );
}

#[tokio::test]
async fn nothing_is_fetched_before_the_first_request() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 0);
    assert!(!app.auth.is_ready());
}

#[tokio::test]
async fn first_request_waits_for_the_keys() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn is_ready_requires_the_keys_of_every_issuer() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    let network = FakeNetwork::serving_keys_of(&one.issuer);
    let (keys_of_one, keys_of_other) = (one.issuer.jwks(), other.issuer.jwks());
    let url_of_other = other.issuer.jwks_url();
    network.respond_with(move |url| {
        let key_set = if url == url_of_other { &keys_of_other } else { &keys_of_one };
        Response::new(key_set.clone().into_bytes())
    });
    let auth = JwtAuth::builder().add_issuer(one.jwks_issuer()).add_issuer(other.jwks_issuer()).audience("api");
    let app = JwtApp::new(auth.http_client(network));
    assert_eq!(app.status_for(&one.valid_token()).await, StatusCode::OK);
    assert!(!app.auth.is_ready(), "the other issuer's keys were not fetched");
    assert_eq!(app.status_for(&other.valid_token()).await, StatusCode::OK);
    assert!(app.auth.is_ready());
}

#[tokio::test]
async fn is_ready_starts_no_fetch() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    assert!(!app.auth.is_ready());
    run_background_tasks().await;
    assert!(!app.auth.is_ready());
    assert_eq!(fixture.network.request_count(), 0);
}

#[tokio::test]
async fn prefetch_keys_respects_the_back_off() {
    let fixture = Fixture::new().await;
    fixture.network.go_down();
    let app = fixture.app();
    for _ in 0..100 {
        assert!(!app.auth.prefetch_keys().await);
        run_background_tasks().await;
    }
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn app_with_static_keys_is_ready_at_once() {
    let issuer = Issuer::hs256("https://issuer.example", [7; 32]);
    let auth = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap();
    assert!(auth.is_ready() && auth.prefetch_keys().await);
}

#[tokio::test]
async fn prefetch_keys_fetches_missing_keys_once_per_issuer() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    let builder = JwtAuth::builder().add_issuer(one.jwks_issuer()).add_issuer(other.jwks_issuer()).audience("api");
    let app = JwtApp::new(builder.http_client(one.network.clone()).clock(one.clock.clock()));
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(one.network.requested_urls(), [one.issuer.jwks_url(), other.issuer.jwks_url()]);
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(one.network.request_count(), 2, "no keys are missing");
}

#[tokio::test]
async fn prefetch_keys_returns_false_during_an_outage_and_true_afterwards() {
    let fixture = Fixture::new().await;
    fixture.network.go_down();
    let app = fixture.app();
    assert!(!app.auth.prefetch_keys().await);
    assert!(!app.auth.is_ready());
    assert!(!app.auth.prefetch_keys().await, "the back-off prevents a fetch");
    assert_eq!(fixture.network.request_count(), 1);
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(1.2);
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn prefetch_keys_shares_the_fetch_of_a_request() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.hold_responses();
    let request = app.spawn_request(fixture.valid_token());
    run_background_tasks().await;
    let auth = app.auth.clone();
    let prefetched = tokio::spawn(async move { auth.prefetch_keys().await });
    run_background_tasks().await;
    fixture.network.release_responses();
    assert!(prefetched.await.unwrap());
    assert_eq!(request.await.unwrap(), StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 1);
}
