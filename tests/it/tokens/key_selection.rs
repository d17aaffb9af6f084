//! Keys and algorithms: which key verifies which token (RFC 8725 §3.1, §3.2, §3.5, §3.8).

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, IssueKind, Issuer, JwtAuth};
use serde_json::{Value, json};

use super::rsa_key::KEY;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, SECRET, app_trusting, base64url, token_signed_with, token_with_header, valid_claims,
};

fn header(alg: &str) -> Value {
    json!({"alg": alg, "typ": "at+jwt", "kid": "rsa"})
}

/// An app that trusts `ISSUER` with these keys.
fn app_with_keys(keys: &[Value]) -> ProtectedApp {
    app_trusting(Issuer::jwks_document(ISSUER, json!({ "keys": keys }).to_string()))
}

async fn issuer(algorithm: Algorithm) -> TestIssuer {
    TestIssuer::start_with(algorithm, Clock::system()).await.unwrap()
}

fn keys_of(issuer: &TestIssuer) -> Vec<Value> {
    let key_set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    key_set["keys"].as_array().unwrap().clone()
}

/// The settings and kinds of the issues that `build()` reports.
#[track_caller]
fn issues(issuer: Issuer) -> Vec<(&'static str, IssueKind)> {
    let error = JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap_err();
    error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect()
}

// RFC 8725 §3.1.
#[tokio::test]
async fn only_allow_listed_algorithms_are_accepted() {
    let (ecdsa, rsa) = (issuer(Algorithm::Es256).await, KEY.jwk(json!({"alg": "RS256"})));
    let key_set = json!({"keys": [keys_of(&ecdsa)[0], rsa]}).to_string();
    let token = KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &valid_claims());
    assert!(app_trusting(Issuer::jwks_document(ISSUER, &key_set)).send_token(&token).await.handler_called);
    let es256_app = app_trusting(Issuer::jwks_document(ISSUER, &key_set).algorithms([Algorithm::Es256]));
    es256_app.send_token(&token).await.assert_invalid_token(TokenError::Algorithm);
    let es256_token = ecdsa.token("ann").claim("iss", ISSUER).audience(AUDIENCE).sign();
    assert!(es256_app.send_token(&es256_token).await.handler_called);
}

// RFC 8725 §3.1.
#[tokio::test]
async fn key_is_used_with_exactly_one_algorithm() {
    let app = app_with_keys(&[KEY.jwk(json!({"alg": "RS256"}))]);
    assert!(app.send_token(&KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &valid_claims())).await.handler_called);
    let rs512_token = KEY.sign(&RSA_PKCS1_SHA512, &header("RS512"), &valid_claims());
    app.send_token(&rs512_token).await.assert_invalid_token(TokenError::Signature);
    let mislabeled = KEY.sign(&RSA_PKCS1_SHA512, &header("RS256"), &valid_claims());
    app.send_token(&mislabeled).await.assert_invalid_token(TokenError::Signature);
    let without_kid = json!({"alg": "RS512", "typ": "at+jwt"});
    assert!(!app.send_token(&KEY.sign(&RSA_PKCS1_SHA512, &without_kid, &valid_claims())).await.handler_called);
    let rs512_app = app_with_keys(&[KEY.jwk(json!({"alg": "RS512"}))]);
    let swapped = KEY.sign(&RSA_PKCS1_SHA512, &header("RS256"), &valid_claims());
    rs512_app.send_token(&swapped).await.assert_invalid_token(TokenError::Signature);
}

// RFC 8725 §3.1.
#[tokio::test]
async fn algorithms_are_configured_per_issuer() {
    let published = Issuer::jwks_document("https://b.example", json!({"keys": [KEY.jwk(json!({}))]}).to_string());
    let both = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).add_issuer(published).audience(AUDIENCE);
    let app = ProtectedApp::behind(both.build().unwrap());
    assert!(app.send_token(&token_with_header(HEADER, valid_claims().to_string())).await.handler_called);
    app.send_token(&KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &valid_claims()))
        .await
        .assert_invalid_token(TokenError::Algorithm);
    let mut claims_of_b = valid_claims();
    claims_of_b["iss"] = "https://b.example".into();
    assert!(app.send_token(&KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &claims_of_b)).await.handler_called);
    app.send_token(&token_with_header(HEADER, claims_of_b.to_string()))
        .await
        .assert_invalid_token(TokenError::Algorithm);
}

