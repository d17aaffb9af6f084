//! Headers and payloads that no honest issuer writes, refused without a question to anybody.

use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, Profile};
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, claims, claims_with, compatible, guarded, segment, signed, token,
};

fn header_with(member: &str) -> String {
    format!(r#"{{"alg":"HS256","typ":"at+jwt",{member}}}"#)
}

#[tokio::test]
async fn a01_alg_none_is_refused_without_a_question_to_the_issuer() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience(AUDIENCE).build().unwrap();
    let stack = ProtectedApp::behind(auth);
    for alg in [json!("none"), json!("None"), json!("NONE"), json!("nOnE"), json!("none "), json!(""), json!(null)] {
        let honest = issuer.token("ann").audience(AUDIENCE).header("alg", alg).sign();
        stack.ask(&honest).await.refused_token(TokenError::Algorithm);
        let (unsigned, _) = honest.rsplit_once('.').unwrap();
        stack.ask(&format!("{unsigned}.")).await.refused_token(TokenError::Algorithm);
    }
    let without = issuer.token("ann").audience(AUDIENCE).without_header("alg").sign();
    stack.ask(&without).await.refused_token(TokenError::Algorithm);
    assert_eq!(issuer.fetches(), 0);
    assert!(stack.ask(&issuer.token("ann").audience(AUDIENCE).sign()).await.handled);
}

