//! Malformed, malleable and reused signatures.

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
use portcullis::{Algorithm, Issuer};
use serde_json::{Value, json};

use super::rsa_key::KEY;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, app_trusting, base64url, claims_with, strict_app, token, token_signed_with, valid_claims,
};

/// An app that trusts an issuer with this algorithm, and the signing input and signature of a valid token.
async fn app_and_valid_token(algorithm: Algorithm) -> (ProtectedApp, String, Vec<u8>) {
    let issuer = TestIssuer::start_with(algorithm, Clock::system()).await.unwrap();
    let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let app = app_trusting(trusted);
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    assert!(app.send_token(&token).await.handler_called);
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    (app, signing_input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

async fn assert_bad_signature(app: &ProtectedApp, signing_input: &str, signature: impl AsRef<[u8]>) {
    app.send_token(&format!("{signing_input}.{}", base64url(signature)))
        .await
        .assert_invalid_token(TokenError::Signature);
}

// RFC 7518 §3.4.
#[tokio::test]
async fn malformed_ecdsa_signature_is_rejected() {
    let (app, signing_input, signature) = app_and_valid_token(Algorithm::Es256).await;
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let one = [[0; 31].as_slice(), &[1]].concat();
    let (r, s) = signature.split_at(32);
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    for malformed in [
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
        assert_bad_signature(&app, &signing_input, malformed).await;
    }
}

// RFC 8032 §5.1.7.
#[tokio::test]
async fn malleable_ed25519_signature_is_rejected() {
    let (app, signing_input, signature) = app_and_valid_token(Algorithm::EdDsa).await;
    let order =
        (BigUint::from(1_u8) << 252_u8) + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
    let (point, scalar) = signature.split_at(32);
    let mut scalar_plus_order = (BigUint::from_bytes_le(scalar) + order).to_bytes_le();
    scalar_plus_order.resize(32, 0);
    assert_bad_signature(&app, &signing_input, [point, &scalar_plus_order].concat()).await;
    assert_bad_signature(&app, &signing_input, [0; 64]).await;
    assert_bad_signature(&app, &signing_input, &signature[..63]).await;
}

#[tokio::test]
async fn ed25519_signature_with_small_order_r_is_rejected() {
    let private = Scalar::from(0x1234_5678_9abc_def0_u64);
    let public = EdwardsPoint::mul_base(&private).compress().to_bytes();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(public)});
    let trusted = Issuer::jwks_document(ISSUER, json!({ "keys": [jwk] }).to_string());
    let app = app_trusting(trusted);
    let signing_input =
        format!("{}.{}", base64url(r#"{"alg":"EdDSA","typ":"at+jwt"}"#), base64url(valid_claims().to_string()));
    let sign = |nonce: EdwardsPoint, nonce_scalar: Scalar| {
        let point = nonce.compress().to_bytes();
        let hash = digest(&SHA512, &[point.as_slice(), &public, signing_input.as_bytes()].concat());
        let challenge = Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().unwrap());
        [point, (nonce_scalar + challenge * private).to_bytes()].concat()
    };
    let valid = sign(EdwardsPoint::mul_base(&Scalar::from(7_u8)), Scalar::from(7_u8));
    assert!(app.send_token(&format!("{signing_input}.{}", base64url(valid))).await.handler_called);
    for point in EIGHT_TORSION {
        assert_bad_signature(&app, &signing_input, sign(point, Scalar::ZERO)).await;
    }
}

// RFC 8017 §8.2.2.
#[tokio::test]
async fn malformed_pkcs1_padding_is_rejected() {
    let document = json!({"keys": [KEY.jwk(json!({"alg": "RS256"}))]}).to_string();
    let trusted = Issuer::jwks_document(ISSUER, document);
    let app = app_trusting(trusted);
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"});
    let token = KEY.sign(&RSA_PKCS1_SHA256, &header, &valid_claims());
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    let hash = digest(&SHA256, signing_input.as_bytes());
    let digest_info = hex("3031300d060960864801650304020105000420");
    let block = |block_type: u8, fill: u8, count: usize, rest: &[&[u8]]| {
        let mut block = [&[0, block_type], vec![fill; count].as_slice(), &[0], &rest.concat()].concat();
        block.resize(256, 0);
        KEY.sign_block(&block)
    };
    assert_eq!(base64url(block(1, 0xff, 202, &[&digest_info, hash.as_ref()])), signature, "the valid block");
    let sha_512_digest_info = hex("3031300d060960864801650304020305000420");
    let digest_info_without_null = hex("302f300b0609608648016503040201");
    for malformed in [
        block(1, 0xff, 8, &[&digest_info, hash.as_ref()]),
        block(2, 0xff, 202, &[&digest_info, hash.as_ref()]),
        block(1, 0xfe, 202, &[&digest_info, hash.as_ref()]),
        block(1, 0xff, 221, &[hash.as_ref()]),
        block(1, 0xff, 202, &[&sha_512_digest_info, hash.as_ref()]),
        block(1, 0xff, 204, &[&digest_info_without_null, &[4, 32], hash.as_ref()]),
    ] {
        assert_bad_signature(&app, signing_input, malformed).await;
    }
}

#[tokio::test]
async fn altered_truncated_or_reused_signature_is_rejected() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let (app, signing_input, mut signature) = app_and_valid_token(algorithm).await;
        signature[20] ^= 1;
        assert_bad_signature(&app, &signing_input, signature).await;
    }
    let valid_token = token(valid_claims().to_string());
    let (signing_input, signature) = valid_token.rsplit_once('.').unwrap();
    let app = strict_app();
    assert_bad_signature(&app, signing_input, &URL_SAFE_NO_PAD.decode(signature).unwrap()[..16]).await;
    assert_bad_signature(&app, signing_input, []).await;
    let other_claims = format!("{}.{}.{signature}", base64url(HEADER), base64url(claims_with("sub", "\"admin\"")));
    app.send_token(&other_claims).await.assert_invalid_token(TokenError::Signature);
}

// RFC 7515 §2.
#[tokio::test]
async fn base64_variants_of_a_token_are_rejected() {
    let valid_token = token(valid_claims().to_string());
    let app = strict_app();
    let last = char::from(valid_token.as_bytes().last().unwrap() + 1);
    // One more character makes the signature 33 bytes; with two more, its length is impossible in base64.
    for (variant, error) in [
        (format!("{}{last}", &valid_token[..valid_token.len() - 1]), TokenError::Encoding),
        (format!("{valid_token}A"), TokenError::Signature),
        (format!("{valid_token}AA"), TokenError::Encoding),
        (format!("{valid_token}=="), TokenError::Charset),
        (format!("{valid_token}."), TokenError::Segments),
        (valid_token.replacen('.', "%2E", 1), TokenError::Charset),
    ] {
        app.send_token(&variant).await.assert_invalid_token(error);
    }
}

#[tokio::test]
async fn tokens_never_share_a_cache_entry() {
    let app = strict_app();
    let token_of = |subject: &str| token(claims_with("sub", &Value::from(subject).to_string()));
    for _ in 0..3 {
        assert_eq!(app.send_token(&token_of("ann")).await.user().id(), "ann");
        assert_eq!(app.send_token(&token_of("bob")).await.user().id(), "bob");
        let forged = token_signed_with(&[9; 32], HEADER, claims_with("sub", "\"ann\""));
        app.send_token(&forged).await.assert_invalid_token(TokenError::Signature);
    }
}

/// Decodes hexadecimal digits.
fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
