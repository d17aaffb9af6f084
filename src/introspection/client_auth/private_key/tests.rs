//! Keys and signatures of the RFCs, and keys in every format.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use pem::Pem;

use super::*;

/// RFC 7515 appendix A.2.1.
const RSA: [(&str, &str); 8] = [
    (
        "n",
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
     T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB\
     dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
     GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    ),
    ("e", "AQAB"),
    (
        "d",
        "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46su\
     i395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4\
     qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB\
     4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    ),
    (
        "p",
        "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8\
     cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    ),
    (
        "q",
        "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t\
     62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    ),
    (
        "dp",
        "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCj\
     n12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    ),
    (
        "dq",
        "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnw\
     gjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    ),
    (
        "qi",
        "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93\
     IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    ),
];

/// RFC 7515 appendix A.3.1.
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

/// RFC 8037 appendix A.1.
const ED25519_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn rsa_jwk(more: &Value) -> String {
    let mut jwk = json!({ "kty": "RSA" });
    let members = jwk.as_object_mut().unwrap();
    members.extend(RSA.map(|(name, value)| (name.to_owned(), value.into())));
    members.extend(more.as_object().unwrap().clone());
    jwk.to_string()
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&Pem::new(tag, der))
}

fn fault(text: &str) -> KeyFault {
    PrivateKey::parse(text).map(|_| ()).unwrap_err()
}

/// Signs claims, verifies the signature, and returns the header.
fn header(key: &PrivateKey, scheme: &'static dyn VerificationAlgorithm) -> Value {
    let token = key.sign_jwt(&json!({ "sub": "api" })).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public: &[u8] = match &key.pair {
        Pair::Ed25519(pair) => pair.public_key().as_ref(),
        Pair::P256(pair) => pair.public_key().as_ref(),
        Pair::Rsa { pair, .. } => pair.public_key().as_ref(),
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(scheme, public).verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(claims).unwrap(), br#"{"sub":"api"}"#);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

#[test]
fn an_rsa_key_signs_as_in_the_example_of_rfc_7515() {
    let key = PrivateKey::parse(&rsa_jwk(&json!({}))).unwrap();
    let message =
        b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
        yb290Ijp0cnVlfQ";
    let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
        uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB\
        _eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq\
        Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(URL_SAFE_NO_PAD.encode(key.sign(message).unwrap()), expected);
}

#[test]
fn an_ed25519_key_signs_as_in_the_example_of_rfc_8037() {
    let key = PrivateKey::parse(ED25519_KEY).unwrap();
    let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(URL_SAFE_NO_PAD.encode(signature), expected);
}

#[test]
fn jwks_of_every_type_sign_with_their_algorithm_and_kid() {
    let rs256 = PrivateKey::parse(&rsa_jwk(&json!({ "kid": "k1" }))).unwrap();
    let expected = json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" });
    assert_eq!(header(&rs256, &RSA_PKCS1_2048_8192_SHA256), expected);
    let ps256 = PrivateKey::parse(&rsa_jwk(&json!({ "alg": "PS256" }))).unwrap();
    assert_eq!(header(&ps256, &RSA_PSS_2048_8192_SHA256), json!({ "alg": "PS256", "typ": "JWT" }));
    let es256 = PrivateKey::parse(P256).unwrap();
    assert_eq!(header(&es256, &ECDSA_P256_SHA256_FIXED), json!({ "alg": "ES256", "typ": "JWT" }));
    let eddsa = PrivateKey::parse(ED25519_KEY).unwrap();
    assert_eq!(header(&eddsa, &ED25519), json!({ "alg": "EdDSA", "typ": "JWT" }));
}

#[test]
fn pems_of_every_format_sign() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let numbers = RSA.map(|(_, number)| Zeroizing::new(URL_SAFE_NO_PAD.decode(number).unwrap()));
    let sec1: EcPrivateKeyRfc5915Der<'_> = p256.private_key().as_der().unwrap();
    let rsa_pkcs8: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let (rs256, es256, eddsa) = (&RSA_PKCS1_2048_8192_SHA256, &ECDSA_P256_SHA256_FIXED, &ED25519);
    let cases: [(String, &'static dyn VerificationAlgorithm, &str); 6] = [
        (pem("PRIVATE KEY", rsa_pkcs8.as_ref()), rs256, "RS256"),
        (pem("RSA PRIVATE KEY", &rsa_private_key(&numbers)), rs256, "RS256"),
        (pem("PRIVATE KEY", p256.to_pkcs8v1().unwrap().as_ref()), es256, "ES256"),
        (pem("EC PRIVATE KEY", sec1.as_ref()), es256, "ES256"),
        (pem("PRIVATE KEY", ed25519.to_pkcs8v1().unwrap().as_ref()), eddsa, "EdDSA"),
        (format!("\n {}", pem("PRIVATE KEY", ed25519.to_pkcs8().unwrap().as_ref())), eddsa, "EdDSA"),
    ];
    for (text, scheme, alg) in cases {
        let key = PrivateKey::parse(&text).unwrap();
        assert_eq!(header(&key, scheme), json!({ "alg": alg, "typ": "JWT" }), "{alg}");
    }
}

#[test]
fn public_weak_and_unsupported_keys_are_rejected() {
    assert_eq!(fault(""), KeyFault::Format);
    assert_eq!(fault("secret"), KeyFault::Format);
    assert_eq!(fault("{"), KeyFault::Format);
    assert_eq!(fault(&pem("OPENSSH PRIVATE KEY", b"x")), KeyFault::Format);
    assert_eq!(fault(&pem("PUBLIC KEY", b"x")), KeyFault::Public);
    assert_eq!(
        fault(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#),
        KeyFault::Public
    );
    for (from, to) in [("\"OKP\"", "\"EC\""), ("Ed25519", "X25519"), ("nWGx", "nWGy"), ("nWGx", "n+Gx"), ("11qY", "qY")]
    {
        assert_eq!(fault(&ED25519_KEY.replace(from, to)), KeyFault::Unusable, "{from}");
    }
    for (from, to) in [("P-256", "P-384"), ("f83O", "f83P"), ("{", r#"{"alg":"ES384","#), ("{", r#"{"alg":"EdDSA","#)] {
        assert_eq!(fault(&P256.replacen(from, to, 1)), KeyFault::Unusable, "{from}");
    }
    assert_eq!(fault(&rsa_jwk(&json!({ "alg": "RS512" }))), KeyFault::Unusable);
    assert_eq!(fault(&rsa_jwk(&json!({ "q": null }))), KeyFault::Unusable);
    assert_eq!(fault(&rsa_jwk(&json!({ "dp": "AQAB" }))), KeyFault::Unusable);
    assert_eq!(fault(r#"{"kty":"oct","k":"AQAB","d":"AQAB"}"#), KeyFault::Unusable);
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    assert_eq!(fault(&pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref())), KeyFault::Unusable);
}
