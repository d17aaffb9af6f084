//! Several issuers: whose key is whose, and who is asked at all.

use axum::http::{Response, StatusCode};
use portcullis::{Issuer, JwtAuth};

use super::network::{Network, jwks, set_of};
use super::{App, World, settle};
use crate::support::log_capture::LogCapture;

/// Two issuers whose keys have the same `kid`, an app that trusts both, and the network of both.
async fn same_kid() -> (World, World, App, Network) {
    let (a, b) = (World::new().await, World::new().await);
    let named = |world: &World| {
        let mut key = jwks(&world.issuer).remove(0);
        key["kid"] = "same".into();
        set_of(&[key])
    };
    let (of_a, of_b, url_of_a) = (named(&a), named(&b), a.issuer.jwks_url());
    let network = a.network.clone();
    network.answers(move |url| Response::new(if url == url_of_a { of_a.clone() } else { of_b.clone() }));
    let builder = JwtAuth::builder().add_issuer(a.trusted()).add_issuer(b.trusted()).audience("api");
    let app = App::new(builder.fetch(network.clone()));
    assert!(app.auth.prefetch_keys().await);
    (a, b, app, network)
}

#[tokio::test]
async fn keys_of_one_kid_at_two_issuers_each_serve_their_own() {
    let (a, b, app, _) = same_kid().await;
    for world in [&a, &b] {
        assert_eq!(app.status(&world.of_kid("same")).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_key_of_one_issuer_makes_no_token_of_another_with_the_same_kid() {
    let (a, b, app, network) = same_kid().await;
    let calls = network.calls();
    for (signer, claimed) in [(&a, &b), (&b, &a)] {
        let token = signer.issuer.token("eve").audience("api").header("kid", "same");
        let token = token.claim("iss", claimed.issuer.url()).sign();
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(network.calls(), calls);
    assert_eq!(app.handled(), 0);
}

#[tokio::test]
async fn an_unknown_kid_is_looked_for_at_the_issuer_of_the_token_alone() {
    let (a, b, app, network) = same_kid().await;
    assert_eq!(app.status(&b.of_kid("new")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(network.urls()[2..], [b.issuer.jwks_url()]);
    assert_eq!(app.status(&a.of_kid("new")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(network.urls()[3..], [a.issuer.jwks_url()], "each issuer has thirty seconds of its own");
}

#[tokio::test]
async fn an_issuer_that_is_down_does_not_touch_another() {
    let (a, b) = (World::new().await, World::new().await);
    let (set, url) = (a.issuer.jwks(), a.issuer.jwks_url());
    a.network.answers(
        move |asked| {
            if asked == url { Response::new(set.clone().into_bytes()) } else { super::network::status(500) }
        },
    );
    let builder = JwtAuth::builder().add_issuer(a.trusted()).add_issuer(b.trusted()).audience("api");
    let app = App::new(builder.fetch(a.network.clone()));
    assert_eq!(app.status(&b.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status(&a.good()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_of_an_unlisted_issuer_causes_no_io() {
    let world = World::new().await;
    let app = App::new(world.builder(Issuer::discover(world.issuer.url())));
    for iss in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1",
        "http://localhost",
        "https://evil.example",
        "file:///etc/passwd",
        "https://evil.example/?iss=https://api.example",
        "x",
    ] {
        let token = world.issuer.token("eve").audience("api").claim("iss", iss).sign();
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED, "{iss}");
    }
    let none = world.issuer.token("eve").audience("api").without_claim("iss").sign();
    assert_eq!(app.status(&none).await, StatusCode::UNAUTHORIZED);
    settle().await;
    assert_eq!(world.network.calls(), 0);
}

#[tokio::test]
async fn issuers_are_compared_byte_for_byte() {
    let world = World::new().await;
    for (configured, near) in [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example", "https://A.example"),
        ("https://a.example", "https://a.example:443"),
        ("https://a.example", "http://a.example"),
        ("https://a.example", " https://a.example"),
        ("https://a.example/t", "https://a.example/%74"),
        ("https://a.example", "https://a.example.evil.example"),
    ] {
        let app = App::new(world.builder(Issuer::jwks(configured, world.issuer.jwks_url())));
        let of = |iss: &str| world.issuer.token("ann").audience("api").claim("iss", iss).sign();
        let calls = world.network.calls();
        assert_eq!(app.status(&of(near)).await, StatusCode::UNAUTHORIZED, "{configured} {near}");
        assert_eq!(world.network.calls(), calls);
        assert_eq!(app.status(&of(configured)).await, StatusCode::OK, "{configured}");
    }
}

#[tokio::test]
async fn the_log_hints_at_the_mistakes_made_most_with_an_issuer() {
    let world = World::new().await;
    let app = world.app();
    let log = LogCapture::start();
    let issuer = world.issuer.url();
    let with_slash = world.issuer.token("ann").audience("api").claim("iss", format!("{issuer}/"));
    let untyped = world.issuer.token("ann").audience("api").header("typ", "JWT");
    let for_another = world.issuer.token("ann").audience("other-secret-name");
    for (token, hint) in [
        (with_slash, "differs from this issuer by the slash at its end"),
        (untyped, "where this issuer sends typ JWT, set Profile::Compatible"),
        (for_another, "audience is none that is set for this issuer"),
    ] {
        assert_eq!(app.status(&token.sign()).await, StatusCode::UNAUTHORIZED);
        assert_eq!(log.count(hint), 1, "{}", log.text());
    }
    assert_eq!(log.text().matches(issuer).count(), 3, "each names the issuer as configured");
    assert!(!log.text().contains("other-secret-name"));
}