// RFC 8725 §3.4, §3.5.
#[tokio::test]
async fn weak_or_invalid_key_is_rejected_when_it_is_loaded() {
    let issues_with_key = |jwk: Value| issues(Issuer::jwks_document(ISSUER, json!({ "keys": [jwk] }).to_string()));
    let unusable = [("Issuer::jwks_document", IssueKind::Invalid)];
    let short = base64url([0xc1; 128]);
    assert_eq!(issues_with_key(KEY.jwk(json!({ "n": short }))), unusable, "1024 bits");
    for e in ["AQ", "Aw", "AQAA"] {
        assert_eq!(issues_with_key(KEY.jwk(json!({ "e": e }))), unusable, "e {e}");
    }
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": base64url([1; 32]), "y": base64url([2; 32])});
    assert_eq!(issues_with_key(off_curve), unusable);
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(issues_with_key(json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(identity)})), unusable);
    let private = format!("-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n", "PRIVATE KEY");
    assert_eq!(issues(Issuer::pem(ISSUER, Algorithm::Rs256, private)), [("Issuer::pem", IssueKind::Prohibited)]);
}

// RFC 7518 §3.2.
#[test]
fn secret_shorter_than_the_hash_fails_the_build() {
    for len in [0, 1, 31] {
        assert_eq!(issues(Issuer::hs256(ISSUER, vec![7; len])), [("Issuer::hs256", IssueKind::Weak)], "{len}");
    }
    assert_eq!(issues(Issuer::hs384(ISSUER, [7; 47])), [("Issuer::hs384", IssueKind::Weak)]);
    assert_eq!(issues(Issuer::hs512(ISSUER, [7; 63])), [("Issuer::hs512", IssueKind::Weak)]);
    let added = Issuer::hs256(ISSUER, SECRET).add_secret(Algorithm::Hs256, Vec::new());
    assert_eq!(issues(added), [("add_secret", IssueKind::Weak)]);
    assert!(JwtAuth::builder().issuer(Issuer::hs256(ISSUER, [7; 32])).audience(AUDIENCE).build().is_ok());
}

// RFC 8725 §3.8.
#[tokio::test]
async fn issuer_cannot_sign_for_another_that_has_the_same_kid() {
    let (a, b) = (issuer(Algorithm::Es256).await, issuer(Algorithm::Es256).await);
    assert_eq!(keys_of(&a)[0]["kid"], keys_of(&b)[0]["kid"]);
    let trusted = |issuer: &TestIssuer| Issuer::jwks_document(issuer.url(), issuer.jwks());
    let both = JwtAuth::builder().issuer(trusted(&a)).add_issuer(trusted(&b)).audience(AUDIENCE);
    let app = ProtectedApp::behind(both.build().unwrap());
    for issuer in [&a, &b] {
        let response = app.send_token(&issuer.token("ann").audience(AUDIENCE).sign()).await;
        assert_eq!(response.user().issuer(), Some(issuer.url()));
    }
    let forged = a.token("ann").claim("iss", b.url()).audience(AUDIENCE).sign();
    app.send_token(&forged).await.assert_invalid_token(TokenError::Signature);
}

// RFC 8037 §3.1, RFC 9864 §2.2.
#[tokio::test]
async fn eddsa_and_ed25519_are_accepted() {
    let issuer = issuer(Algorithm::EdDsa).await;
    let app = app_trusting(Issuer::jwks_document(issuer.url(), issuer.jwks()));
    for alg in ["EdDSA", "Ed25519"] {
        assert!(
            app.send_token(&issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign()).await.handler_called,
            "{alg}"
        );
    }
    for alg in ["eddsa", "Ed448", "ES512", "RSA1_5"] {
        let token = issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
        app.send_token(&token).await.assert_invalid_token(TokenError::Algorithm);
    }
}

// RFC 8725 §2.1, CVE-2016-10555.
#[tokio::test]
async fn public_key_is_never_used_as_an_hmac_secret() {
    let jwk = KEY.jwk(json!({"alg": "RS256"}));
    let secrets = [
        KEY.pem("\n").into_bytes(),
        KEY.pem("\r\n").into_bytes(),
        KEY.pem("\n").trim_end().as_bytes().to_vec(),
        KEY.pem("").into_bytes(),
        KEY.der(),
        KEY.modulus(),
        jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        jwk.to_string().into_bytes(),
    ];
    let jwks_app = app_with_keys(&[jwk]);
    let pem_app = app_trusting(Issuer::pem(ISSUER, Algorithm::Rs256, KEY.pem("\n")));
    assert!(pem_app.send_token(&KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &valid_claims())).await.handler_called);
    for secret in secrets {
        let forged = token_signed_with(&secret, header("HS256").to_string(), valid_claims().to_string());
        jwks_app.send_token(&forged).await.assert_invalid_token(TokenError::Algorithm);
        pem_app.send_token(&forged).await.assert_invalid_token(TokenError::Algorithm);
    }
}

