//! The test vectors of Wycheproof for every algorithm: each valid signature is accepted and each other one rejected.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use wycheproof::ecdsa::TestName as Ecdsa;
use wycheproof::eddsa::TestName as Eddsa;
use wycheproof::mac::TestName as Mac;
use wycheproof::mldsa_verify::TestName as MlDsa;
use wycheproof::rsa_pkcs1_verify::TestName as Pkcs1;
use wycheproof::rsa_pss_verify::TestName as Pss;

use crate::jwt::algorithm::{Algorithm, PUBLIC_KEY_ALGORITHMS};
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::keys::jwks::KeySet;
use crate::jwt::keys::public_key::PublicKey;
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::token::compact::{self, Compact};
use crate::jwt::token::header::Header;

/// How many tests of a file were valid and accepted, and how many were rejected.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: usize,
    rejected: usize,
}

/// Checks each signature of a file. In a group that is not `supported`, each valid one must be rejected.
#[track_caller]
fn check(json: &str, algorithm: Algorithm, supported: impl Fn(&Value) -> bool) -> Counts {
    let file: Value = serde_json::from_str(json).unwrap();
    let mut counts = Counts::default();
    for group in file["testGroups"].as_array().unwrap() {
        let key = PublicKey::from_spki(&hex(&group["publicKeyDer"])).and_then(|key| key.verifier(algorithm));
        for test in group["tests"].as_array().unwrap() {
            let verifies = |key: &Verifier| key.verify(&hex(&test["msg"]), &hex(&test["sig"]));
            // JOSE uses the empty context (RFC 9964 §4).
            let has_context = test["ctx"].as_str().is_some_and(|context| !context.is_empty());
            let is_accepted = key.as_ref().is_ok_and(verifies);
            // A signature that is invalid for other parameters may be valid for those of JOSE.
            if supported(group) || test["result"] == "valid" {
                record(&mut counts, test, supported(group) && !has_context, is_accepted);
            }
        }
    }
    counts
}

#[track_caller]
fn record(counts: &mut Counts, test: &Value, is_supported: bool, is_accepted: bool) {
    match test["result"].as_str().unwrap() {
        "valid" => assert_eq!(is_accepted, is_supported, "{test}"),
        "invalid" => assert!(!is_accepted, "{test}"),
        _ => {}
    }
    *(if is_accepted { &mut counts.accepted } else { &mut counts.rejected }) += 1;
}

fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn ecdsa_signatures() {
    for (file, algorithm, accepted) in [
        (Ecdsa::EcdsaSecp256r1Sha256P1363, Algorithm::Es256, 173),
        (Ecdsa::EcdsaSecp256k1Sha256P1363, Algorithm::Es256k, 167),
        (Ecdsa::EcdsaSecp384r1Sha384P1363, Algorithm::Es384, 193),
        (Ecdsa::EcdsaSecp521r1Sha512P1363, Algorithm::Es512, 231),
    ] {
        assert_eq!(check(file.json_data(), algorithm, |_| true).accepted, accepted, "{algorithm:?}");
    }
}

#[test]
fn ed25519_signatures() {
    assert_eq!(check(Eddsa::Ed25519.json_data(), Algorithm::EdDsa, |_| true), Counts { accepted: 88, rejected: 63 });
}

#[test]
fn ml_dsa_signatures() {
    for (file, algorithm, accepted) in [
        (MlDsa::MlDsa44Verify, Algorithm::MlDsa44, 75),
        (MlDsa::MlDsa65Verify, Algorithm::MlDsa65, 77),
        (MlDsa::MlDsa87Verify, Algorithm::MlDsa87, 69),
    ] {
        assert_eq!(check(file.json_data(), algorithm, |_| true).accepted, accepted, "{algorithm:?}");
    }
}

/// Whether the key of a group is one that the crate accepts.
fn is_strong(group: &Value) -> bool {
    let exponent = hex(&group["publicKey"]["publicExponent"]);
    group["keySize"].as_u64().unwrap() >= 2048 && exponent.len() >= 3
}

#[test]
fn rsa_pkcs1_signatures() {
    for (file, algorithm) in [
        (Pkcs1::Rsa2048Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa3072Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa4096Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa8192Sha256, Algorithm::Rs256),
        (Pkcs1::Rsa2048Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa3072Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa4096Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa8192Sha384, Algorithm::Rs384),
        (Pkcs1::Rsa2048Sha512, Algorithm::Rs512),
        (Pkcs1::Rsa3072Sha512, Algorithm::Rs512),
        (Pkcs1::Rsa4096Sha512, Algorithm::Rs512),
        (Pkcs1::Rsa8192Sha512, Algorithm::Rs512),
    ] {
        assert!(check(file.json_data(), algorithm, is_strong).accepted > 0, "{file:?}");
    }
}

