//! The compact serialization and the JOSE header (RFC 7515, RFC 7797).

use portcullis::gate::TokenError;
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    HEADER, SECRET, base64url, strict_app, strict_auth, token, token_with_header, valid_claims, with_mac,
};

// RFC 7515 §7.1.
#[tokio::test]
async fn token_has_exactly_three_segments() {
    let valid_token = token(valid_claims().to_string());
    let (two_segments, _) = valid_token.rsplit_once('.').unwrap();
    strict_app().send_token(two_segments).await.assert_invalid_token(TokenError::Segments);
    strict_app().send_token(&format!("{valid_token}.e30")).await.assert_invalid_token(TokenError::Segments);
    strict_app().send_token(&format!("{valid_token}.e30.e30")).await.assert_invalid_token(TokenError::Encrypted);
    assert_eq!(strict_app().send_token(&valid_token).await.user().id(), "user-1");
}

// RFC 7519 §1.
#[tokio::test]
async fn json_serialization_is_rejected() {
    let valid_token = token(valid_claims().to_string());
    let [header, payload, signature] = valid_token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flattened = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
    assert!(strict_app().send_token(&flattened).await.head.status.is_client_error());
    // JSON without a comma is a single credential, so it is rejected as a token.
    strict_app().send_token(&json!({ "payload": payload }).to_string()).await.assert_invalid_token(TokenError::Charset);
}