#[tokio::test]
async fn rsa_key_without_alg_is_never_an_empty_hmac_secret() {
    let app = app_with_keys(&[KEY.jwk(json!({}))]);
    let forged = token_signed_with(&[], header("HS256").to_string(), valid_claims().to_string());
    app.send_token(&forged).await.assert_invalid_token(TokenError::Algorithm);
    let issuer = Issuer::jwks_document(ISSUER, json!({"keys": [KEY.jwk(json!({}))]}).to_string());
    let issues = issues(issuer.algorithms([Algorithm::Rs256, Algorithm::Hs256]));
    assert_eq!(issues, [("algorithms", IssueKind::Prohibited)]);
}

// RFC 8725 §3.1.
#[tokio::test]
async fn header_does_not_choose_the_algorithm_of_a_key_without_alg() {
    let app = app_with_keys(&[KEY.jwk(json!({}))]);
    assert!(app.send_token(&KEY.sign(&RSA_PKCS1_SHA256, &header("RS256"), &valid_claims())).await.handler_called);
    let rs512 = KEY.sign(&RSA_PKCS1_SHA512, &header("RS512"), &valid_claims());
    app.send_token(&rs512).await.assert_invalid_token(TokenError::Signature);
    let ps256 = KEY.sign(&RSA_PSS_SHA256, &header("PS256"), &valid_claims());
    app.send_token(&ps256).await.assert_invalid_token(TokenError::Signature);
}

// RFC 8725 §3.1.
#[tokio::test]
async fn ps_and_rs_are_not_interchangeable() {
    let rs256_app = app_with_keys(&[KEY.jwk(json!({"alg": "RS256"}))]);
    let pss = KEY.sign(&RSA_PSS_SHA256, &header("PS256"), &valid_claims());
    rs256_app.send_token(&pss).await.assert_invalid_token(TokenError::Signature);
    rs256_app
        .send_token(&KEY.sign(&RSA_PSS_SHA256, &header("RS256"), &valid_claims()))
        .await
        .assert_invalid_token(TokenError::Signature);
    let ps256_app = app_with_keys(&[KEY.jwk(json!({"alg": "PS256"}))]);
    assert!(ps256_app.send_token(&pss).await.handler_called);
    let pkcs1 = KEY.sign(&RSA_PKCS1_SHA256, &header("PS256"), &valid_claims());
    ps256_app.send_token(&pkcs1).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn key_of_another_curve_is_not_used() {
    let (p256, p384) = (issuer(Algorithm::Es256).await, issuer(Algorithm::Es384).await);
    let trusted = Issuer::jwks_document(p256.url(), p256.jwks());
    let app = app_trusting(trusted);
    let p384_token =
        |alg: &str| p384.token("ann").claim("iss", p256.url()).audience(AUDIENCE).header("alg", alg).sign();
    app.send_token(&p384_token("ES384")).await.assert_invalid_token(TokenError::Signature);
    app.send_token(&p384_token("ES256")).await.assert_invalid_token(TokenError::Signature);
    app.send_token(&p384_token("ES256K")).await.assert_invalid_token(TokenError::Algorithm);
    let mut mismatched = keys_of(&p384)[0].clone();
    mismatched["alg"] = "ES256".into();
    let unusable = Issuer::jwks_document(ISSUER, json!({ "keys": [mismatched] }).to_string());
    assert_eq!(issues(unusable), [("Issuer::jwks_document", IssueKind::Invalid)]);
}

#[test]
fn missing_empty_or_duplicate_issuer_fails_the_build() {
    let error = JwtAuth::builder().audience(AUDIENCE).build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("issuer", IssueKind::Missing));
    assert_eq!(issues(Issuer::hs256("", SECRET)), [("Issuer::hs256", IssueKind::Invalid)]);
    assert_eq!(issues(Issuer::jwks("", "https://issuer.example.com/jwks")), [("Issuer::jwks", IssueKind::Invalid)]);
    let duplicate = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).add_issuer(Issuer::hs256(ISSUER, [8; 32]));
    let error = duplicate.audience(AUDIENCE).build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("add_issuer", IssueKind::Duplicate));
}
