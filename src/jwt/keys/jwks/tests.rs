//! JWK Sets, honest and hostile.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::prelude::*;

use super::*;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;

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

/// RFC 7515, appendix A.2: an RSA key of 2048 bits.
fn rsa(extra: &str) -> String {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2l\
             ZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM\
             a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2P\
             AcDTW9gb54h4FRWyuXpoQ";
    format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"{extra}}}"#)
}

fn set(keys: &[String]) -> Parsed {
    KeySet::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")), &PUBLIC_KEY_ALGORITHMS).unwrap()
}

fn serves(keys: &KeySet, algorithm: Algorithm) -> bool {
    keys.candidates(algorithm, None).next().is_some()
}

fn fault(key: String) -> KeyError {
    let parsed = set(&[key]);
    assert!(parsed.keys.is_empty());
    parsed.skipped[0].fault
}

#[test]
fn a_key_without_alg_serves_the_first_algorithm_of_its_family_and_no_other() {
    let parsed = set(&[rsa(r#","kid":"r""#), p256(r#","kid":"p""#), ed25519(r#","kid":"e""#)]);
    assert_eq!(parsed.skipped, []);
    for (kid, algorithm) in [("r", Algorithm::Rs256), ("p", Algorithm::Es256), ("e", Algorithm::EdDsa)] {
        for other in PUBLIC_KEY_ALGORITHMS {
            let count = parsed.keys.candidates(other, Some(kid)).count();
            assert_eq!(count, usize::from(other == algorithm), "{kid} {other:?}");
        }
    }
    let pss_first = [Algorithm::Ps512, Algorithm::Rs256];
    let keys = KeySet::parse(&format!(r#"{{"keys":[{}]}}"#, rsa("")), &pss_first).unwrap().keys;
    assert!(serves(&keys, Algorithm::Ps512) && !serves(&keys, Algorithm::Rs256));
}

#[test]
fn a_key_with_alg_serves_just_that_where_it_is_allowed_and_fits() {
    let keys = set(&[rsa(r#","alg":"RS512","kid":"r""#)]).keys;
    assert!(serves(&keys, Algorithm::Rs512) && !serves(&keys, Algorithm::Rs256));
    assert!(serves(&set(&[ed25519(r#","alg":"Ed25519""#)]).keys, Algorithm::EdDsa));
    assert_eq!(fault(rsa(r#","alg":"RSA-OAEP""#)), KeyError::Algorithm);
    assert_eq!(fault(rsa(r#","alg":"HS256""#)), KeyError::Algorithm);
    assert_eq!(fault(rsa(r#","alg":"ES256""#)), KeyError::Kind);
    assert_eq!(fault(p256(r#","alg":"ES384""#)), KeyError::Kind);
    assert_eq!(fault(rsa(r#","alg":1"#)), KeyError::Malformed);
}

#[test]
fn keys_that_cannot_be_used_are_skipped_and_the_others_stay() {
    let parsed = set(&[
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
    let faults: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.fault).collect();
    assert_eq!(
        faults,
        [
            KeyError::Kind,
            KeyError::Use,
            KeyError::Use,
            KeyError::Private,
            KeyError::Private,
            KeyError::Private,
            KeyError::Size,
            KeyError::Kind,
            KeyError::Malformed,
        ]
    );
    assert_eq!(parsed.keys.candidates(Algorithm::Es256, Some("good")).count(), 1);
}

#[test]
fn every_member_of_a_private_key_gives_it_away() {
    for member in PRIVATE {
        assert_eq!(fault(rsa(&format!(r#","{member}":"AA""#))), KeyError::Private, "{member}");
    }
}

#[test]
fn a_point_off_its_curve_or_of_another_length_is_refused() {
    let off = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, base64(&[7; 32]));
    assert_eq!(fault(off), KeyError::Malformed);
    let long = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, base64(&[7; 33]));
    assert_eq!(fault(long), KeyError::Malformed);
    let short = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64(&[7; 31]));
    assert_eq!(fault(short), KeyError::Malformed);
}

#[test]
fn coordinates_have_their_full_length_each() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    for middle in [32, 34] {
        let (x, y) = (base64(&point[1..middle]), base64(&point[middle..]));
        let key = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        assert_eq!(fault(key), KeyError::Malformed, "the same point, cut elsewhere");
    }
}

#[test]
fn a_key_on_p_384_serves_es384() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (base64(&point[1..49]), base64(&point[49..]));
    let parsed = set(&[format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#)]);
    assert!(serves(&parsed.keys, Algorithm::Es384) && !serves(&parsed.keys, Algorithm::Es256));
}

#[test]
fn an_ed25519_key_of_small_order_is_refused() {
    for point in EIGHT_TORSION {
        let x = base64(point.compress().as_bytes());
        assert_eq!(fault(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)), KeyError::Point);
    }
}

#[test]
fn an_ed25519_key_off_the_curve_is_refused() {
    let mut y = [0; 32];
    y[0] = 2;
    assert_eq!(fault(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64(&y))), KeyError::Point);
}

#[test]
fn of_two_keys_of_one_name_and_algorithm_the_first_counts() {
    let parsed = set(&[ed25519(r#","kid":"k""#), ed25519(r#","kid":"k""#), p256(r#","kid":"k""#)]);
    assert_eq!(parsed.skipped, [SkippedKey { place: 1, fault: KeyError::Repeated }]);
    assert_eq!(parsed.keys.candidates(Algorithm::EdDsa, Some("k")).count(), 1);
    assert_eq!(parsed.keys.candidates(Algorithm::Es256, Some("k")).count(), 1);
}

#[test]
fn a_named_key_is_found_by_its_name_and_else_those_without_one() {
    let keys = set(&[ed25519(r#","kid":"a""#), ed25519(""), ed25519(r#","kid":"b""#)]).keys;
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("a")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("unknown")).count(), 1);
    assert_eq!(keys.candidates(Algorithm::EdDsa, None).count(), 3);
    assert!(keys.knows("a") && !keys.knows("unknown"));
}

#[test]
fn a_token_without_kid_is_tried_on_a_bounded_number_of_keys() {
    let keys: Vec<_> = (0..10).map(|_| ed25519("")).collect();
    assert_eq!(set(&keys).keys.candidates(Algorithm::EdDsa, None).count(), MAX_CANDIDATES);
}

#[test]
fn no_more_keys_are_read_than_the_bound() {
    let keys = vec!["7".to_owned(); MAX_KEYS + 10];
    assert_eq!(set(&keys).skipped.len(), MAX_KEYS);
}

#[test]
fn what_is_no_jwk_set_is_none() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[],"keys":[]}"#] {
        assert!(KeySet::parse(text, &PUBLIC_KEY_ALGORITHMS).is_none(), "{text}");
    }
    assert!(KeySet::parse(r#"{"keys":[]}"#, &PUBLIC_KEY_ALGORITHMS).unwrap().keys.is_empty());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[\\[\\]{}\",:a-zA-Z0-9 ]{0,80}") {
        let _ = KeySet::parse(&text, &PUBLIC_KEY_ALGORITHMS);
        let _ = KeySet::parse(&format!(r#"{{"keys":[{text}]}}"#), &PUBLIC_KEY_ALGORITHMS);
    }
}
