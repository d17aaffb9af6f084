//! What an issuer publishes: keys that cannot be used beside good ones, and keys that say little of themselves.

use axum::http::StatusCode;
use portcullis::Algorithm;
use serde_json::{Value, json};

use super::network::{jwks, set_of};
use super::{App, World};
use crate::support::log_capture::LogCapture;

/// Keys that must not be used, each named `secret-kid`.
fn bad(good: &Value) -> Vec<Value> {
    let mut encrypting = good.clone();
    encrypting["use"] = "enc".into();
    let mut wrapping = good.clone();
    wrapping["key_ops"] = json!(["wrapKey"]);
    let mut private = good.clone();
    private["d"] = "AAAA".into();
    let mut keys = vec![
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "RSA", "alg": "RS256", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}),
        encrypting,
        wrapping,
        private,
    ];
    keys.iter_mut().for_each(|key| key["kid"] = "secret-kid".into());
    keys
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_skipped_and_the_others_are_used() {
    let world = World::new().await;
    let good = jwks(&world.issuer).remove(0);
    for bad in bad(&good) {
        world.network.publishes(set_of(&[bad.clone(), good.clone()]));
        let app = world.app();
        assert_eq!(app.status(&world.good()).await, StatusCode::OK, "{bad}");
        assert_eq!(app.status(&world.of_kid("secret-kid")).await, StatusCode::UNAUTHORIZED, "{bad}");
    }
}

#[tokio::test]
async fn a_skipped_key_is_logged_in_one_line_without_its_kid() {
    let world = World::new().await;
    let good = jwks(&world.issuer).remove(0);
    let mut keys = bad(&good);
    let skipped = keys.len();
    keys.push(good);
    world.network.publishes(set_of(&keys));
    let log = LogCapture::start();
    let app = world.warm_app().await;
    world.advance(31.0);
    assert_eq!(app.status(&world.of_kid("secret-kid")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 2);
    assert_eq!(log.count("a published key is not used"), skipped, "once a key, not once a fetch: {}", log.text());
    assert!(!log.text().contains("secret-kid"), "{}", log.text());
}

#[tokio::test]
async fn a_set_of_which_no_key_can_be_used_says_why_in_the_log() {
    let world = World::new().await;
    world.network.publishes(set_of(&bad(&jwks(&world.issuer)[0])[1..2]));
    let log = LogCapture::start();
    assert_eq!(world.app().status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("its modulus has not 2048 to 8192 bits"), 1, "{}", log.text());
}

#[tokio::test]
async fn a_token_of_a_published_shared_secret_is_refused() {
    let world = World::new().await;
    let good = jwks(&world.issuer).remove(0);
    world.network.publishes(set_of(&[json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"}), good]));
    let app = world.warm_app().await;
    let token = world.issuer.token("eve").audience("api").header("alg", "HS256").header("kid", "s").sign();
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a_key_without_alg_serves_the_algorithm_that_type_and_allow_list_settle() {
    for (algorithm, allowed) in [
        (Algorithm::Es256, None),
        (Algorithm::EdDsa, None),
        (Algorithm::Rs256, None),
        (Algorithm::Ps256, Some([Algorithm::Ps256])),
    ] {
        let world = World::with(algorithm).await;
        let mut key = jwks(&world.issuer).remove(0);
        key.as_object_mut().unwrap().remove("alg");
        world.network.publishes(set_of(&[key]));
        let issuer = match allowed {
            Some(allowed) => world.trusted().algorithms(allowed),
            None => world.trusted(),
        };
        let app = App::new(world.builder(issuer));
        assert_eq!(app.status(&world.good()).await, StatusCode::OK, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_key_never_serves_two_algorithms() {
    let world = World::with(Algorithm::Ps256).await;
    let mut key = jwks(&world.issuer).remove(0);
    for alg in [None, Some("RS256")] {
        match alg {
            None => key.as_object_mut().unwrap().remove("alg"),
            Some(alg) => key.as_object_mut().unwrap().insert("alg".to_owned(), alg.into()),
        };
        world.network.publishes(set_of(std::slice::from_ref(&key)));
        let app = world.warm_app().await;
        let calls = world.network.calls();
        assert_eq!(app.status(&world.good()).await, StatusCode::UNAUTHORIZED, "the key is one for RS256: {alg:?}");
        assert_eq!(world.network.calls(), calls, "{alg:?}");
    }
}

#[tokio::test]
async fn a_key_for_an_algorithm_off_the_allow_list_is_not_used() {
    let world = World::new().await;
    let app = App::new(world.builder(world.trusted().algorithms([Algorithm::EdDsa])));
    assert!(!app.auth.prefetch_keys().await);
    assert_eq!(app.status(&world.good()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_without_kid_serves_tokens_with_and_without_one() {
    let world = World::new().await;
    let mut key = jwks(&world.issuer).remove(0);
    key.as_object_mut().unwrap().remove("kid");
    world.network.publishes(set_of(&[key]));
    let app = world.warm_app().await;
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    let token = world.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status(&token).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a_token_without_kid_is_tried_on_the_keys_at_hand() {
    let world = World::new().await;
    world.issuer.rotate();
    let app = world.warm_app().await;
    let token = world.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status(&token).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a_token_without_kid_of_a_new_key_is_accepted_on_its_first_use() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.issuer.rotate();
    let token = world.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status(&token).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test]
async fn no_more_than_64_keys_are_read() {
    let world = World::new().await;
    let good = jwks(&world.issuer).remove(0);
    for (before, expected) in
        [(63, StatusCode::OK), (64, StatusCode::SERVICE_UNAVAILABLE), (9_999, StatusCode::SERVICE_UNAVAILABLE)]
    {
        let mut keys = vec![json!({}); before];
        keys.push(good.clone());
        world.network.publishes(set_of(&keys));
        assert_eq!(world.app().status(&world.good()).await, expected, "{before} before it");
    }
}

#[tokio::test]
async fn of_two_keys_of_one_kid_the_first_counts() {
    let world = World::new().await;
    let honest = jwks(&world.issuer).remove(0);
    let other = World::new().await;
    let mut second = jwks(&other.issuer).remove(0);
    second["kid"] = honest["kid"].clone();
    world.network.publishes(set_of(&[honest.clone(), second]));
    let app = world.warm_app().await;
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    let forged = other.issuer.token("eve").audience("api").claim("iss", world.issuer.url());
    let forged = forged.header("kid", honest["kid"].clone()).sign();
    assert_eq!(app.status(&forged).await, StatusCode::UNAUTHORIZED);
}
