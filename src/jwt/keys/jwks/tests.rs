//! JWK Sets, well-formed and hostile.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::prelude::*;

use super::*;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;
use crate::jwt::keys::jwk::PRIVATE_MEMBERS;

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ed25519(extra: &str) -> String {
    let pair = Ed25519KeyPair::generate().unwrap();
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{extra}}}"#, base64(pair.public_key().as_ref()))
}

fn p256(extra: &str) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"{extra}}}"#, base64(&point[1..33]), base64(&point[33..]))
}

/// The RSA key of 2048 bits in RFC 7515, appendix A.2.
fn rsa(extra: &str) -> String {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2l\
             ZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM\
             a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2P\
             AcDTW9gb54h4FRWyuXpoQ";
    format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"{extra}}}"#)
}

fn parse_set(keys: &[String]) -> ParsedKeySet {
    KeySet::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")), &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)).unwrap()
}

fn has_key_for(keys: &KeySet, algorithm: Algorithm) -> bool {
    keys.candidates(algorithm, None).next().is_some()
}

fn error_of(key: String) -> KeyError {
    let parsed = parse_set(&[key]);
    assert!(parsed.keys.is_empty());
    parsed.skipped[0].error
}

#[test]
fn a_key_without_alg_uses_the_first_allowed_algorithm_of_its_family() {
    let parsed = parse_set(&[rsa(r#","kid":"r""#), p256(r#","kid":"p""#), ed25519(r#","kid":"e""#)]);
    assert_eq!(parsed.skipped, []);
    for (kid, algorithm) in [("r", Algorithm::Rs256), ("p", Algorithm::Es256), ("e", Algorithm::EdDsa)] {
        for other in PUBLIC_KEY_ALGORITHMS {
            let count = parsed.keys.candidates(other, Some(kid)).count();
            assert_eq!(count, usize::from(other == algorithm), "{kid} {other:?}");
        }
    }
    let pss_first = [Algorithm::Ps512, Algorithm::Rs256];
    let keys = KeySet::parse(&format!(r#"{{"keys":[{}]}}"#, rsa("")), &KeyFilter::new(pss_first)).unwrap().keys;
    assert!(has_key_for(&keys, Algorithm::Ps512) && !has_key_for(&keys, Algorithm::Rs256));
}

#[test]
fn a_key_with_alg_uses_only_that_algorithm() {
    let keys = parse_set(&[rsa(r#","alg":"RS512","kid":"r""#)]).keys;
    assert!(has_key_for(&keys, Algorithm::Rs512) && !has_key_for(&keys, Algorithm::Rs256));
    assert!(has_key_for(&parse_set(&[ed25519(r#","alg":"Ed25519""#)]).keys, Algorithm::EdDsa));
    assert_eq!(error_of(rsa(r#","alg":"RSA-OAEP""#)), KeyError::Algorithm);
    assert_eq!(error_of(rsa(r#","alg":"HS256""#)), KeyError::Algorithm);
    assert_eq!(error_of(rsa(r#","alg":"ES256""#)), KeyError::WrongType);
    assert_eq!(error_of(p256(r#","alg":"ES384""#)), KeyError::WrongType);
    assert_eq!(error_of(rsa(r#","alg":1"#)), KeyError::Malformed);
}

#[test]
fn unusable_keys_are_skipped_and_the_others_are_used() {
    let parsed = parse_set(&[
        r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#.to_owned(),
        rsa(r#","use":"enc""#),
        rsa(r#","key_ops":["encrypt"]"#),
        r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
        r#"{"kty":"oct"}"#.to_owned(),
        ed25519(r#","d":"AAAA""#),
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(),
        r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#.to_owned(),
        "7".to_owned(),
        p256(r#","use":"sig","key_ops":["verify"],"kid":"good""#),
    ]);
    let errors: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.error).collect();
    assert_eq!(
        errors,
        [
            KeyError::Algorithm,
            KeyError::NotForSignatures,
            KeyError::NotForSignatures,
            KeyError::Private,
            KeyError::Private,
            KeyError::Private,
            KeyError::RsaModulus,
            KeyError::Malformed,
            KeyError::Malformed,
        ]
    );
    assert_eq!(parsed.keys.candidates(Algorithm::Es256, Some("good")).count(), 1);
}

#[test]
fn a_key_with_any_private_member_is_rejected() {
    for member in PRIVATE_MEMBERS {
        assert_eq!(error_of(rsa(&format!(r#","{member}":"AA""#))), KeyError::Private, "{member}");
    }
}

#[test]
fn a_null_member_counts_as_absent() {
    let nulls: String = PRIVATE_MEMBERS.iter().map(|name| format!(r#","{name}":null"#)).collect();
    let others = r#","use":null,"key_ops":null,"alg":null,"kid":null,"x5c":null"#;
    for key in [rsa(r#","crv":null,"x":null"#), p256(r#","n":null"#), ed25519(r#","y":null"#)] {
        let with_nulls = format!("{}{nulls}{others}}}", key.strip_suffix('}').unwrap());
        assert_eq!(parse_set(std::slice::from_ref(&with_nulls)).skipped, [], "{with_nulls}");
    }
    assert_eq!(error_of(r#"{"kty":"RSA","n":null,"e":"AQAB"}"#.to_owned()), KeyError::Malformed);
    assert_eq!(error_of(r#"{"kty":null}"#.to_owned()), KeyError::WrongType);
}

#[test]
fn an_empty_private_member_is_not_absent() {
    for member in PRIVATE_MEMBERS {
        for value in ["\"\"", "false", "0", "[]"] {
            assert_eq!(error_of(rsa(&format!(r#","{member}":{value}"#))), KeyError::Private, "{member}: {value}");
        }
    }
}

/// RFC 7515, appendix A.2: the signing input and signature that the key of [`rsa`] made.
const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                      c19yb290Ijp0cnVlfQ";
const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5j\
                         ujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L\
                         07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEU\
                         ipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

#[test]
fn leading_zero_octets_of_an_rsa_key_are_ignored() {
    let key = rsa("");
    let n = key.split('"').nth(7).unwrap();
    let octets = URL_SAFE_NO_PAD.decode(n).unwrap();
    for zeros in 0..3 {
        let padded = base64(&[vec![0; zeros], octets.clone()].concat());
        for exponent in ["AQAB", "AAEAAQ", "AAABAAE"] {
            let key = key.replace(n, &padded).replace("AQAB", exponent);
            let parsed = parse_set(&[key]);
            assert_eq!(parsed.skipped, [], "{zeros} {exponent}");
            let verifier = &parsed.keys.candidates(Algorithm::Rs256, None).next().unwrap().verifier;
            assert!(verifier.verify(SIGNED.as_bytes(), &URL_SAFE_NO_PAD.decode(SIGNATURE).unwrap()));
        }
    }
    let mut too_short = vec![0; 256];
    too_short.extend(&octets[..200]);
    assert_eq!(error_of(key.replace(n, &base64(&too_short))), KeyError::RsaModulus);
    assert_eq!(error_of(key.replace("AQAB", "AAAD")), KeyError::RsaExponent);
}

#[test]
fn a_point_that_is_not_on_its_curve_or_has_another_length_is_rejected() {
    let not_on_curve = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, base64(&[7; 32]));
    assert_eq!(error_of(not_on_curve), KeyError::Malformed);
    let long = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, base64(&[7; 33]));
    assert_eq!(error_of(long), KeyError::Malformed);
    let short = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64(&[7; 31]));
    assert_eq!(error_of(short), KeyError::Malformed);
}

#[test]
fn a_coordinate_that_is_not_of_full_length_is_rejected() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    for middle in [32, 34] {
        let (x, y) = (base64(&point[1..middle]), base64(&point[middle..]));
        let key = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        assert_eq!(error_of(key), KeyError::Malformed, "the same point, split elsewhere");
    }
}

#[test]
fn a_key_on_p_384_is_for_es384() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (base64(&point[1..49]), base64(&point[49..]));
    let parsed = parse_set(&[format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#)]);
    assert!(has_key_for(&parsed.keys, Algorithm::Es384) && !has_key_for(&parsed.keys, Algorithm::Es256));
}

#[test]
fn an_ed25519_key_of_small_order_is_rejected() {
    for point in EIGHT_TORSION {
        let x = base64(point.compress().as_bytes());
        assert_eq!(error_of(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)), KeyError::InvalidPoint);
    }
}

#[test]
fn an_ed25519_key_that_is_not_on_the_curve_is_rejected() {
    let mut y = [0; 32];
    y[0] = 2;
    assert_eq!(error_of(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64(&y))), KeyError::InvalidPoint);
}

#[test]
fn of_two_keys_with_the_same_kid_and_algorithm_the_first_is_used() {
    let parsed = parse_set(&[ed25519(r#","kid":"k""#), ed25519(r#","kid":"k""#), p256(r#","kid":"k""#)]);
    assert_eq!(parsed.skipped, [SkippedKey { index: 1, error: KeyError::Duplicate }]);
    assert_eq!(parsed.keys.candidates(Algorithm::EdDsa, Some("k")).count(), 1);
    assert_eq!(parsed.keys.candidates(Algorithm::Es256, Some("k")).count(), 1);
}

#[test]
fn candidates_are_the_key_with_the_kid_or_else_the_keys_without_one() {
    let keys = parse_set(&[ed25519(r#","kid":"a""#), ed25519(""), ed25519(r#","kid":"b""#)]).keys;
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("a")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("unknown")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::EdDsa, None).count(), 3);
    assert!(keys.contains_kid("a") && !keys.contains_kid("unknown"));
}

#[test]
fn a_token_without_kid_has_a_bounded_number_of_candidates() {
    let keys: Vec<_> = (0..10).map(|_| ed25519("")).collect();
    assert_eq!(parse_set(&keys).keys.candidates(Algorithm::EdDsa, None).count(), MAX_CANDIDATES);
}

#[test]
fn the_last_of_very_many_keys_is_found() {
    let mut keys: Vec<_> = (1..MAX_KEYS).map(|number| ed25519(&format!(r#","kid":"{number}""#))).collect();
    keys.push(p256(r#","kid":"last""#));
    let parsed = parse_set(&keys);
    assert_eq!(parsed.skipped, []);
    assert_eq!(parsed.keys.candidates(Algorithm::Es256, Some("last")).count(), 1);
    assert!((1..MAX_KEYS).all(|number| parsed.keys.contains_kid(&number.to_string())));
}

#[test]
fn keys_beyond_the_bound_are_reported_with_their_number() {
    let mut keys = vec!["7".to_owned(); MAX_KEYS + 10];
    keys[MAX_KEYS - 1] = ed25519(r#","kid":"inside""#);
    keys[MAX_KEYS] = ed25519(r#","kid":"outside""#);
    let parsed = parse_set(&keys);
    let error = KeyError::TooMany { count: MAX_KEYS + 10, max: MAX_KEYS };
    assert_eq!(parsed.skipped[0], SkippedKey { index: MAX_KEYS, error });
    assert_eq!(parsed.skipped.len(), MAX_KEYS);
    assert!(parsed.keys.contains_kid("inside") && !parsed.keys.contains_kid("outside"));
}

#[test]
fn keys_with_the_same_kid_keep_their_order() {
    let parsed = parse_set(&[
        p256(r#","kid":"b""#),
        ed25519(r#","kid":"a""#),
        ed25519(r#","kid":"b""#),
        rsa(r#","kid":"b""#),
        ed25519(""),
    ]);
    let algorithms: Vec<_> = parsed.keys.with_kid(Some("b")).map(|key| key.algorithm).collect();
    assert_eq!(algorithms, [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]);
    assert_eq!(parsed.keys.with_kid(None).count(), 0);
    assert_eq!(parsed.keys.with_kid(Some("c")).count(), 0);
}

/// The key of RFC 8410, section 10.1.
const PEM: &str = r"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

#[test]
fn an_object_of_pem_texts_is_a_set_of_keys_by_kid() {
    let parsed = KeySet::parse(
        &format!(
            r#"{{"a":"{PEM}","b":"\n{PEM}","c":"-----BEGIN CERTIFICATE-----","d":"-----BEGIN PRIVATE KEY-----"}}"#
        ),
        &KeyFilter::new(PUBLIC_KEY_ALGORITHMS),
    );
    let ParsedKeySet { keys, skipped } = parsed.unwrap();
    assert_eq!(
        skipped,
        [SkippedKey { index: 2, error: KeyError::Malformed }, SkippedKey { index: 3, error: KeyError::Private }]
    );
    for kid in ["a", "b"] {
        assert_eq!(keys.candidates(Algorithm::EdDsa, Some(kid)).count(), 1, "{kid}");
    }
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("c")).count(), 0);
}

#[test]
fn an_object_with_any_other_member_is_not_a_set_of_pem_texts() {
    for text in ["{}", r#"{"a":null}"#, r#"{"error":"not found"}"#, r#"{"keys":"PEM"}"#, r#"{"a":"PEM","b":1}"#] {
        let text = text.replace("PEM", PEM);
        assert!(KeySet::parse(&text, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)).is_none(), "{text}");
    }
}

#[test]
fn a_text_that_is_not_a_jwk_set_is_rejected() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[],"keys":[]}"#] {
        assert!(KeySet::parse(text, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)).is_none(), "{text}");
    }
    assert!(KeySet::parse(r#"{"keys":[]}"#, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)).unwrap().keys.is_empty());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[\\[\\]{}\",:a-zA-Z0-9 ]{0,80}") {
        let _ = KeySet::parse(&text, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS));
        let _ = KeySet::parse(&format!(r#"{{"keys":[{text}]}}"#), &KeyFilter::new(PUBLIC_KEY_ALGORITHMS));
    }
}
