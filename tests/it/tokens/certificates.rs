//! Keys in X.509 certificates, and keys for RSASSA-PSS (RFC 4055, RFC 7517 §4.7).

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis::gate::TokenError;
use portcullis::{Algorithm, Issuer, JwtAuth};
use serde_json::{Value, json};

use super::rsa_key::KEY;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, app_trusting, valid_claims};

/// A DER value.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    let len = if content.len() < 128 { vec![len[1]] } else { [&[0x82], len.as_slice()].concat() };
    [&[tag], len.as_slice(), &content].concat()
}

/// A certificate of this public key. It has expired, and nothing has signed it.
fn certificate(spki: &[u8]) -> Vec<u8> {
    let time = der(0x17, &[b"200101000000Z"]);
    let validity = der(0x30, &[&time, &time]);
    let empty = der(0x30, &[]);
    let fields = der(0x30, &[&der(0x02, &[&[1]]), &empty, &empty, &validity, &empty, spki]);
    der(0x30, &[&fields, &empty, &der(0x03, &[&[0]])])
}

/// The key with the identifier of RSASSA-PSS, without parameters.
fn pss_spki() -> Vec<u8> {
    let spki = KEY.der();
    // The header of the outer sequence, then the algorithm of 15 bytes.
    let bits = &spki[4 + 15..];
    der(0x30, &[&[0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 10], bits])
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn app_with_keys(keys: &Value) -> ProtectedApp {
    app_trusting(Issuer::jwks_document(ISSUER, keys.to_string()))
}

fn token(alg: &str) -> String {
    let header = json!({"alg": alg, "typ": "at+jwt", "kid": "rsa"});
    KEY.sign(if alg == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 }, &header, &valid_claims())
}

#[tokio::test]
async fn key_may_be_in_x5c_only() {
    let x5c = json!([STANDARD.encode(certificate(&KEY.der()))]);
    let app = app_with_keys(&json!({"keys": [{"kty": "RSA", "kid": "rsa", "x5c": x5c}]}));
    assert_eq!(app.send_token(&token("RS256")).await.user().id(), "user-1");
    app.send_token(&token("PS256")).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn keys_may_be_certificates_or_public_keys_in_pem_by_kid() {
    for text in [
        pem("CERTIFICATE", &certificate(&KEY.der())),
        pem("CERTIFICATE", &certificate(&KEY.der())).replace('\n', "\r\n"),
        KEY.pem("\n"),
    ] {
        let app = app_with_keys(&json!({"other": "-----BEGIN CERTIFICATE-----\n", "rsa": text}));
        assert_eq!(app.send_token(&token("RS256")).await.user().id(), "user-1", "{text}");
    }
}

#[tokio::test]
async fn token_of_a_kid_that_is_not_in_the_map_is_rejected() {
    let app = app_with_keys(&json!({ "another": pem("CERTIFICATE", &certificate(&KEY.der())) }));
    app.send_token(&token("RS256")).await.assert_invalid_token(TokenError::Key);
}

#[tokio::test]
async fn key_for_rsassa_pss_verifies_ps256_only() {
    let x5c = json!([STANDARD.encode(certificate(&pss_spki()))]);
    for keys in [
        json!({"keys": [{"kty": "RSA", "kid": "rsa", "x5c": x5c}]}),
        json!({"keys": [{"kty": "RSA", "kid": "rsa", "alg": "PS256", "x5c": x5c}]}),
        json!({ "rsa": pem("PUBLIC KEY", &pss_spki()) }),
    ] {
        let app = app_with_keys(&keys);
        assert_eq!(app.send_token(&token("PS256")).await.user().id(), "user-1");
        app.send_token(&token("RS256")).await.assert_invalid_token(TokenError::Signature);
    }
}

#[tokio::test]
async fn pem_of_a_key_for_rsassa_pss_is_accepted_for_its_algorithms() {
    for text in [pem("PUBLIC KEY", &pss_spki()), pem("CERTIFICATE", &certificate(&pss_spki()))] {
        let app = app_trusting(Issuer::pem(ISSUER, Algorithm::Ps256, &*text));
        assert_eq!(app.send_token(&token("PS256")).await.user().id(), "user-1");
        let issuer = Issuer::pem(ISSUER, Algorithm::Rs256, &*text);
        let error = JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap_err();
        assert_eq!(error.issues()[0].setting(), "Issuer::pem");
    }
}
