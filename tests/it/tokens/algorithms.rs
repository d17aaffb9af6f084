//! Algorithms that must be enabled by name: ES512, ES256K and ML-DSA (RFC 7518, RFC 8812, RFC 9964).

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth};
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, app_trusting, base64url};

const OPT_IN: [Algorithm; 5] =
    [Algorithm::Es256k, Algorithm::Es512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];

async fn issuer_with(algorithm: Algorithm) -> TestIssuer {
    TestIssuer::start_with(algorithm, Clock::system()).await.unwrap()
}

fn trusted(issuer: &TestIssuer) -> Issuer {
    Issuer::jwks_document(issuer.url(), issuer.jwks())
}

fn valid_token(issuer: &TestIssuer) -> String {
    issuer.token("ann").audience(AUDIENCE).sign()
}

/// The key of the issuer, with this member added or replaced, in a set of its own.
fn keys_with(issuer: &TestIssuer, name: &str, value: &Value) -> String {
    let mut keys: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    keys["keys"][0][name] = value.clone();
    keys.to_string()
}

/// The signing input and the decoded signature of a token.
fn split(token: &str) -> (&str, Vec<u8>) {
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    (signing_input, URL_SAFE_NO_PAD.decode(signature).unwrap())
}

async fn assert_bad_signature(app: &ProtectedApp, signing_input: &str, signature: &[u8]) {
    let token = format!("{signing_input}.{}", base64url(signature));
    app.send_token(&token).await.assert_invalid_token(TokenError::Signature);
}

// ALG-01.
#[tokio::test]
async fn algorithm_that_is_not_named_is_rejected() {
    let usable = issuer_with(Algorithm::EdDsa).await;
    let mut usable_keys: Value = serde_json::from_str(&usable.jwks()).unwrap();
    let usable_key = usable_keys["keys"][0].take();
    for algorithm in OPT_IN {
        let issuer = issuer_with(algorithm).await;
        let mut keys: Value = serde_json::from_str(&issuer.jwks()).unwrap();
        keys["keys"].as_array_mut().unwrap().push(usable_key.clone());
        // Beside a usable key, because a set without one is a configuration error.
        let by_default = Issuer::jwks_document(issuer.url(), keys.to_string());
        let response = app_trusting(by_default).send_token(&valid_token(&issuer)).await;
        response.assert_invalid_token(TokenError::Algorithm);
        let build = |issuer| JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build();
        assert!(build(trusted(&issuer)).is_err(), "no usable key: {algorithm:?}");
    }
}

// ALG-01.
#[tokio::test]
async fn algorithm_that_is_named_is_accepted() {
    for algorithm in OPT_IN {
        let issuer = issuer_with(algorithm).await;
        let app = app_trusting(trusted(&issuer).algorithms([Algorithm::Rs256, algorithm]));
        let token = valid_token(&issuer);
        for _ in 0..2 {
            assert_eq!(app.send_token(&token).await.user().id(), "ann", "{algorithm:?}");
        }
        let (signing_input, mut signature) = split(&token);
        signature[50] ^= 1;
        assert_bad_signature(&app, signing_input, &signature).await;
    }
}

// RFC 7518 §3.4, ALG-02.
#[tokio::test]
async fn signature_has_exactly_the_length_of_its_algorithm() {
    for (algorithm, len) in [
        (Algorithm::Es256k, 64),
        (Algorithm::Es512, 132),
        (Algorithm::MlDsa44, 2_420),
        (Algorithm::MlDsa65, 3_309),
        (Algorithm::MlDsa87, 4_627),
    ] {
        let issuer = issuer_with(algorithm).await;
        let app = app_trusting(trusted(&issuer).algorithms([algorithm]));
        let token = valid_token(&issuer);
        let (signing_input, signature) = split(&token);
        assert_eq!(signature.len(), len, "{algorithm:?}");
        for other in [&signature[1..], &signature[..len - 1], &[&signature[..], &[0]].concat(), &[]] {
            assert_bad_signature(&app, signing_input, other).await;
        }
    }
}

// ALG-02: `alg` of header and key are equal.
#[tokio::test]
async fn ml_dsa_key_verifies_only_its_own_parameter_set() {
    let issuer = issuer_with(Algorithm::MlDsa44).await;
    let all = [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];
    let app = app_trusting(trusted(&issuer).algorithms(all));
    for alg in ["ML-DSA-65", "ML-DSA-87"] {
        let token = issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
        app.send_token(&token).await.assert_invalid_token(TokenError::Signature);
        let without_kid = issuer.token("ann").audience(AUDIENCE).header("alg", alg).without_header("kid").sign();
        app.send_token(&without_kid).await.assert_invalid_token(TokenError::Key);
    }
    for alg in ["HashML-DSA-44", "ML-DSA-44-ES256", "ml-dsa-44", "ML-DSA"] {
        let token = issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
        app.send_token(&token).await.assert_invalid_token(TokenError::Algorithm);
    }
}

