//! Published key sets: unusable keys beside usable ones, and keys without `alg` or `kid`.

use axum::http::StatusCode;
use portcullis::Algorithm;
use serde_json::{Value, json};

use super::{Fixture, JwtApp};
use crate::support::fake_network::{key_set_of, published_jwks};
use crate::support::log_capture::LogCapture;

/// Unusable keys, each with the `kid` `secret-kid`; some are made from this usable one.
fn unusable_keys(usable: &Value) -> Vec<Value> {
    let mut encrypting = usable.clone();
    encrypting["use"] = "enc".into();
    let mut wrapping = usable.clone();
    wrapping["key_ops"] = json!(["wrapKey"]);
    let mut private = usable.clone();
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
async fn unusable_key_is_skipped_and_the_others_are_used() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    for unusable in unusable_keys(&usable) {
        fixture.network.serve_key_set(key_set_of(&[unusable.clone(), usable.clone()]));
        let app = fixture.app();
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK, "{unusable}");
        assert_eq!(app.status_for(&fixture.token_with_kid("secret-kid")).await, StatusCode::UNAUTHORIZED, "{unusable}");
    }
}

#[tokio::test]
async fn skipped_key_is_logged_once_without_its_kid() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    let mut keys = unusable_keys(&usable);
    let skipped = keys.len();
    keys.push(usable);
    fixture.network.serve_key_set(key_set_of(&keys));
    let log = LogCapture::start();
    let app = fixture.app_with_keys().await;
    fixture.advance(31.0);
    assert_eq!(app.status_for(&fixture.token_with_kid("secret-kid")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 2);
    assert_eq!(
        log.count("skipped a key of the issuer's JWK Set"),
        skipped,
        "one line per key, not per fetch: {}",
        log.text()
    );
    assert!(!log.text().contains("secret-kid"), "{}", log.text());
}

#[tokio::test]
async fn key_set_without_usable_key_is_logged_with_the_reason() {
    let fixture = Fixture::new().await;
    fixture.network.serve_key_set(key_set_of(&unusable_keys(&published_jwks(&fixture.issuer)[0])[1..2]));
    let log = LogCapture::start();
    assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("its modulus does not have 2048 to 8192 bits"), 1, "{}", log.text());
}

