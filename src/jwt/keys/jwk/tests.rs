//! JWKs with certificates, keys of algorithms that must be enabled by name, and other values of `use`.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
};
use serde_json::{Value, json};

use super::*;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;

const OPT_IN: [Algorithm; 5] =
    [Algorithm::Es256k, Algorithm::Es512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];

fn parse(jwk: &Value, algorithms: &[Algorithm]) -> Result<Algorithm, KeyError> {
    let text = jwk.to_string();
    Key::from_jwk(&Object::parse(&text).unwrap(), &KeyFilter::new(algorithms)).map(|key| key.algorithm)
}

/// Parses a JWK with all algorithms allowed.
fn parse_any(jwk: &Value) -> Result<Algorithm, KeyError> {
    parse(jwk, &[&PUBLIC_KEY_ALGORITHMS[..], &OPT_IN].concat())
}

/// The JWK with this member added or replaced.
fn with(jwk: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = jwk.clone();
    jwk[name] = value.into();
    jwk
}

fn ec(scheme: &'static EcdsaSigningAlgorithm, crv: &str) -> Value {
    let pair = EcdsaKeyPair::generate(scheme).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
    json!({"kty": "EC", "crv": crv, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

// RFC 7517 §4.7.
#[test]
fn a_key_may_be_in_the_first_certificate_of_x5c() {
    let jwk = json!({"kty": "EC", "x5c": [P_256, "not a certificate"]});
    assert_eq!(parse_any(&jwk), Ok(Algorithm::Es256));
    assert_eq!(parse_any(&with(&jwk, "crv", "P-256")), Ok(Algorithm::Es256));
    assert_eq!(parse_any(&with(&jwk, "kty", Value::Null)), Ok(Algorithm::Es256));
    assert_eq!(parse_any(&with(&jwk, "x", Value::Null)), Ok(Algorithm::Es256));
    assert_eq!(parse_any(&with(&jwk, "alg", "ES256")), Ok(Algorithm::Es256));
    for (name, value) in [("kty", "RSA"), ("crv", "P-384"), ("alg", "ES384"), ("alg", "RS256")] {
        assert_eq!(parse_any(&with(&jwk, name, value)), Err(KeyError::WrongType), "{name} {value}");
    }
    assert_eq!(parse(&jwk, &[Algorithm::Rs256]), Err(KeyError::Algorithm));
    assert_eq!(parse_any(&with(&jwk, "d", "AA")), Err(KeyError::Private));
    assert_eq!(parse_any(&with(&jwk, "use", "enc")), Err(KeyError::NotForSignatures));
}

#[test]
fn a_malformed_x5c_is_rejected() {
    let url_safe = P_256.replace('+', "-").replace('/', "_");
    for x5c in [json!([]), json!(P_256), json!([1]), json!([""]), json!([url_safe]), json!([&P_256[..100]])] {
        assert_eq!(parse_any(&json!({"kty": "EC", "x5c": x5c})), Err(KeyError::Malformed), "{x5c}");
    }
}

#[test]
fn x5c_beside_a_key_is_ignored() {
    let jwk = ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521");
    for x5c in [json!([P_256]), json!(["not a certificate"]), json!([]), json!(1)] {
        assert_eq!(parse_any(&with(&jwk, "x5c", x5c)), Ok(Algorithm::Es512));
    }
    // A part of a key is not completed by the certificate.
    let mut part = with(&jwk, "x5c", json!([P_256]));
    part.as_object_mut().unwrap().remove("y");
    assert_eq!(parse_any(&part), Err(KeyError::Malformed));
}

// ALG-01.
#[test]
fn es512_and_es256k_are_used_only_if_they_are_enabled_by_name() {
    for (scheme, crv, algorithm) in [
        (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", Algorithm::Es512),
        (&ECDSA_P256K1_SHA256_FIXED_SIGNING, "secp256k1", Algorithm::Es256k),
    ] {
        for jwk in [ec(scheme, crv), with(&ec(scheme, crv), "alg", algorithm.name())] {
            assert_eq!(parse(&jwk, &PUBLIC_KEY_ALGORITHMS), Err(KeyError::Algorithm), "{crv}");
            assert_eq!(parse(&jwk, &[algorithm]), Ok(algorithm), "{crv}");
        }
        let mut wrong_alg = with(&ec(scheme, crv), "alg", "ES256");
        assert_eq!(parse_any(&wrong_alg), Err(KeyError::WrongType), "{crv}");
        wrong_alg["alg"] = "ES512K".into();
        assert_eq!(parse_any(&wrong_alg), Err(KeyError::Algorithm), "{crv}");
    }
}

// RFC 7518 §6.2.1.2, RFC 8812 §3.1.
#[test]
fn a_point_is_on_its_curve_and_its_coordinates_have_full_length() {
    let key = ec(&ECDSA_P256K1_SHA256_FIXED_SIGNING, "secp256k1");
    assert_eq!(parse_any(&with(&key, "crv", "P-256")), Err(KeyError::Malformed), "a point of another curve");
    assert_eq!(parse_any(&with(&key, "x", key["y"].clone())), Err(KeyError::Malformed), "not on the curve");
    for crv in ["P-256K", "secp256K1", "secp256r1"] {
        assert_eq!(parse_any(&with(&key, "crv", crv)), Err(KeyError::WrongType), "{crv}");
    }
    let key = ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521");
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    for x in [x[1..].to_vec(), [&[0], x.as_slice()].concat()] {
        assert_eq!(parse_any(&with(&key, "x", URL_SAFE_NO_PAD.encode(x))), Err(KeyError::Malformed));
    }
}

// ALG-02, RFC 9964 §3.
#[test]
fn an_ml_dsa_key_has_alg_and_exactly_the_bytes_of_its_parameter_set() {
    for (scheme, algorithm, len) in [
        (&ML_DSA_44_SIGNING, Algorithm::MlDsa44, 1_312),
        (&ML_DSA_65_SIGNING, Algorithm::MlDsa65, 1_952),
        (&ML_DSA_87_SIGNING, Algorithm::MlDsa87, 2_592),
    ] {
        let pair = PqdsaKeyPair::generate(scheme).unwrap();
        let public = pair.public_key().as_ref();
        assert_eq!(public.len(), len);
        let jwk = json!({"kty": "AKP", "alg": algorithm.name(), "pub": URL_SAFE_NO_PAD.encode(public)});
        assert_eq!(parse(&jwk, &[algorithm]), Ok(algorithm));
        assert_eq!(parse(&jwk, &PUBLIC_KEY_ALGORITHMS), Err(KeyError::Algorithm), "not enabled by name");
        assert_eq!(parse_any(&with(&jwk, "alg", Value::Null)), Err(KeyError::Malformed), "without alg");
        assert_eq!(parse_any(&with(&jwk, "pub", Value::Null)), Err(KeyError::Malformed), "without pub");
        assert_eq!(parse_any(&with(&jwk, "priv", "AA")), Err(KeyError::Private));
        for other in ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"].into_iter().filter(|other| *other != algorithm.name()) {
            assert_eq!(parse_any(&with(&jwk, "alg", other)), Err(KeyError::Malformed), "A77: {other}");
        }
        for other in ["ES256", "EdDSA"] {
            assert_eq!(parse_any(&with(&jwk, "alg", other)), Err(KeyError::WrongType), "{other}");
        }
        for kty in ["OKP", "ML-DSA", "akp"] {
            assert_eq!(parse_any(&with(&jwk, "kty", kty)), Err(KeyError::WrongType), "{kty}");
        }
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        for bytes in [&public[1..], &[public, &[0]].concat(), spki.as_ref(), &[]] {
            assert_eq!(parse_any(&with(&jwk, "pub", URL_SAFE_NO_PAD.encode(bytes))), Err(KeyError::Malformed));
        }
    }
}

// ALG-03.
#[test]
fn keys_of_unsupported_types_are_not_used() {
    for jwk in [
        json!({"kty": "OKP", "crv": "Ed448", "x": "AA"}),
        json!({"kty": "OKP", "crv": "Ed448", "alg": "EdDSA", "x": "AA"}),
        json!({"kty": "EC", "crv": "BP-256", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
    ] {
        assert_eq!(parse_any(&jwk), Err(KeyError::WrongType), "{jwk}");
    }
    for alg in ["Ed448", "ESB256", "HPKE-0", "HPKE-7", "ESP256", "HashML-DSA-44"] {
        let jwk = json!({"kty": "OKP", "crv": "Ed448", "alg": alg, "x": "AA"});
        assert_eq!(parse_any(&jwk), Err(KeyError::Algorithm), "{alg}");
    }
}

#[test]
fn another_use_is_accepted_instead_of_sig() {
    let key = ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521");
    let filter = KeyFilter { algorithms: vec![Algorithm::Es512], key_use: "jwt-svid".to_owned() };
    let is_used = |jwk: &Value| Key::from_jwk(&Object::parse(&jwk.to_string()).unwrap(), &filter).is_ok();
    assert!(is_used(&with(&key, "use", "jwt-svid")) && is_used(&key));
    for other in ["sig", "x509-svid", "enc", ""] {
        assert!(!is_used(&with(&key, "use", other)), "{other}");
    }
    assert_eq!(parse_any(&with(&key, "use", "jwt-svid")), Err(KeyError::NotForSignatures));
}

/// A certificate of OpenSSL with a key on P-256.
const P_256: &str = "MIIBdDCCARmgAwIBAgIUTHzqynA8YkvDLCKIlYsZnKeigUMwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcDI1NjAeFw0yNjExMzAwODA0\
    NDFaFw0zNjExMjcwODA0NDFaMA8xDTALBgNVBAMMBHAyNTYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATSBoTh75XYmtwZwWP+agd9\
    57oA7VBo/jZRyYNuWoKkAwBEQIxg38ink6lMRUp4rcrLWPRzQvJRym8sn29kd8Vwo1MwUTAdBgNVHQ4EFgQUItHI64LprPQBYoqaXx5J\
    5VSHtPMwHwYDVR0jBBgwFoAUItHI64LprPQBYoqaXx5J5VSHtPMwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA743V\
    EYjk1bd1VF86w3VSvCfQNbZteyRaL0jj3IXldMYCIQDb1Yr0uhuerLC2AGVYj+6l/LD38II6NNNLgYhj6KCeeQ==";
