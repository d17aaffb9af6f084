//! Several issuers: keys belong to their issuer, and only a listed issuer causes a fetch.

use axum::http::{Response, StatusCode};
use portcullis::{Issuer, JwtAuth};

use super::{Fixture, JwtApp, run_background_tasks};
use crate::support::fake_network::{FakeNetwork, empty_response, key_set_of, published_jwks};

/// Two issuers whose keys have the same `kid`, an app that trusts both, and the network of both.
async fn issuers_with_same_kid() -> (Fixture, Fixture, JwtApp, FakeNetwork) {
    let (a, b) = (Fixture::new().await, Fixture::new().await);
    let key_set_with_kid = |fixture: &Fixture| {
        let mut key = published_jwks(&fixture.issuer).remove(0);
        key["kid"] = "same".into();
        key_set_of(&[key])
    };
    let (keys_of_a, keys_of_b, url_of_a) = (key_set_with_kid(&a), key_set_with_kid(&b), a.issuer.jwks_url());
    let network = a.network.clone();
    network.respond_with(move |url| Response::new(if url == url_of_a { keys_of_a.clone() } else { keys_of_b.clone() }));
    let builder = JwtAuth::builder().add_issuer(a.jwks_issuer()).add_issuer(b.jwks_issuer()).audience("api");
    let app = JwtApp::new(builder.http_client(network.clone()));
    assert!(app.auth.prefetch_keys().await);
    (a, b, app, network)
}

#[tokio::test]
async fn two_issuers_with_the_same_kid_each_use_their_own_key() {
    let (a, b, app, _) = issuers_with_same_kid().await;
    for fixture in [&a, &b] {
        assert_eq!(app.status_for(&fixture.token_with_kid("same")).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn key_of_one_issuer_does_not_verify_tokens_of_another_with_the_same_kid() {
    let (a, b, app, network) = issuers_with_same_kid().await;
    let calls_before = network.request_count();
    for (signer, claimed) in [(&a, &b), (&b, &a)] {
        let token = signer.issuer.token("eve").audience("api").header("kid", "same");
        let token = token.claim("iss", claimed.issuer.url()).sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(network.request_count(), calls_before);
    assert_eq!(app.handler_calls(), 0);
}

#[tokio::test]
async fn unknown_kid_causes_a_fetch_from_the_issuer_of_the_token_only() {
    let (a, b, app, network) = issuers_with_same_kid().await;
    assert_eq!(app.status_for(&b.token_with_kid("new")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(network.requested_urls()[2..], [b.issuer.jwks_url()]);
    assert_eq!(app.status_for(&a.token_with_kid("new")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        network.requested_urls()[3..],
        [a.issuer.jwks_url()],
        "the limit of one fetch per 30 seconds is per issuer"
    );
}

#[tokio::test]
async fn outage_of_one_issuer_does_not_affect_another() {
    let (a, b) = (Fixture::new().await, Fixture::new().await);
    let (keys_of_a, url_of_a) = (a.issuer.jwks(), a.issuer.jwks_url());
    a.network.respond_with(move |url| {
        if url == url_of_a { Response::new(keys_of_a.clone().into_bytes()) } else { empty_response(500) }
    });
    let builder = JwtAuth::builder().add_issuer(a.jwks_issuer()).add_issuer(b.jwks_issuer()).audience("api");
    let app = JwtApp::new(builder.http_client(a.network.clone()));
    assert_eq!(app.status_for(&b.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status_for(&a.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn token_of_an_unlisted_issuer_causes_no_io() {
    let fixture = Fixture::new().await;
    let app = JwtApp::new(fixture.builder(Issuer::discover(fixture.issuer.url())));
    for iss in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1",
        "http://localhost",
        "https://evil.example",
        "file:///etc/passwd",
        "https://evil.example/?iss=https://api.example",
        "x",
    ] {
        let token = fixture.issuer.token("eve").audience("api").claim("iss", iss).sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED, "{iss}");
    }
    let without_iss = fixture.issuer.token("eve").audience("api").without_claim("iss").sign();
    assert_eq!(app.status_for(&without_iss).await, StatusCode::UNAUTHORIZED);
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 0);
}

#[tokio::test]
async fn issuers_are_compared_byte_for_byte() {
    let fixture = Fixture::new().await;
    for (configured, similar) in [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example", "https://A.example"),
        ("https://a.example", "https://a.example:443"),
        ("https://a.example", "http://a.example"),
        ("https://a.example", " https://a.example"),
        ("https://a.example/t", "https://a.example/%74"),
        ("https://a.example", "https://a.example.evil.example"),
    ] {
        let app = JwtApp::new(fixture.builder(Issuer::jwks(configured, fixture.issuer.jwks_url())));
        let token_of = |iss: &str| fixture.issuer.token("ann").audience("api").claim("iss", iss).sign();
        let calls_before = fixture.network.request_count();
        assert_eq!(app.status_for(&token_of(similar)).await, StatusCode::UNAUTHORIZED, "{configured} {similar}");
        assert_eq!(fixture.network.request_count(), calls_before);
        assert_eq!(app.status_for(&token_of(configured)).await, StatusCode::OK, "{configured}");
    }
}