#[tokio::test]
async fn token_that_names_a_published_oct_key_is_rejected() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    fixture
        .network
        .serve_key_set(key_set_of(&[json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"}), usable]));
    let app = fixture.app_with_keys().await;
    let token = fixture.issuer.token("eve").audience("api").header("alg", "HS256").header("kid", "s").sign();
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn key_without_alg_uses_the_algorithm_given_by_its_type_and_the_allow_list() {
    for (algorithm, allowed) in [
        (Algorithm::Es256, None),
        (Algorithm::EdDsa, None),
        (Algorithm::Rs256, None),
        (Algorithm::Ps256, Some([Algorithm::Ps256])),
    ] {
        let fixture = Fixture::with_algorithm(algorithm).await;
        let mut key = published_jwks(&fixture.issuer).remove(0);
        key.as_object_mut().unwrap().remove("alg");
        fixture.network.serve_key_set(key_set_of(&[key]));
        let issuer = match allowed {
            Some(allowed) => fixture.jwks_issuer().algorithms(allowed),
            None => fixture.jwks_issuer(),
        };
        let app = JwtApp::new(fixture.builder(issuer));
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK, "{algorithm:?}");
    }
}

#[tokio::test]
async fn key_is_never_used_with_two_algorithms() {
    let fixture = Fixture::with_algorithm(Algorithm::Ps256).await;
    let mut key = published_jwks(&fixture.issuer).remove(0);
    for alg in [None, Some("RS256")] {
        match alg {
            None => key.as_object_mut().unwrap().remove("alg"),
            Some(alg) => key.as_object_mut().unwrap().insert("alg".to_owned(), alg.into()),
        };
        fixture.network.serve_key_set(key_set_of(std::slice::from_ref(&key)));
        let app = fixture.app_with_keys().await;
        let calls = fixture.network.request_count();
        assert_eq!(
            app.status_for(&fixture.valid_token()).await,
            StatusCode::UNAUTHORIZED,
            "the key is for RS256: {alg:?}"
        );
        assert_eq!(fixture.network.request_count(), calls, "{alg:?}");
    }
}

#[tokio::test]
async fn key_for_an_algorithm_off_the_allow_list_is_not_used() {
    let fixture = Fixture::new().await;
    let app = JwtApp::new(fixture.builder(fixture.jwks_issuer().algorithms([Algorithm::EdDsa])));
    assert!(!app.auth.prefetch_keys().await);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn key_without_kid_verifies_tokens_with_and_without_kid() {
    let fixture = Fixture::new().await;
    let mut key = published_jwks(&fixture.issuer).remove(0);
    key.as_object_mut().unwrap().remove("kid");
    fixture.network.serve_key_set(key_set_of(&[key]));
    let app = fixture.app_with_keys().await;
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    let token = fixture.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn token_without_kid_is_verified_with_the_cached_keys() {
    let fixture = Fixture::new().await;
    fixture.issuer.rotate();
    let app = fixture.app_with_keys().await;
    let token = fixture.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn token_without_kid_signed_by_a_new_key_is_accepted_on_its_first_use() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.issuer.rotate();
    let token = fixture.issuer.token("ann").audience("api").without_header("kid").sign();
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test]
async fn key_with_the_configured_use_is_used() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    // The form of a SPIFFE trust bundle: a certificate of the trust domain, then the key of its JWT-SVIDs.
    let authority = json!({"kty": "EC", "use": "x509-svid", "crv": "P-256", "x": "AA", "y": "AA", "x5c": ["AA"]});
    let bundle = key_set_of(&[authority, with_member(&usable, "use", json!("jwt-svid"))]);
    fixture.network.serve_key_set(bundle);
    let spiffe = JwtApp::new(fixture.builder(fixture.jwks_issuer().key_use("jwt-svid")));
    assert_eq!(spiffe.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn key_after_many_others_is_found() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    let mut keys: Vec<Value> =
        (0..1_000).map(|number| with_member(&usable, "kid", json!(number.to_string()))).collect();
    keys.push(usable);
    fixture.network.serve_key_set(key_set_of(&keys));
    let log = LogCapture::start();
    assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(log.count("skipped"), 0, "{}", log.text());
}

#[tokio::test]
async fn at_most_1024_keys_are_read_and_the_log_has_their_number() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    for (keys_before, expected) in [(1_023, StatusCode::OK), (1_024, StatusCode::SERVICE_UNAVAILABLE)] {
        let mut keys = vec![json!({}); keys_before];
        keys.push(usable.clone());
        fixture.network.serve_key_set(key_set_of(&keys));
        let log = LogCapture::start();
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, expected, "{keys_before} unusable keys");
        let is_cut = expected != StatusCode::OK;
        assert_eq!(log.count("the set has 1025 keys, and only the first 1024 are read") > 0, is_cut, "{}", log.text());
        assert!(log.count("skipped a key") < 20, "{}", log.text());
    }
}

#[tokio::test]
async fn null_member_counts_as_absent() {
    let fixture = Fixture::new().await;
    let usable = published_jwks(&fixture.issuer).remove(0);
    for member in ["d", "p", "k", "oth", "use", "alg", "key_ops", "kid", "x5c", "n"] {
        fixture.network.serve_key_set(key_set_of(&[with_member(&usable, member, Value::Null)]));
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::OK, "{member}");
    }
    for value in [json!(""), json!(false), json!({})] {
        fixture.network.serve_key_set(key_set_of(&[with_member(&usable, "d", value)]));
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}

/// The key with this member added or replaced.
fn with_member(key: &Value, name: &str, value: Value) -> Value {
    let mut key = key.clone();
    key[name] = value;
    key
}

#[tokio::test]
async fn first_of_two_keys_with_the_same_kid_is_used() {
    let fixture = Fixture::new().await;
    let first = published_jwks(&fixture.issuer).remove(0);
    let other = Fixture::new().await;
    let mut second = published_jwks(&other.issuer).remove(0);
    second["kid"] = first["kid"].clone();
    fixture.network.serve_key_set(key_set_of(&[first.clone(), second]));
    let app = fixture.app_with_keys().await;
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    let forged = other.issuer.token("eve").audience("api").claim("iss", fixture.issuer.url());
    let forged = forged.header("kid", first["kid"].clone()).sign();
    assert_eq!(app.status_for(&forged).await, StatusCode::UNAUTHORIZED);
}
