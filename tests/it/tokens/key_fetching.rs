//! Which URLs a token can make the app fetch: only those of its configured issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use portcullis::clock::Clock;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth};
use serde_json::{Value, json};

use crate::support::fake_http_client::FakeHttpClient;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, base64url};

const JWKS_URL: &str = "https://issuer.example.com/keys";

/// An app that fetches the keys of `ISSUER` with this client.
fn app_with_fetch(fetch: &FakeHttpClient) -> ProtectedApp {
    let auth = JwtAuth::builder().issuer(Issuer::jwks(ISSUER, JWKS_URL)).audience(AUDIENCE).http_client(fetch.clone());
    ProtectedApp::behind(auth.build().unwrap())
}

/// A token that claims to be from `ISSUER`, signed by this issuer.
fn token_signed_by(issuer: &TestIssuer) -> portcullis::testing::TokenBuilder {
    issuer.token("ann").claim("iss", ISSUER).audience(AUDIENCE)
}

fn first_key(issuer: &TestIssuer) -> Value {
    let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    set["keys"][0].clone()
}

// RFC 8725 §3.10.
#[tokio::test]
async fn jku_and_x5u_are_never_fetched() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let fetch = FakeHttpClient::with_document(JWKS_URL, issuer.jwks());
    let app = app_with_fetch(&fetch);
    assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
    for url in [attacker.jwks_url().as_str(), "https://issuer.example.com@evil.example/jwks"] {
        fetch.publish(url, attacker.jwks());
        for name in ["jku", "x5u"] {
            let token = token_signed_by(&attacker).header(name, url).sign();
            app.send_token(&token).await.assert_invalid_token(TokenError::Signature);
        }
    }
    assert!(
        app.send_token(&token_signed_by(&issuer).header("jku", "https://evil.example").sign()).await.handler_called
    );
    assert_eq!(fetch.requested_urls(), [JWKS_URL]);
    assert_eq!(attacker.fetch_count(), 0);
}

// RFC 8725 §3.10.
#[tokio::test]
async fn embedded_jwk_and_x5c_are_ignored() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let app = app_with_fetch(&FakeHttpClient::with_document(JWKS_URL, issuer.jwks()));
    let attacker_key = first_key(&attacker);
    for token in [
        token_signed_by(&attacker).header("jwk", attacker_key.clone()),
        token_signed_by(&attacker).header("x5c", json!([base64url([0; 64])])),
    ] {
        app.send_token(&token.clone().sign()).await.assert_invalid_token(TokenError::Signature);
        assert!(!app.send_token(&token.clone().header("kid", "evil").sign()).await.handler_called);
        assert!(!app.send_token(&token.without_header("kid").sign()).await.handler_called);
    }
}

#[tokio::test]
async fn unlisted_issuer_causes_no_io() {
    let attacker = TestIssuer::start().await.unwrap();
    let fetch = FakeHttpClient::default();
    let auth = JwtAuth::builder().issuer(Issuer::discover(ISSUER)).audience(AUDIENCE).http_client(fetch.clone());
    let app = ProtectedApp::behind(auth.build().unwrap());
    for iss in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1",
        attacker.url(),
        "https://issuer.example.com.evil.example",
        "https://issuer.example.com@evil.example",
        "file:///etc/passwd",
    ] {
        let token = attacker.token("ann").claim("iss", iss).audience(AUDIENCE).sign();
        app.send_token(&token).await.assert_invalid_token(TokenError::Issuer);
    }
    assert_eq!(fetch.requested_urls(), [""; 0]);
    assert_eq!(attacker.fetch_count(), 0);
}

#[tokio::test]
async fn jwks_redirect_is_not_followed_and_the_keys_are_kept() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let fetch_count = Arc::new(AtomicUsize::new(0));
    let (jwks, redirect_target) = (issuer.jwks(), attacker.jwks_url());
    let counter = Arc::clone(&fetch_count);
    let key_handler = async move || match counter.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(jwks),
        _ => Err(Redirect::temporary(&redirect_target)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let server = axum::serve(listener, Router::new().route("/keys", get(key_handler)));
    let server = tokio::spawn(async move { server.await.unwrap() });
    let auth = JwtAuth::builder().issuer(Issuer::jwks(ISSUER, url)).audience(AUDIENCE).build().unwrap();
    let app = ProtectedApp::behind(auth);
    assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
    let forged = app.send_token(&token_signed_by(&attacker).header("kid", "new").sign()).await;
    forged.assert_rejected(StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(forged.denial(), DenialKind::KeysUnavailable { .. }));
    assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
    assert_eq!((fetch_count.load(Ordering::Relaxed), attacker.fetch_count()), (2, 0));
    server.abort();
}

#[tokio::test]
async fn only_signature_keys_of_a_poisoned_set_are_used() {
    let valid = TestIssuer::start().await.unwrap();
    let poisoner = TestIssuer::start_with(Algorithm::Es384, Clock::system()).await.unwrap();
    for (name, member) in [
        ("d", json!("AAAA")),
        ("k", json!("AAAA")),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("kty", json!("oct")),
        ("alg", json!("HS256")),
    ] {
        let mut poisoned = first_key(&poisoner);
        poisoned[name] = member;
        poisoned["kid"] = "poisoned".into();
        let set = json!({"keys": [poisoned, 1, null, {}, first_key(&valid)]}).to_string();
        let app = app_with_fetch(&FakeHttpClient::with_document(JWKS_URL, set));
        assert!(
            !app.send_token(&token_signed_by(&poisoner).header("kid", "poisoned").sign()).await.handler_called,
            "{name}"
        );
        assert!(app.send_token(&token_signed_by(&valid).sign()).await.handler_called, "{name}");
    }
}

#[tokio::test]
async fn first_of_two_keys_with_the_same_kid_is_used() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let set = json!({"keys": [first_key(&issuer), first_key(&attacker)]}).to_string();
    let app = app_with_fetch(&FakeHttpClient::with_document(JWKS_URL, set));
    assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
    app.send_token(&token_signed_by(&attacker).sign()).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn empty_oversized_or_invalid_set_keeps_the_old_keys() {
    let issuer = TestIssuer::start().await.unwrap();
    let many: Vec<Value> = (0..10_000).map(|n| json!({"kty": "oct", "kid": format!("k{n}"), "k": "AAAA"})).collect();
    for poison in [
        r#"{"keys":[]}"#.to_owned(),
        "<html><body>login</body></html>".to_owned(),
        "{}".to_owned(),
        json!({ "keys": many }).to_string(),
        format!("{{\"keys\":[{}],\"x\":\"{}\"}}", first_key(&issuer), "x".repeat(portcullis::jwt::MAX_BODY)),
    ] {
        let fetch = FakeHttpClient::with_document(JWKS_URL, issuer.jwks());
        let app = app_with_fetch(&fetch);
        assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
        fetch.publish(JWKS_URL, poison);
        let unknown = app.send_token(&token_signed_by(&issuer).header("kid", "k1").sign()).await;
        unknown.assert_rejected(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(fetch.requested_urls().len(), 2);
        assert!(app.send_token(&token_signed_by(&issuer).sign()).await.handler_called);
    }
}
