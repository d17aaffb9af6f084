//! Malicious headers and payloads, rejected without I/O.

use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, Profile};
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, SECRET, app_trusting, base64url, claims_with, compatible_auth, strict_app, token,
    token_with_header, valid_claims,
};

fn header_with(member: &str) -> String {
    format!(r#"{{"alg":"HS256","typ":"at+jwt",{member}}}"#)
}

// RFC 8725 §2.1.
#[tokio::test]
async fn alg_none_is_rejected_without_io() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience(AUDIENCE).build().unwrap();
    let app = ProtectedApp::behind(auth);
    for alg in [json!("none"), json!("None"), json!("NONE"), json!("nOnE"), json!("none "), json!(""), json!(null)] {
        let signed = issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
        app.send_token(&signed).await.assert_invalid_token(TokenError::Algorithm);
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        app.send_token(&format!("{unsigned}.")).await.assert_invalid_token(TokenError::Algorithm);
    }
    let without_alg = issuer.token("ann").audience(AUDIENCE).without_header("alg").sign();
    app.send_token(&without_alg).await.assert_invalid_token(TokenError::Algorithm);
    assert_eq!(issuer.fetch_count(), 0);
    assert!(app.send_token(&issuer.token("ann").audience(AUDIENCE).sign()).await.handler_called);
}

