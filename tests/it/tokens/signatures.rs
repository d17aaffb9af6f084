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

use super::rsa::KEY;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, HEADER, ISSUER, claims, claims_with, guarded, mac, segment, token};

/// An issuer, a stack that trusts it, and an honest token of its taken apart.
async fn honest(algorithm: Algorithm) -> (ProtectedApp, String, Vec<u8>) {
    let issuer = TestIssuer::start_with(algorithm, Clock::system()).await.unwrap();
    let trust = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    assert!(stack.ask(&token).await.handled);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (stack, signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

async fn refused(stack: &ProtectedApp, signed: &str, signature: impl AsRef<[u8]>) {
    stack.ask(&format!("{signed}.{}", segment(signature))).await.refused_token(TokenError::Signature);
}

#[tokio::test]
async fn a09_an_ecdsa_signature_of_zeros_of_the_order_in_der_or_of_another_length_is_refused() {
    let (stack, signed, signature) = honest(Algorithm::Es256).await;
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
        refused(&stack, &signed, bent).await;
    }
}

#[tokio::test]
async fn a10_an_ed25519_signature_has_one_form() {
    let (stack, signed, signature) = honest(Algorithm::EdDsa).await;
    let order =
        (BigUint::from(1_u8) << 252_u8) + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
    let (point, scalar) = signature.split_at(32);
    let mut beyond = (BigUint::from_bytes_le(scalar) + order).to_bytes_le();
    beyond.resize(32, 0);
    refused(&stack, &signed, [point, &beyond].concat()).await;
    refused(&stack, &signed, [0; 64]).await;
    refused(&stack, &signed, &signature[..63]).await;
}

#[tokio::test]
async fn a10_an_ed25519_signature_whose_point_is_of_small_order_is_refused_though_its_equation_holds() {
    let private = Scalar::from(0x1234_5678_9abc_def0_u64);
    let public = EdwardsPoint::mul_base(&private).compress().to_bytes();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": segment(public)});
    let trust = Issuer::jwks_document(ISSUER, json!({ "keys": [jwk] }).to_string());
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let signed = format!("{}.{}", segment(r#"{"alg":"EdDSA","typ":"at+jwt"}"#), segment(claims().to_string()));
    let sign = |nonce: EdwardsPoint, nonce_scalar: Scalar| {
        let point = nonce.compress().to_bytes();
        let hash = digest(&SHA512, &[point.as_slice(), &public, signed.as_bytes()].concat());
        let challenge = Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().unwrap());
        [point, (nonce_scalar + challenge * private).to_bytes()].concat()
    };
    let honest = sign(EdwardsPoint::mul_base(&Scalar::from(7_u8)), Scalar::from(7_u8));
    assert!(stack.ask(&format!("{signed}.{}", segment(honest))).await.handled);
    for point in EIGHT_TORSION {
        refused(&stack, &signed, sign(point, Scalar::ZERO)).await;
    }
}

#[tokio::test]
async fn a13_pkcs1_padding_is_checked_to_the_last_byte() {
    let document = json!({"keys": [KEY.jwk(json!({"alg": "RS256"}))]}).to_string();
    let trust = Issuer::jwks_document(ISSUER, document);
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"});
    let token = KEY.sign(&RSA_PKCS1_SHA256, &header, &claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let hash = digest(&SHA256, signed.as_bytes());
    let info = hex("3031300d060960864801650304020105000420");
    let block = |kind: u8, fill: u8, count: usize, rest: &[&[u8]]| {
        let mut block = [&[0, kind], vec![fill; count].as_slice(), &[0], &rest.concat()].concat();
        block.resize(256, 0);
        KEY.raise(&block)
    };
    assert_eq!(segment(block(1, 0xff, 202, &[&info, hash.as_ref()])), signature, "the honest block");
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
        refused(&stack, signed, bent).await;
    }
}

#[tokio::test]
async fn a30_a_flipped_bit_a_truncated_mac_and_a_signature_of_other_claims_are_refused() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let (stack, signed, mut signature) = honest(algorithm).await;
        signature[20] ^= 1;
        refused(&stack, &signed, signature).await;
    }
    let honest = token(claims().to_string());
    let (signed, signature) = honest.rsplit_once('.').unwrap();
    let stack = guarded();
    refused(&stack, signed, &URL_SAFE_NO_PAD.decode(signature).unwrap()[..16]).await;
    refused(&stack, signed, []).await;
    let admin = format!("{}.{}.{signature}", segment(HEADER), segment(claims_with("sub", "\"admin\"")));
    stack.ask(&admin).await.refused_token(TokenError::Signature);
}

#[tokio::test]
async fn a38_another_spelling_of_a_token_is_another_token_and_refused() {
    let honest = token(claims().to_string());
    let stack = guarded();
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
        stack.ask(&spelt).await.refused_token(error);
    }
}

#[tokio::test]
async fn a40_what_one_token_proved_is_never_said_of_another() {
    let stack = guarded();
    let of = |subject: &str| token(claims_with("sub", &Value::from(subject).to_string()));
    for _ in 0..3 {
        assert_eq!(stack.ask(&of("ann")).await.user().id(), "ann");
        assert_eq!(stack.ask(&of("bob")).await.user().id(), "bob");
        let forged = mac(&[9; 32], HEADER, claims_with("sub", "\"ann\""));
        stack.ask(&forged).await.refused_token(TokenError::Signature);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