#[test]
fn rsa_pss_signatures() {
    for (file, algorithm) in [
        (Pss::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::Ps256),
        (Pss::RsaPss2048Sha256Mgf1SaltLen32WithParams, Algorithm::Ps256),
        (Pss::RsaPss3072Sha256Mgf1SaltLen32WithParams, Algorithm::Ps256),
        (Pss::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Pss::RsaPss4096Sha384Mgf1SaltLen48, Algorithm::Ps384),
        (Pss::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512),
        (Pss::RsaPss4096Sha512Mgf1SaltLen64WithParams, Algorithm::Ps512),
    ] {
        assert!(check(file.json_data(), algorithm, is_strong).accepted > 0, "{file:?}");
    }
}

// RFC 7518 §3.5: the mask has the same hash, and the salt has its length.
#[test]
fn rsa_pss_signatures_with_other_parameters_are_rejected() {
    for file in [
        Pss::RsaPss2048Sha256Mgf1SaltLen0,
        Pss::RsaPss2048Sha256Mgf1SaltLen0WithParams,
        Pss::RsaPss2048Sha256Mgf1Sha1_20,
        Pss::RsaPss2048Sha1Mgf1SaltLen20,
        Pss::RsaPss2048Sha1Mgf1SaltLen20WithParams,
        Pss::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        Pss::RsaPss4096Sha512Mgf1SaltLen32,
        Pss::RsaPss4096Sha512Mgf1SaltLen32WithParams,
    ] {
        for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
            assert_eq!(check(file.json_data(), algorithm, |_| false).accepted, 0, "{file:?} {algorithm:?}");
        }
    }
    for (algorithm, hash, len) in
        [(Algorithm::Ps256, "SHA-256", 32), (Algorithm::Ps384, "SHA-384", 48), (Algorithm::Ps512, "SHA-512", 64)]
    {
        let fits = |group: &Value| group["sha"] == hash && group["mgfSha"] == hash && group["sLen"] == len;
        for file in [Pss::RsaPssmisc, Pss::RsaPssmiscWithParams] {
            assert_eq!(check(file.json_data(), algorithm, fits).accepted, 1, "{file:?} {algorithm:?}");
        }
    }
}

// RFC 7518 §3.2: the tag is not truncated, and the secret is as long as the hash.
#[test]
fn hmac_tags() {
    for (file, algorithm, bits) in [
        (Mac::HmacSha256, Algorithm::Hs256, 256),
        (Mac::HmacSha384, Algorithm::Hs384, 384),
        (Mac::HmacSha512, Algorithm::Hs512, 512),
    ] {
        let json: Value = serde_json::from_str(file.json_data()).unwrap();
        let mut counts = Counts::default();
        for group in json["testGroups"].as_array().unwrap() {
            let is_supported = group["tagSize"] == bits && group["keySize"].as_u64().unwrap() >= bits;
            for test in group["tests"].as_array().unwrap() {
                let key = Verifier::hmac(algorithm, &hex(&test["key"]));
                let is_accepted = key.is_ok_and(|key| key.verify(&hex(&test["msg"]), &hex(&test["tag"])));
                record(&mut counts, test, is_supported, is_accepted);
            }
        }
        assert!(counts.accepted > 10, "{algorithm:?}: {counts:?}");
    }
}

/// Whether the key of a group verifies a token, by the steps that every token passes.
fn verify_jws(key: &Value, jws: &str) -> Option<()> {
    let compact = Compact::parse(jws, 16_384).ok()?;
    let header_text = compact::decode_text(compact.header).ok()?;
    let header = Header::parse(&header_text).ok()?;
    compact::decode(compact.payload).ok()?;
    let signature = compact::decode(compact.signature).ok()?;
    let verifies = |verifier: &Verifier| verifier.verify(compact.signed.as_bytes(), &signature);
    if let Some(secret) = key["k"].as_str() {
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let is_named = key["alg"] == header.algorithm.name();
        return (is_named && verifies(&Verifier::hmac(header.algorithm, &secret).ok()?)).then_some(());
    }
    let set = serde_json::json!({ "keys": [key] }).to_string();
    let keys = KeySet::parse(&set, &KeyFilter::new([&PUBLIC_KEY_ALGORITHMS[..], &[Algorithm::Es512]].concat()))?.keys;
    keys.candidates(header.algorithm, header.kid.as_deref()).any(|key| verifies(&key.verifier)).then_some(())
}

#[test]
fn json_web_signatures() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/json_web_signature.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut counts = Counts::default();
    for group in file["groups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let is_accepted = verify_jws(&group["key"], test["jws"].as_str().unwrap()).is_some();
            match test["id"].as_u64().unwrap() {
                // PS384 with a key whose `alg` is PS256; a key with `alg` ES521, which does not exist; and a question
                // mark among the characters of base64url.
                346 | 347 | 350 | 351 | 372 | 373 => record(&mut counts, test, false, is_accepted),
                // The text is that of the valid token 357, without the padding that the comment names.
                367 | 370 => assert!(is_accepted),
                _ => record(&mut counts, test, true, is_accepted),
            }
        }
    }
    assert_eq!(counts.accepted + counts.rejected, 399, "every test is counted");
}
