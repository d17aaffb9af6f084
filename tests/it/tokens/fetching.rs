//! Whom a token can make the app ask: its issuer and nobody else (A15, A16, A26 to A28).

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

use crate::support::fake_fetch::FakeFetch;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, segment};

const JWKS_URL: &str = "https://issuer.example.com/keys";

/// A stack that finds the keys of `ISSUER` by this client.
fn asking(published: &FakeFetch) -> ProtectedApp {
    let auth = JwtAuth::builder().issuer(Issuer::jwks(ISSUER, JWKS_URL)).audience(AUDIENCE).fetch(published.clone());
    ProtectedApp::behind(auth.build().unwrap())
}

/// An honest token of this issuer, which goes by the name of `ISSUER`.
fn honest(issuer: &TestIssuer) -> portcullis::testing::TokenBuilder {
    issuer.token("ann").claim("iss", ISSUER).audience(AUDIENCE)
}

fn first_key(issuer: &TestIssuer) -> Value {
    let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    set["keys"][0].clone()
}

#[tokio::test]
async fn t_bcp_09_a15_a_url_in_the_header_is_not_asked_for_a_key() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let published = FakeFetch::at(JWKS_URL, issuer.jwks());
    let stack = asking(&published);
    assert!(stack.ask(&honest(&issuer).sign()).await.handled);
    for url in [attacker.jwks_url().as_str(), "https://issuer.example.com@evil.example/jwks"] {
        published.set(url, attacker.jwks());
        for name in ["jku", "x5u"] {
            let token = honest(&attacker).header(name, url).sign();
            stack.ask(&token).await.refused_token(TokenError::Signature);
        }
    }
    assert!(stack.ask(&honest(&issuer).header("jku", "https://evil.example").sign()).await.handled);
    assert_eq!(published.asked(), [JWKS_URL]);
    assert_eq!(attacker.fetches(), 0);
}

#[tokio::test]
async fn t_bcp_09_a16_a_key_in_the_header_is_not_used() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let stack = asking(&FakeFetch::at(JWKS_URL, issuer.jwks()));
    let own = first_key(&attacker);
    for token in
        [honest(&attacker).header("jwk", own.clone()), honest(&attacker).header("x5c", json!([segment([0; 64])]))]
    {
        stack.ask(&token.clone().sign()).await.refused_token(TokenError::Signature);
        assert!(!stack.ask(&token.clone().header("kid", "evil").sign()).await.handled);
        assert!(!stack.ask(&token.without_header("kid").sign()).await.handled);
    }
}

#[tokio::test]
async fn a26_nobody_is_asked_about_an_issuer_that_is_not_listed() {
    let attacker = TestIssuer::start().await.unwrap();
    let published = FakeFetch::default();
    let auth = JwtAuth::builder().issuer(Issuer::discover(ISSUER)).audience(AUDIENCE).fetch(published.clone());
    let stack = ProtectedApp::behind(auth.build().unwrap());
    for iss in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1",
        attacker.url(),
        "https://issuer.example.com.evil.example",
        "https://issuer.example.com@evil.example",
        "file:///etc/passwd",
    ] {
        let token = attacker.token("ann").claim("iss", iss).audience(AUDIENCE).sign();
        stack.ask(&token).await.refused_token(TokenError::Issuer);
    }
    assert_eq!(published.asked(), [""; 0]);
    assert_eq!(attacker.fetches(), 0);
}

#[tokio::test]
async fn a27_a_redirect_of_the_keys_is_not_followed_and_keys_at_hand_stay() {
    let (issuer, attacker) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let (jwks, elsewhere, count) = (issuer.jwks(), attacker.jwks_url(), Arc::clone(&asked));
    let answer = async move || match count.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(jwks),
        _ => Err(Redirect::temporary(&elsewhere)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let server = axum::serve(listener, Router::new().route("/keys", get(answer)));
    let server = tokio::spawn(async move { server.await.unwrap() });
    let auth = JwtAuth::builder().issuer(Issuer::jwks(ISSUER, url)).audience(AUDIENCE).build().unwrap();
    let stack = ProtectedApp::behind(auth);
    assert!(stack.ask(&honest(&issuer).sign()).await.handled);
    let of_attacker = stack.ask(&honest(&attacker).header("kid", "new").sign()).await;
    of_attacker.refused(StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(of_attacker.denial(), DenialKind::KeysUnavailable { .. }));
    assert!(stack.ask(&honest(&issuer).sign()).await.handled);
    assert_eq!((asked.load(Ordering::Relaxed), attacker.fetches()), (2, 0));
    server.abort();
}

#[tokio::test]
async fn a28_of_a_poisoned_set_just_the_keys_for_signatures_are_used() {
    let good = TestIssuer::start().await.unwrap();
    let bad = TestIssuer::start_with(Algorithm::Es384, Clock::system()).await.unwrap();
    for (name, member) in [
        ("d", json!("AAAA")),
        ("k", json!("AAAA")),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("kty", json!("oct")),
        ("alg", json!("HS256")),
    ] {
        let mut poisoned = first_key(&bad);
        poisoned[name] = member;
        poisoned["kid"] = "poisoned".into();
        let set = json!({"keys": [poisoned, 1, null, {}, first_key(&good)]}).to_string();
        let stack = asking(&FakeFetch::at(JWKS_URL, set));
        assert!(!stack.ask(&honest(&bad).header("kid", "poisoned").sign()).await.handled, "{name}");
        assert!(stack.ask(&honest(&good).sign()).await.handled, "{name}");
    }
}

#[tokio::test]
async fn a28_of_two_keys_of_one_name_the_first_counts() {
    let (good, evil) = (TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap());
    let set = json!({"keys": [first_key(&good), first_key(&evil)]}).to_string();
    let stack = asking(&FakeFetch::at(JWKS_URL, set));
    assert!(stack.ask(&honest(&good).sign()).await.handled);
    stack.ask(&honest(&evil).sign()).await.refused_token(TokenError::Signature);
}

#[tokio::test]
async fn a28_a_set_that_is_empty_huge_or_none_at_all_leaves_the_old_one_in_use() {
    let issuer = TestIssuer::start().await.unwrap();
    let many: Vec<Value> = (0..10_000).map(|n| json!({"kty": "oct", "kid": format!("k{n}"), "k": "AAAA"})).collect();
    for poison in [
        r#"{"keys":[]}"#.to_owned(),
        "<html><body>login</body></html>".to_owned(),
        "{}".to_owned(),
        json!({ "keys": many }).to_string(),
        format!("{{\"keys\":[{}],\"x\":\"{}\"}}", first_key(&issuer), "x".repeat(portcullis::jwt::MAX_BODY)),
    ] {
        let published = FakeFetch::at(JWKS_URL, issuer.jwks());
        let stack = asking(&published);
        assert!(stack.ask(&honest(&issuer).sign()).await.handled);
        published.set(JWKS_URL, poison);
        let unknown = stack.ask(&honest(&issuer).header("kid", "k1").sign()).await;
        unknown.refused(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(published.asked().len(), 2);
        assert!(stack.ask(&honest(&issuer).sign()).await.handled);
    }
}
