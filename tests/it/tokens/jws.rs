//! The compact serialisation and the header (RFC 7515, RFC 7797).

use portcullis::gate::TokenError;
use serde_json::json;

use crate::support::tokens::{HEADER, SECRET, claims, guarded, mac_of, segment, signed, strict, token};

#[tokio::test]
async fn t_jws_01_a_token_is_three_segments() {
    let honest = token(claims().to_string());
    let (two, _) = honest.rsplit_once('.').unwrap();
    guarded().ask(two).await.refused_token(TokenError::Segments);
    guarded().ask(&format!("{honest}.e30")).await.refused_token(TokenError::Segments);
    guarded().ask(&format!("{honest}.e30.e30")).await.refused_token(TokenError::Encrypted);
    assert_eq!(guarded().ask(&honest).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_jws_01_json_serialisation_is_refused() {
    let honest = token(claims().to_string());
    let [header, payload, signature] = honest.split('.').collect::<Vec<_>>().try_into().unwrap();
    let flattened = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
    assert!(guarded().ask(&flattened).await.head.status.is_client_error());
    // Without a comma it is one word, and judged as a token.
    guarded().ask(&json!({ "payload": payload }).to_string()).await.refused_token(TokenError::Charset);
}

#[tokio::test]
async fn t_jws_02_alg_is_required_known_and_case_sensitive() {
    for alg in ["\"none\"", "\"None\"", "\"NONE\"", "\"nOnE\"", "\"\"", "\"hs256\"", "null", "[\"HS256\"]"] {
        let honest = signed(format!(r#"{{"alg":{alg},"typ":"at+jwt"}}"#), claims().to_string());
        guarded().ask(&honest).await.refused_token(TokenError::Algorithm);
        let (unsigned, _) = honest.rsplit_once('.').unwrap();
        guarded().ask(&format!("{unsigned}.")).await.refused_token(TokenError::Algorithm);
    }
    guarded().ask(&signed(r#"{"typ":"at+jwt"}"#, claims().to_string())).await.refused_token(TokenError::Algorithm);
}

#[tokio::test]
async fn t_jws_03_any_crit_is_refused_and_b64_without_it_too() {
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
        guarded().ask(&signed(header, claims().to_string())).await.refused_token(TokenError::Critical);
    }
}

#[tokio::test]
async fn t_jws_04_a_name_stands_once_in_the_header_and_once_in_the_claims() {
    for header in [
        r#"{"alg":"HS256","typ":"at+jwt","typ":"at+jwt"}"#,
        r#"{"alg":"none","typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","\u0061lg":"none"}"#,
    ] {
        guarded().ask(&signed(header, claims().to_string())).await.refused_token(TokenError::Header);
    }
    let claims = claims().to_string();
    let rest = claims.strip_prefix('{').unwrap();
    for first in [r#""sub":"admin""#, r#""\u0073ub":"admin""#, r#""x":1,"x":1"#] {
        guarded().ask(&token(format!("{{{first},{rest}"))).await.refused_token(TokenError::Claims);
    }
}

#[tokio::test]
async fn t_jws_05_each_segment_has_one_spelling() {
    // One byte over a multiple of three leaves four spare bits in the last character.
    let loose = |text: &str| {
        let padded = format!("{text}{}", " ".repeat((4 - text.len() % 3) % 3));
        let segment = segment(padded);
        let last = match segment.as_bytes().last().unwrap() {
            b'A' => 'B',
            b'Q' => 'R',
            b'g' => 'h',
            b'w' => 'x',
            other => panic!("{other}"),
        };
        format!("{}{last}", &segment[..segment.len() - 1])
    };
    let claims = claims().to_string();
    let honest = token(&claims);
    let (signed, signature) = honest.rsplit_once('.').unwrap();
    // An HMAC of 32 bytes leaves two spare bits.
    let last = honest.as_bytes().last().copied().map(|byte| char::from(byte + 1)).unwrap();
    let stack = guarded();
    for token in [
        mac_of(&SECRET, &format!("{}.{}", loose(HEADER), segment(&claims))),
        mac_of(&SECRET, &format!("{}.{}", segment(HEADER), loose(&claims))),
        format!("{}{last}", &honest[..honest.len() - 1]),
    ] {
        stack.ask(&token).await.refused_token(TokenError::Encoding);
    }
    for token in [
        format!("{honest}="),
        format!("{signed}=.{signature}"),
        format!("{signed}.+{signature}"),
        format!("{signed}.{signature}?"),
    ] {
        stack.ask(&token).await.refused_token(TokenError::Charset);
    }
    for broken in [format!("{signed}. {signature}"), format!("{signed}.\t{signature}")] {
        let answer = stack.ask(&broken).await;
        answer.refused(axum::http::StatusCode::BAD_REQUEST);
    }
    assert_eq!(stack.ask(&honest).await.user().id(), "user-1");
}

#[tokio::test]
async fn t_jws_06_header_and_claims_are_json_objects_in_utf_8_and_nothing_else() {
    let claims = claims().to_string();
    let utf_16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for payload in ["[]", "null", "\"a\"", "", "{}{}", "{\"exp\":NaN}", "{\"a\":1,}", "/**/{}"] {
        guarded().ask(&token(payload)).await.refused_token(TokenError::Claims);
    }
    guarded().ask(&token(format!("\u{feff}{claims}"))).await.refused_token(TokenError::Claims);
    guarded().ask(&token(format!("{claims}\0"))).await.refused_token(TokenError::Claims);
    guarded().ask(&token(utf_16)).await.refused_token(TokenError::Claims);
    guarded().ask(&token([b"{\"a\":\"", [0xff].as_slice(), b"\"}"].concat())).await.refused_token(TokenError::Encoding);
    for header in ["[]", "null", "", "\u{feff}{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"}x"] {
        guarded().ask(&signed(header, &claims)).await.refused_token(TokenError::Header);
    }
}

#[tokio::test]
async fn t_jwt_05_a_token_inside_a_token_is_refused() {
    let inside = token(claims().to_string());
    let header = r#"{"alg":"HS256","typ":"at+jwt","cty":"JWT"}"#;
    guarded().ask(&signed(header, &inside)).await.refused_token(TokenError::Nested);
    guarded().ask(&signed(header, claims().to_string())).await.refused_token(TokenError::Nested);
}

#[tokio::test]
async fn t_bcp_05_a_character_that_no_token_has_is_refused_before_the_token_is_read() {
    let honest = token(claims().to_string());
    for alien in ['~', '+', '/', '=', '%', '\'', ':', '{'] {
        guarded().ask(&format!("{honest}{alien}A")).await.refused_token(TokenError::Charset);
    }
}

#[tokio::test]
async fn a_token_at_the_bound_of_its_length_is_read_and_one_byte_more_is_not() {
    let honest = token(claims().to_string());
    let stack =
        |bytes| crate::support::protected_app::ProtectedApp::behind(strict().max_token_len(bytes).build().unwrap());
    assert_eq!(stack(honest.len()).ask(&honest).await.user().id(), "user-1");
    stack(honest.len() - 1).ask(&honest).await.refused_token(TokenError::TooLong);
}