// RFC 7515 §4.1.1.
#[tokio::test]
async fn alg_is_required_allow_listed_and_case_sensitive() {
    for alg in ["\"none\"", "\"None\"", "\"NONE\"", "\"nOnE\"", "\"\"", "\"hs256\"", "null", "[\"HS256\"]"] {
        let signed = token_with_header(format!(r#"{{"alg":{alg},"typ":"at+jwt"}}"#), valid_claims().to_string());
        strict_app().send_token(&signed).await.assert_invalid_token(TokenError::Algorithm);
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        strict_app().send_token(&format!("{unsigned}.")).await.assert_invalid_token(TokenError::Algorithm);
    }
    strict_app()
        .send_token(&token_with_header(r#"{"typ":"at+jwt"}"#, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Algorithm);
}

// RFC 7515 §4.1.11, RFC 7797 §6.
#[tokio::test]
async fn any_crit_is_rejected_and_b64_without_crit_too() {
    for extension in [
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""crit":["x"],"x":1"#,
        r#""crit":[]"#,
        r#""crit":["alg"]"#,
        r#""crit":["exp"]"#,
        r#""crit":"x""#,
        r#""crit":null"#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"at+jwt",{extension}}}"#);
        strict_app()
            .send_token(&token_with_header(header, valid_claims().to_string()))
            .await
            .assert_invalid_token(TokenError::Critical);
    }
}

// RFC 7515 §4, RFC 7519 §4.
#[tokio::test]
async fn duplicate_header_parameter_or_claim_is_rejected() {
    for header in [
        r#"{"alg":"HS256","typ":"at+jwt","typ":"at+jwt"}"#,
        r#"{"alg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","\u0061lg":"none"}"#,
    ] {
        strict_app()
            .send_token(&token_with_header(header, valid_claims().to_string()))
            .await
            .assert_invalid_token(TokenError::Header);
    }
    let claims = valid_claims().to_string();
    let members = claims.strip_prefix('{').unwrap();
    for member in [r#""sub":"admin""#, r#""\u0073ub":"admin""#, r#""x":1,"x":1"#] {
        strict_app().send_token(&token(format!("{{{member},{members}"))).await.assert_invalid_token(TokenError::Claims);
    }
}

// RFC 7515 §2.
#[tokio::test]
async fn segments_are_canonical_base64url() {
    // Encodes text with a non-zero trailing bit. A length of 3n + 1 leaves four unused bits in the last character.
    let with_trailing_bit = |text: &str| {
        let padded = format!("{text}{}", " ".repeat((4 - text.len() % 3) % 3));
        let segment = base64url(padded);
        let last = match segment.as_bytes().last().unwrap() {
            b'A' => 'B',
            b'Q' => 'R',
            b'g' => 'h',
            b'w' => 'x',
            other => panic!("{other}"),
        };
        format!("{}{last}", &segment[..segment.len() - 1])
    };
    let claims = valid_claims().to_string();
    let valid_token = token(&claims);
    let (signing_input, signature) = valid_token.rsplit_once('.').unwrap();
    // An HMAC of 32 bytes leaves two unused bits in the last character.
    let last = valid_token.as_bytes().last().copied().map(|byte| char::from(byte + 1)).unwrap();
    let app = strict_app();
    for token in [
        with_mac(&SECRET, &format!("{}.{}", with_trailing_bit(HEADER), base64url(&claims))),
        with_mac(&SECRET, &format!("{}.{}", base64url(HEADER), with_trailing_bit(&claims))),
        format!("{}{last}", &valid_token[..valid_token.len() - 1]),
    ] {
        app.send_token(&token).await.assert_invalid_token(TokenError::Encoding);
    }
    for token in [
        format!("{valid_token}="),
        format!("{signing_input}=.{signature}"),
        format!("{signing_input}.+{signature}"),
        format!("{signing_input}.{signature}?"),
    ] {
        app.send_token(&token).await.assert_invalid_token(TokenError::Charset);
    }
    for not_a_credential in [format!("{signing_input}. {signature}"), format!("{signing_input}.\t{signature}")] {
        let response = app.send_token(&not_a_credential).await;
        response.assert_rejected(axum::http::StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.send_token(&valid_token).await.user().id(), "user-1");
}

// RFC 7515 §5.2, RFC 7519 §7.2.
#[tokio::test]
async fn header_and_payload_are_utf8_json_objects() {
    let claims = valid_claims().to_string();
    let utf_16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for payload in ["[]", "null", "\"a\"", "", "{}{}", "{\"exp\":NaN}", "{\"a\":1,}", "/**/{}"] {
        strict_app().send_token(&token(payload)).await.assert_invalid_token(TokenError::Claims);
    }
    strict_app().send_token(&token(format!("\u{feff}{claims}"))).await.assert_invalid_token(TokenError::Claims);
    strict_app().send_token(&token(format!("{claims}\0"))).await.assert_invalid_token(TokenError::Claims);
    strict_app().send_token(&token(utf_16)).await.assert_invalid_token(TokenError::Claims);
    strict_app()
        .send_token(&token([b"{\"a\":\"", [0xff].as_slice(), b"\"}"].concat()))
        .await
        .assert_invalid_token(TokenError::Encoding);
    for header in ["[]", "null", "", "\u{feff}{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"}x"] {
        strict_app().send_token(&token_with_header(header, &claims)).await.assert_invalid_token(TokenError::Header);
    }
}

// RFC 7519 §5.2.
#[tokio::test]
async fn nested_jwt_is_rejected() {
    let inner_token = token(valid_claims().to_string());
    let header = r#"{"alg":"HS256","typ":"at+jwt","cty":"JWT"}"#;
    strict_app().send_token(&token_with_header(header, &inner_token)).await.assert_invalid_token(TokenError::Nested);
    strict_app()
        .send_token(&token_with_header(header, valid_claims().to_string()))
        .await
        .assert_invalid_token(TokenError::Nested);
}

// RFC 7515 §7.1.
#[tokio::test]
async fn characters_are_checked_first() {
    let valid_token = token(valid_claims().to_string());
    for invalid in ['~', '+', '/', '=', '%', '\'', ':', '{'] {
        strict_app().send_token(&format!("{valid_token}{invalid}A")).await.assert_invalid_token(TokenError::Charset);
    }
}

#[tokio::test]
async fn token_of_max_token_len_is_accepted_and_a_longer_one_is_rejected() {
    let valid_token = token(valid_claims().to_string());
    let app = |max_len| ProtectedApp::behind(strict_auth().max_token_len(max_len).build().unwrap());
    assert_eq!(app(valid_token.len()).send_token(&valid_token).await.user().id(), "user-1");
    app(valid_token.len() - 1).send_token(&valid_token).await.assert_invalid_token(TokenError::TooLong);
}