#[tokio::test]
async fn a06_an_alg_in_the_unprotected_header_is_not_read() {
    let honest = token(claims().to_string());
    let [_, payload, signature] = honest.split('.').collect::<Vec<_>>().try_into().unwrap();
    let json = json!({"header": {"alg": "HS256"}, "payload": payload, "signature": signature});
    let answer = guarded().ask(&json.to_string()).await;
    answer.refused(axum::http::StatusCode::BAD_REQUEST);
    let one_word = json!({"header": {"alg": "HS256"}}).to_string();
    guarded().ask(&one_word).await.refused_token(TokenError::Charset);
    // In the compact form there is none but the protected one.
    let bare = signed(r#"{"typ":"at+jwt","header":{"alg":"HS256"}}"#, claims().to_string());
    guarded().ask(&bare).await.refused_token(TokenError::Algorithm);
}

#[tokio::test]
async fn a14_t_bcp_09_a_hostile_kid_is_refused_and_nothing_of_it_is_told() {
    let issuer = TestIssuer::start().await.unwrap();
    let trust = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    let with = |kid: serde_json::Value| issuer.token("ann").audience(AUDIENCE).header("kid", kid).sign();
    for kid in ["../../../../dev/null", "' OR 1=1--", "KEY-1", "key-1 ", ""] {
        let answer = stack.ask(&with(kid.into())).await;
        answer.refused_token(TokenError::Key);
        assert!(kid.is_empty() || !format!("{:?}{}", answer.head.headers, answer.body).contains(kid), "{kid}");
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
        let answer = stack.ask(&with(kid)).await;
        answer.refused_token(TokenError::Header);
        assert!(answer.head.headers.get("x-injected").is_none());
    }
    let huge = ProtectedApp::behind(
        JwtAuth::builder()
            .issuer(Issuer::jwks_document(issuer.url(), issuer.jwks()))
            .audience(AUDIENCE)
            .build()
            .unwrap(),
    );
    huge.ask(&with("k".repeat(1_000_000).into())).await.refused_token(TokenError::TooLong);
}

#[tokio::test]
async fn a17_an_unknown_or_malformed_crit_is_refused() {
    for member in [
        r#""crit":["x-custom"],"x-custom":1"#,
        r#""crit":["absent"]"#,
        r#""crit":["x","x"],"x":1"#,
        r#""crit":[]"#,
        r#""crit":"exp""#,
        r#""crit":[1]"#,
        r#""\u0063rit":["x"],"x":1"#,
    ] {
        guarded().ask(&signed(header_with(member), claims().to_string())).await.refused_token(TokenError::Critical);
    }
    let twice = header_with(r#""x":1,"crit":["x"],"crit":["x"]"#);
    guarded().ask(&signed(twice, claims().to_string())).await.refused_token(TokenError::Header);
}

#[tokio::test]
async fn a18_an_unencoded_or_a_detached_payload_is_refused() {
    for member in [r#""b64":false,"crit":["b64"]"#, r#""b64":false"#, r#""b64":true,"crit":["b64"]"#] {
        let honest = signed(header_with(member), claims().to_string());
        guarded().ask(&honest).await.refused_token(TokenError::Critical);
        let parts: Vec<&str> = honest.split('.').collect();
        guarded().ask(&format!("{}..{}", parts[0], parts[2])).await.refused_token(TokenError::Critical);
    }
    let honest = token(claims().to_string());
    let parts: Vec<&str> = honest.split('.').collect();
    guarded().ask(&format!("{}..{}", parts[0], parts[2])).await.refused_token(TokenError::Claims);
}

#[tokio::test]
async fn a19_a_name_twice_is_refused_in_both_orders_and_however_it_is_escaped() {
    let body = claims().to_string();
    let inside = &body[1..body.len() - 1];
    for member in [r#""sub":"admin""#, r#""\u0073ub":"admin""#, r#""iss":"https://evil.example""#, r#""e\u0078p":9"#] {
        guarded().ask(&token(format!("{{{member},{inside}}}"))).await.refused_token(TokenError::Claims);
        guarded().ask(&token(format!("{{{inside},{member}}}"))).await.refused_token(TokenError::Claims);
    }
    for header in [
        r#"{"alg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","alg":"none"}"#,
        r#"{"\u0061lg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"at+jwt"}"#,
    ] {
        guarded().ask(&signed(header, &body)).await.refused_token(TokenError::Header);
    }
}

#[tokio::test]
async fn t_bcp_04_a33_an_encrypted_token_is_refused_as_one() {
    let header = segment(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    guarded().ask(&format!("{header}.AAAA.AAAA.AAAA.AAAA")).await.refused_token(TokenError::Encrypted);
    // Neither does a header of a signed token make one of it.
    guarded().ask(&format!("{}.AAAA.AAAA.AAAA.AAAA", segment(HEADER))).await.refused_token(TokenError::Encrypted);
    let three = signed(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","typ":"at+jwt"}"#, claims().to_string());
    guarded().ask(&three).await.refused_token(TokenError::Algorithm);
    let direct = signed(r#"{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}"#, claims().to_string());
    guarded().ask(&direct).await.refused_token(TokenError::Algorithm);
}

#[tokio::test]
async fn a34_a_polyglot_of_json_and_compact_form_is_refused() {
    let honest = token(claims().to_string());
    for polyglot in [
        format!(r#"{{"protected":"{honest}"}}"#),
        format!(r#"{{"x":"{}"}}.a.b"#, honest.replace('.', "")),
        format!("{honest}#{{}}"),
        format!("\"{honest}\""),
    ] {
        guarded().ask(&polyglot).await.refused_token(TokenError::Charset);
    }
}

#[tokio::test]
async fn t_bcp_13_a35_no_key_is_derived_and_nothing_is_inflated_for_a_token() {
    let header = segment(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA","zip":"DEF"}"#);
    guarded().ask(&format!("{header}.AAAA.AAAA.AAAA.AAAA")).await.refused_token(TokenError::Encrypted);
    guarded().ask(&format!("{header}.AAAA.AAAA")).await.refused_token(TokenError::Algorithm);
    // `zip` belongs to JWE (RFC 7516 §4.1.3): the payload is read as it stands.
    let deflated = [0x4b_u8, 0x4c, 0x04, 0x00];
    let zipped = signed(header_with(r#""zip":"DEF""#), deflated);
    let answer = guarded().ask(&zipped).await;
    assert!(!answer.handled && answer.head.status == 401);
}

#[tokio::test]
async fn a36_dots_without_end_and_long_tokens_are_refused_by_their_length() {
    guarded().ask(&".".repeat(1_000_000)).await.refused_token(TokenError::TooLong);
    guarded().ask(&".".repeat(16_384)).await.refused_token(TokenError::Segments);
    guarded().ask(&"a".repeat(100_000)).await.refused_token(TokenError::TooLong);
    let padded = json!("x".repeat(1_000_000)).to_string();
    guarded().ask(&token(claims_with("x", &padded))).await.refused_token(TokenError::TooLong);
}

#[tokio::test]
async fn a37_deep_nesting_is_refused_without_a_stack_overflow() {
    let wide = ProtectedApp::behind(compatible().max_token_len(65_536).build().unwrap());
    for brackets in
        [format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "[".repeat(20_000), "{\"a\":".repeat(5_000)]
    {
        wide.ask(&token(claims_with("deep", &brackets))).await.refused_token(TokenError::Claims);
        let header = header_with(&format!("\"deep\":{brackets}"));
        wide.ask(&signed(header, claims().to_string())).await.refused_token(TokenError::Header);
    }
    let shallow = claims_with("deep", &format!("{}{}", "[".repeat(30), "]".repeat(30)));
    assert!(wide.ask(&token(shallow)).await.handled);
}

#[tokio::test]
async fn a39_text_is_compared_by_code_points_and_must_be_well_formed() {
    let escaped = claims_with("iss", "\"https:\\/\\/issuer\\u002eexample.com\"");
    assert!(guarded().ask(&token(escaped)).await.handled);
    let homoglyph = json!(ISSUER.replace('a', "\u{430}")).to_string();
    guarded().ask(&token(claims_with("iss", &homoglyph))).await.refused_token(TokenError::Issuer);
    // The same letter composed and decomposed is two names.
    let composed = Issuer::hs256("https://\u{e9}.example", crate::support::tokens::SECRET).profile(Profile::Rfc9068);
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(composed).audience(AUDIENCE).build().unwrap());
    assert!(stack.ask(&token(claims_with("iss", "\"https://\u{e9}.example\""))).await.handled);
    stack.ask(&token(claims_with("iss", "\"https://e\u{301}.example\""))).await.refused_token(TokenError::Issuer);
    for surrogate in [r#""\ud800""#, r#""\udc00""#, r#"{"deep":["\ud800x"]}"#] {
        guarded().ask(&token(claims_with("name", surrogate))).await.refused_token(TokenError::Claims);
    }
    for bytes in [[0xc0_u8, 0xaf].as_slice(), &[0xff], &[0xed, 0xa0, 0x80]] {
        let claims = claims_with("name", "\"SPLIT\"");
        let (before, after) = claims.split_once("SPLIT").unwrap();
        let payload = [before.as_bytes(), bytes, after.as_bytes()].concat();
        guarded().ask(&token(payload)).await.refused_token(TokenError::Encoding);
    }
    guarded().ask(&token(format!("\u{feff}{}", claims()))).await.refused_token(TokenError::Claims);
}
