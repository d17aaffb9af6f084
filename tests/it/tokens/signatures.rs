//! Signatures that are none, and other spellings of one that is.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use num_bigint::BigUint;
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth};
use serde_json::{Value, json};

use super::rsa_key::KEY;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, base64url, claims_with, strict_app, token, token_signed_with, valid_claims,
};

/// An issuer, a app that trusts it, and an honest token of its taken apart.
async fn honest(algorithm: Algorithm) -> (ProtectedApp, String, Vec<u8>) {
    let issuer = TestIssuer::start_with(algorithm, Clock::system()).await.unwrap();
    let trust = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    assert!(app.send_token(&token).await.handler_called);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (app, signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

async fn refused(app: &ProtectedApp, signed: &str, signature: impl AsRef<[u8]>) {
    app.send_token(&format!("{signed}.{}", base64url(signature))).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn a09_malformed_ecdsa_signature_is_rejected() {
    let (app, signed, signature) = honest(Algorithm::Es256).await;
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let one = [[0; 31].as_slice(), &[1]].concat();
    let (r, s) = signature.split_at(32);
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    for bent in [
        vec![0; 64],
        [order.as_slice(), &order].concat(),
        [order.as_slice(), &one].concat(),
        [one.as_slice(), &[0; 32]].concat(),
        [[0; 32].as_slice(), &one].concat(),
        [&[0], r, &[0], s].concat(),
        [signature.as_slice(), &[0]].concat(),
        r.to_vec(),
        Vec::new(),
        der,
    ] {
        refused(&app, &signed, bent).await;
    }
}

#[tokio::test]
async fn a10_malleable_ed25519_signature_is_rejected() {
    let (app, signed, signature) = honest(Algorithm::EdDsa).await;
    let order =
        (BigUint::from(1_u8) << 252_u8) + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
    let (point, scalar) = signature.split_at(32);
    let mut beyond = (BigUint::from_bytes_le(scalar) + order).to_bytes_le();
    beyond.resize(32, 0);
    refused(&app, &signed, [point, &beyond].concat()).await;
    refused(&app, &signed, [0; 64]).await;
    refused(&app, &signed, &signature[..63]).await;
}

#[tokio::test]
async fn a10_ed25519_signature_with_small_order_r_is_rejected() {
    let private = Scalar::from(0x1234_5678_9abc_def0_u64);
    let public = EdwardsPoint::mul_base(&private).compress().to_bytes();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(public)});
    let trust = Issuer::jwks_document(ISSUER, json!({ "keys": [jwk] }).to_string());
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let signed =
        format!("{}.{}", base64url(r#"{"alg":"EdDSA","typ":"at+jwt"}"#), base64url(valid_claims().to_string()));
    let sign = |nonce: EdwardsPoint, nonce_scalar: Scalar| {
        let point = nonce.compress().to_bytes();
        let hash = digest(&SHA512, &[point.as_slice(), &public, signed.as_bytes()].concat());
        let challenge = Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().unwrap());
        [point, (nonce_scalar + challenge * private).to_bytes()].concat()
    };
    let honest = sign(EdwardsPoint::mul_base(&Scalar::from(7_u8)), Scalar::from(7_u8));
    assert!(app.send_token(&format!("{signed}.{}", base64url(honest))).await.handler_called);
    for point in EIGHT_TORSION {
        refused(&app, &signed, sign(point, Scalar::ZERO)).await;
    }
}

#[tokio::test]
async fn a13_malformed_pkcs1_padding_is_rejected() {
    let document = json!({"keys": [KEY.jwk(json!({"alg": "RS256"}))]}).to_string();
    let trust = Issuer::jwks_document(ISSUER, document);
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"});
    let token = KEY.sign(&RSA_PKCS1_SHA256, &header, &valid_claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let hash = digest(&SHA256, signed.as_bytes());
    let info = hex("3031300d060960864801650304020105000420");
    let block = |kind: u8, fill: u8, count: usize, rest: &[&[u8]]| {
        let mut block = [&[0, kind], vec![fill; count].as_slice(), &[0], &rest.concat()].concat();
        block.resize(256, 0);
        KEY.raise(&block)
    };
    assert_eq!(base64url(block(1, 0xff, 202, &[&info, hash.as_ref()])), signature, "the honest block");
    let of_sha_512 = hex("3031300d060960864801650304020305000420");
    let without_null = hex("302f300b0609608648016503040201");
    for bent in [
        block(1, 0xff, 8, &[&info, hash.as_ref()]),
        block(2, 0xff, 202, &[&info, hash.as_ref()]),
        block(1, 0xfe, 202, &[&info, hash.as_ref()]),
        block(1, 0xff, 221, &[hash.as_ref()]),
        block(1, 0xff, 202, &[&of_sha_512, hash.as_ref()]),
        block(1, 0xff, 204, &[&without_null, &[4, 32], hash.as_ref()]),
    ] {
        refused(&app, signed, bent).await;
    }
}

#[tokio::test]
async fn a30_altered_truncated_or_reused_signature_is_rejected() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let (app, signed, mut signature) = honest(algorithm).await;
        signature[20] ^= 1;
        refused(&app, &signed, signature).await;
    }
    let honest = token(valid_claims().to_string());
    let (signed, signature) = honest.rsplit_once('.').unwrap();
    let app = strict_app();
    refused(&app, signed, &URL_SAFE_NO_PAD.decode(signature).unwrap()[..16]).await;
    refused(&app, signed, []).await;
    let admin = format!("{}.{}.{signature}", base64url(HEADER), base64url(claims_with("sub", "\"admin\"")));
    app.send_token(&admin).await.assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn a38_base64_variants_of_a_token_are_rejected() {
    let honest = token(valid_claims().to_string());
    let app = strict_app();
    let last = char::from(honest.as_bytes().last().unwrap() + 1);
    // With a character more, the 32 bytes are 33; with two, base64 has no such length.
    for (spelt, error) in [
        (format!("{}{last}", &honest[..honest.len() - 1]), TokenError::Encoding),
        (format!("{honest}A"), TokenError::Signature),
        (format!("{honest}AA"), TokenError::Encoding),
        (format!("{honest}=="), TokenError::Charset),
        (format!("{honest}."), TokenError::Segments),
        (honest.replacen('.', "%2E", 1), TokenError::Charset),
    ] {
        app.send_token(&spelt).await.assert_invalid_token(error);
    }
}

#[tokio::test]
async fn a40_tokens_never_share_a_cache_entry() {
    let app = strict_app();
    let of = |subject: &str| token(claims_with("sub", &Value::from(subject).to_string()));
    for _ in 0..3 {
        assert_eq!(app.send_token(&of("ann")).await.user().id(), "ann");
        assert_eq!(app.send_token(&of("bob")).await.user().id(), "bob");
        let forged = token_signed_with(&[9; 32], HEADER, claims_with("sub", "\"ann\""));
        app.send_token(&forged).await.assert_invalid_token(TokenError::Signature);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