// A77.
#[tokio::test]
async fn ml_dsa_key_without_alg_or_with_a_short_pub_is_skipped() {
    let issuer = issuer_with(Algorithm::MlDsa44).await;
    let all = [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];
    for (name, value) in [
        ("alg", Value::Null),
        ("alg", json!("ML-DSA-65")),
        ("alg", json!("EdDSA")),
        ("pub", json!(base64url([7; 1_311]))),
        ("priv", json!(base64url([7; 32]))),
        ("kty", json!("OKP")),
    ] {
        let keys = keys_with(&issuer, name, &value);
        let auth = JwtAuth::builder().issuer(Issuer::jwks_document(issuer.url(), keys).algorithms(all));
        let error = auth.audience(AUDIENCE).build().unwrap_err();
        assert_eq!(error.issues()[0].setting(), "Issuer::jwks_document", "{name}: {value}");
    }
}

// ALG-03, ALG-05.
#[tokio::test]
async fn names_that_are_not_algorithms_of_jose_are_rejected() {
    let issuer = issuer_with(Algorithm::EdDsa).await;
    let app = app_trusting(trusted(&issuer));
    let with_alg = |alg: &str| issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
    for alg in ["Ed25519", "EdDSA"] {
        assert_eq!(app.send_token(&with_alg(alg)).await.user().id(), "ann", "{alg}");
    }
    for alg in ["Ed448", "ESB256", "ESB384", "ESP256", "ESP384", "ESP512", "HPKE-0", "HPKE-7", "ed25519"] {
        app.send_token(&with_alg(alg)).await.assert_invalid_token(TokenError::Algorithm);
    }
}

// ALG-04: RFC 8812 does not require the lower value of `s`.
#[tokio::test]
async fn both_values_of_s_are_accepted_and_are_the_same_user() {
    let secp256k1 = b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let p_256 = b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    for (algorithm, order) in [(Algorithm::Es256k, secp256k1), (Algorithm::Es256, p_256)] {
        let issuer = issuer_with(algorithm).await;
        let app = app_trusting(trusted(&issuer).algorithms([algorithm]));
        let token = valid_token(&issuer);
        let (signing_input, signature) = split(&token);
        let order = BigUint::parse_bytes(order, 16).unwrap();
        let (r, s) = signature.split_at(32);
        let other_s = (order - BigUint::from_bytes_be(s)).to_bytes_be();
        let other = [r, &vec![0; 32 - other_s.len()], &other_s].concat();
        let other_token = format!("{signing_input}.{}", base64url(other));
        let (first, second) = (app.send_token(&token).await, app.send_token(&other_token).await);
        let (first, second) = (first.user(), second.user());
        assert_eq!((first.id(), first.token_id()), (second.id(), second.token_id()), "{algorithm:?}");
    }
}

// ALG-06.
#[tokio::test]
async fn token_of_more_than_8_kib_is_verified_and_one_of_more_than_16_kib_is_rejected() {
    let issuer = issuer_with(Algorithm::MlDsa87).await;
    let app = app_trusting(trusted(&issuer).algorithms([Algorithm::MlDsa87]));
    let with_claim = |len: usize| issuer.token("ann").audience(AUDIENCE).claim("note", "x".repeat(len)).sign();
    let token = with_claim(2_000);
    assert!((8_193..9_500).contains(&token.len()), "{}", token.len());
    for _ in 0..2 {
        assert_eq!(app.send_token(&token).await.user().id(), "ann");
    }
    app.send_token(&with_claim(8_000)).await.assert_invalid_token(TokenError::TooLong);
}

// RFC 7516 §9: JWE-01.
#[tokio::test]
async fn token_of_five_segments_is_rejected_before_any_of_it_is_decoded() {
    let issuer = issuer_with(Algorithm::EdDsa).await;
    let app = app_trusting(trusted(&issuer));
    let header = base64url(r#"{"alg":"dir","enc":"A128GCM"}"#);
    for token in [
        format!("{header}..AAAA.AAAA.AAAA"),
        // None of these segments is base64url or JSON.
        "A.A.A.A.A".to_owned(),
        "....".to_owned(),
        format!("{}.AAAA.AAAA", valid_token(&issuer)),
    ] {
        let response = app.send_token(&token).await;
        response.assert_rejected(StatusCode::UNAUTHORIZED);
        response.assert_invalid_token(TokenError::Encrypted);
        assert_eq!(response.denial().code(), "token_encrypted", "{token}");
    }
}