#[tokio::test]
async fn alg_in_an_unprotected_header_is_ignored() {
    let valid_token = token(valid_claims().to_string());
    let [_, payload, signature] = valid_token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let json = json!({"header": {"alg": "HS256"}, "payload": payload, "signature": signature});
    let response = strict_app().send_token(&json.to_string()).await;
    response.assert_rejected(axum::http::StatusCode::BAD_REQUEST);
    let without_comma = json!({"header": {"alg": "HS256"}}).to_string();
    strict_app().send_token(&without_comma).await.assert_invalid_token(TokenError::Charset);
    // The compact serialization has no unprotected header.
    let without_alg = token_with_header(r#"{"typ":"at+jwt","header":{"alg":"HS256"}}"#, valid_claims().to_string());
    strict_app().send_token(&without_alg).await.assert_invalid_token(TokenError::Algorithm);
}

// RFC 8725 §3.10.
#[tokio::test]
async fn hostile_kid_is_rejected_and_not_echoed() {
    let issuer = TestIssuer::start().await.unwrap();
    let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let app = app_trusting(trusted);
    let token_with_kid = |kid: serde_json::Value| issuer.token("ann").audience(AUDIENCE).header("kid", kid).sign();
    for kid in ["../../../../dev/null", "' OR 1=1--", "KEY-1", "key-1 ", ""] {
        let response = app.send_token(&token_with_kid(kid.into())).await;
        response.assert_invalid_token(TokenError::Key);
        assert!(kid.is_empty() || !format!("{:?}{}", response.head.headers, response.body).contains(kid), "{kid}");
    }
    for kid in [
        json!("key\r\nX-Injected: 1"),
        json!("key-1\0"),
        json!("k".repeat(10_000)),
        json!(1),
        json!(null),
        json!(["key-1"]),
        json!({"kid": "key-1"}),
    ] {
        let response = app.send_token(&token_with_kid(kid)).await;
        response.assert_invalid_token(TokenError::Header);
        assert!(response.head.headers.get("x-injected").is_none());
    }
    let other_app = app_trusting(Issuer::jwks_document(issuer.url(), issuer.jwks()));
    other_app.send_token(&token_with_kid("k".repeat(1_000_000).into())).await.assert_invalid_token(TokenError::TooLong);
}

// RFC 7515 §4.1.11.
#[tokio::test]
async fn unknown_or_malformed_crit_is_rejected() {
    for member in [
        r#""crit":["x-custom"],"x-custom":1"#,
        r#""crit":["absent"]"#,
        r#""crit":["x","x"],"x":1"#,
        r#""crit":[]"#,
        r#""crit":"exp""#,
        r#""crit":[1]"#,
        r#""\u0063rit":["x"],"x":1"#,
    ] {
        strict_app()
            .send_token(&token_with_header(header_with(member), valid_claims().to_string()))
            .await
            .assert_invalid_token(TokenError::Critical);
    }
    let duplicate = header_with(r#""x":1,"crit":["x"],"crit":["x"]"#);
    strict_app()
        .send_token(&token_with_header(duplicate, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Header);
}

// RFC 7797, RFC 7515 appendix F.
#[tokio::test]
async fn unencoded_or_detached_payload_is_rejected() {
    for member in [r#""b64":false,"crit":["b64"]"#, r#""b64":false"#, r#""b64":true,"crit":["b64"]"#] {
        let unencoded = token_with_header(header_with(member), valid_claims().to_string());
        strict_app().send_token(&unencoded).await.assert_invalid_token(TokenError::Critical);
        let parts: Vec<&str> = unencoded.split('.').collect();
        strict_app()
            .send_token(&format!("{}..{}", parts[0], parts[2]))
            .await
            .assert_invalid_token(TokenError::Critical);
    }
    let valid_token = token(valid_claims().to_string());
    let parts: Vec<&str> = valid_token.split('.').collect();
    strict_app().send_token(&format!("{}..{}", parts[0], parts[2])).await.assert_invalid_token(TokenError::Claims);
}

// RFC 7515 §4, RFC 7519 §4.
#[tokio::test]
async fn duplicate_name_is_rejected_in_both_orders_and_when_escaped() {
    let claims = valid_claims().to_string();
    let members = &claims[1..claims.len() - 1];
    for member in [r#""sub":"admin""#, r#""\u0073ub":"admin""#, r#""iss":"https://evil.example""#, r#""e\u0078p":9"#] {
        strict_app()
            .send_token(&token(format!("{{{member},{members}}}")))
            .await
            .assert_invalid_token(TokenError::Claims);
        strict_app()
            .send_token(&token(format!("{{{members},{member}}}")))
            .await
            .assert_invalid_token(TokenError::Claims);
    }
    for header in [
        r#"{"alg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","alg":"none"}"#,
        r#"{"\u0061lg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"at+jwt"}"#,
    ] {
        strict_app().send_token(&token_with_header(header, &claims)).await.assert_invalid_token(TokenError::Header);
    }
}

// RFC 7516.
#[tokio::test]
async fn jwe_is_rejected() {
    let header = base64url(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    strict_app().send_token(&format!("{header}.AAAA.AAAA.AAAA.AAAA")).await.assert_invalid_token(TokenError::Encrypted);
    // Five segments are a JWE even if the header is that of a signed token.
    strict_app()
        .send_token(&format!("{}.AAAA.AAAA.AAAA.AAAA", base64url(HEADER)))
        .await
        .assert_invalid_token(TokenError::Encrypted);
    let three_segments =
        token_with_header(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","typ":"at+jwt"}"#, valid_claims().to_string());
    strict_app().send_token(&three_segments).await.assert_invalid_token(TokenError::Algorithm);
    let direct = token_with_header(r#"{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}"#, valid_claims().to_string());
    strict_app().send_token(&direct).await.assert_invalid_token(TokenError::Algorithm);
}

#[tokio::test]
async fn polyglot_of_json_and_compact_serialization_is_rejected() {
    let valid_token = token(valid_claims().to_string());
    for polyglot in [
        format!(r#"{{"protected":"{valid_token}"}}"#),
        format!(r#"{{"x":"{}"}}.a.b"#, valid_token.replace('.', "")),
        format!("{valid_token}#{{}}"),
        format!("\"{valid_token}\""),
    ] {
        strict_app().send_token(&polyglot).await.assert_invalid_token(TokenError::Charset);
    }
}

// A large iteration count or a compressed payload could exhaust the server.
#[tokio::test]
async fn pbes2_and_zip_are_never_processed() {
    let header = base64url(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA","zip":"DEF"}"#);
    strict_app().send_token(&format!("{header}.AAAA.AAAA.AAAA.AAAA")).await.assert_invalid_token(TokenError::Encrypted);
    strict_app().send_token(&format!("{header}.AAAA.AAAA")).await.assert_invalid_token(TokenError::Algorithm);
    // `zip` is defined for JWE only (RFC 7516 §4.1.3): the payload is not decompressed.
    let deflated = [0x4b_u8, 0x4c, 0x04, 0x00];
    let compressed = token_with_header(header_with(r#""zip":"DEF""#), deflated);
    let response = strict_app().send_token(&compressed).await;
    assert!(!response.handler_called && response.head.status == 401);
}

#[tokio::test]
async fn oversized_token_is_rejected_by_its_length() {
    strict_app().send_token(&".".repeat(1_000_000)).await.assert_invalid_token(TokenError::TooLong);
    strict_app().send_token(&".".repeat(16_384)).await.assert_invalid_token(TokenError::Segments);
    strict_app().send_token(&"a".repeat(100_000)).await.assert_invalid_token(TokenError::TooLong);
    let padded = json!("x".repeat(1_000_000)).to_string();
    strict_app().send_token(&token(claims_with("x", &padded))).await.assert_invalid_token(TokenError::TooLong);
}

#[tokio::test]
async fn deep_nesting_is_rejected_without_a_stack_overflow() {
    let app = ProtectedApp::behind(compatible_auth().max_token_len(65_536).build().unwrap());
    for brackets in
        [format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "[".repeat(20_000), "{\"a\":".repeat(5_000)]
    {
        app.send_token(&token(claims_with("deep", &brackets))).await.assert_invalid_token(TokenError::Claims);
        let header = header_with(&format!("\"deep\":{brackets}"));
        app.send_token(&token_with_header(header, valid_claims().to_string()))
            .await
            .assert_invalid_token(TokenError::Header);
    }
    let shallow = claims_with("deep", &format!("{}{}", "[".repeat(30), "]".repeat(30)));
    assert!(app.send_token(&token(shallow)).await.handler_called);
}

// RFC 7519 §7.3, RFC 8259 §8.2.
#[tokio::test]
async fn strings_are_compared_by_code_points_and_must_be_well_formed() {
    let escaped = claims_with("iss", "\"https:\\/\\/issuer\\u002eexample.com\"");
    assert!(strict_app().send_token(&token(escaped)).await.handler_called);
    let homoglyph = json!(ISSUER.replace('a', "\u{430}")).to_string();
    strict_app().send_token(&token(claims_with("iss", &homoglyph))).await.assert_invalid_token(TokenError::Issuer);
    // The composed and the decomposed form of a letter are different strings.
    let composed = Issuer::hs256("https://\u{e9}.example", SECRET).profile(Profile::Rfc9068);
    let app = app_trusting(composed);
    assert!(app.send_token(&token(claims_with("iss", "\"https://\u{e9}.example\""))).await.handler_called);
    app.send_token(&token(claims_with("iss", "\"https://e\u{301}.example\"")))
        .await
        .assert_invalid_token(TokenError::Issuer);
    for surrogate in [r#""\ud800""#, r#""\udc00""#, r#"{"deep":["\ud800x"]}"#] {
        strict_app().send_token(&token(claims_with("name", surrogate))).await.assert_invalid_token(TokenError::Claims);
    }
    for bytes in [[0xc0_u8, 0xaf].as_slice(), &[0xff], &[0xed, 0xa0, 0x80]] {
        let claims = claims_with("name", "\"SPLIT\"");
        let (before, after) = claims.split_once("SPLIT").unwrap();
        let payload = [before.as_bytes(), bytes, after.as_bytes()].concat();
        strict_app().send_token(&token(payload)).await.assert_invalid_token(TokenError::Encoding);
    }
    strict_app()
        .send_token(&token(format!("\u{feff}{}", valid_claims())))
        .await
        .assert_invalid_token(TokenError::Claims);
}
