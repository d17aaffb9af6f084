//! Responses that are active, inactive, or neither.

use http::header::{CONTENT_TYPE, HeaderName};
use proptest::prelude::*;

use super::*;

const JSON: &str = "application/json";

fn response(status: u16, content_type: &str, body: &str) -> Response<Vec<u8>> {
    let builder = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    builder.body(body.as_bytes().to_vec()).unwrap()
}

fn active(text: &str) -> ActiveToken {
    match Introspection::parse(text) {
        Ok(Introspection::Active(token)) => *token,
        other => panic!("{text}: {other:?}"),
    }
}

fn error(text: &str) -> EndpointError {
    Introspection::parse(text).map(|_| text.to_owned()).unwrap_err()
}

#[test]
fn only_the_literal_true_means_active() {
    assert!(matches!(Introspection::parse(r#"{"active":true}"#), Ok(Introspection::Active(_))));
    assert!(matches!(Introspection::parse(" { \"active\" : true } "), Ok(Introspection::Active(_))));
    assert!(matches!(Introspection::parse(r#"{"active":false}"#), Ok(Introspection::Inactive)));
    for value in [r#""true""#, r#""false""#, "1", "0", "null", "[true]", r#"{"active":true}"#, "1.0", r#""""#] {
        assert_eq!(error(&format!(r#"{{"active":{value}}}"#)), EndpointError::Malformed("`active`"), "{value}");
    }
    assert_eq!(error("{}"), EndpointError::Malformed("`active`"));
    assert_eq!(error(r#"{"Active":true}"#), EndpointError::Malformed("`active`"));
}

#[test]
fn anything_but_one_object_with_unique_names_is_an_error() {
    for text in [
        "",
        "true",
        "null",
        r#"[{"active":true}]"#,
        r#""{\"active\":true}""#,
        r#"{"active":true,"active":true}"#,
        r#"{"active":false,"active":true}"#,
        r#"{"active":true,"\u0061ctive":true}"#,
        r#"{"active":true,"sub":"a","sub":"b"}"#,
        r#"{"active":true,"a":{"b":1,"b":2}}"#,
        r#"{"active":true}{}"#,
        r#"{"active":true"#,
        r#"{"active":True}"#,
        r#"{"active":true,}"#,
        "\u{feff}{\"active\":true}",
    ] {
        let expected = EndpointError::Malformed("it is not a JSON object with unique names");
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn members_of_an_active_token_are_read_with_their_types() {
    let token = active(
        r#"{"active":true,"exp":1800000000,"nbf":1.5,"iat":1,"iss":"https://as","aud":["a","b"],"sub":"ann",
            "client_id":"web","username":"Ann","jti":"t1","token_type":"bearer","x":[]}"#,
    );
    assert_eq!(token.expires_at, Some(Duration::from_secs(1_800_000_000)));
    assert_eq!(token.not_before, Some(Duration::from_millis(1500)));
    assert_eq!(token.issued_at, Some(Duration::from_secs(1)));
    assert_eq!(token.audiences, ["a", "b"]);
    let texts = [token.iss, token.client_id, token.username, token.jti];
    assert_eq!(texts.map(Option::unwrap), ["https://as", "web", "Ann", "t1"]);
    assert_eq!((token.token_type, token.is_bound), (TokenType::Bearer, false));
    assert_eq!(Object::parse(&token.claims).unwrap().get("sub"), Some("\"ann\""));
    assert_eq!(active(r#"{"active":true,"aud":"a"}"#).audiences, ["a"]);
}

#[test]
fn absent_null_and_empty_members_are_none() {
    let names = ["exp", "nbf", "iat", "iss", "aud", "client_id", "username", "jti", "cnf"];
    let nulls: String = names.iter().map(|name| format!(r#","{name}":null"#)).collect();
    let empty: String =
        names[3..8].iter().filter(|name| **name != "aud").map(|name| format!(r#","{name}":"""#)).collect();
    for members in [String::new(), nulls, empty] {
        let token = active(&format!(r#"{{"active":true{members}}}"#));
        let times = [token.expires_at, token.not_before, token.issued_at];
        assert_eq!(times, [None; 3], "{members}");
        let texts = [token.iss, token.client_id, token.username, token.jti];
        assert!(texts.iter().all(Option::is_none) && token.audiences.is_empty() && !token.is_bound, "{members}");
        assert_eq!(token.token_type, TokenType::Bearer, "{members}");
    }
}

#[test]
fn a_malformed_member_is_an_error_and_not_absent() {
    for (name, values) in [
        ("exp", &["\"1800000000\"", "-1", "true", "[]", "{}", "1e300", "\"never\""][..]),
        ("nbf", &["\"0\"", "-5", "false"]),
        ("iat", &["\"now\"", "[1]"]),
        ("aud", &["1", "{}", "true", "[1]", "[\"a\",null]", "[[\"a\"]]"]),
        ("iss", &["1", "[\"https://as\"]"]),
        ("client_id", &["[]"]),
        ("username", &["0"]),
        ("jti", &["7"]),
        ("token_type", &["1", "[\"Bearer\"]"]),
    ] {
        for value in values {
            let text = format!(r#"{{"active":true,"{name}":{value}}}"#);
            assert_eq!(error(&text), EndpointError::Malformed(name), "{text}");
        }
    }
}

#[test]
fn token_type_and_confirmation_are_recognized() {
    for (value, expected) in [
        ("Bearer", TokenType::Bearer),
        ("BEARER", TokenType::Bearer),
        ("DPoP", TokenType::Dpop),
        ("dpop", TokenType::Dpop),
        ("N_A", TokenType::Other),
        ("refresh_token", TokenType::Other),
        ("mac", TokenType::Other),
    ] {
        assert_eq!(active(&format!(r#"{{"active":true,"token_type":"{value}"}}"#)).token_type, expected, "{value}");
    }
    for value in [r#"{"jkt":"x"}"#, "{}", "1", "\"\"", "false"] {
        assert!(active(&format!(r#"{{"active":true,"cnf":{value}}}"#)).is_bound, "{value}");
    }
}

#[test]
fn members_of_an_inactive_token_are_ignored() {
    assert!(matches!(Introspection::parse(r#"{"active":false,"exp":"x"}"#), Ok(Introspection::Inactive)));
}

#[test]
fn a_status_other_than_200_fails_closed() {
    for status in [201, 202, 204, 206, 302, 307, 404, 405, 408, 429, 500, 502, 503] {
        let response = response(status, JSON, r#"{"active":true}"#);
        assert_eq!(body(&response, JSON), Err(EndpointError::Status(status)), "{status}");
    }
    assert_eq!(body(&response(200, JSON, "{}"), JSON), Ok(Some("{}")));
}

#[test]
fn rejected_credentials_of_the_app_are_an_error_of_their_own() {
    for (status, text) in [
        (401, r#"{"error":"invalid_client"}"#),
        (401, r#"{"active":true}"#),
        (403, ""),
        (400, r#"{"error":"invalid_client"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
    ] {
        let response = response(status, JSON, text);
        let error = body(&response, JSON).unwrap_err();
        assert_eq!(error, EndpointError::Credentials { status }, "{status} {text}");
        assert!(error.is_configuration() && error.to_string().contains("`client_auth`"), "{error}");
    }
}

#[test]
fn a_token_of_an_unsupported_type_is_not_active() {
    let unsupported = |status, text| body(&response(status, JSON, text), JSON).map(|body| body.is_none());
    assert_eq!(unsupported(400, r#"{"error":"unsupported_token_type"}"#), Ok(true));
    for text in
        [r#"{"error":"invalid_request"}"#, r#"{"error":["unsupported_token_type"]}"#, "unsupported_token_type", ""]
    {
        assert_eq!(unsupported(400, text), Err(EndpointError::Status(400)), "{text}");
    }
    assert_eq!(unsupported(500, r#"{"error":"unsupported_token_type"}"#), Err(EndpointError::Status(500)));
}

#[test]
fn a_wrong_content_type_fails_closed() {
    for accepted in [JSON, "application/json; charset=utf-8", "Application/JSON", " application/json ;x"] {
        assert!(body(&response(200, accepted, "{}"), JSON).is_ok(), "{accepted}");
    }
    for rejected in
        ["text/html", "application/jwt", "application/jsonp", "application/token-introspection+jwt", "json", ""]
    {
        let expected = Err(EndpointError::ContentType { expected: JSON });
        assert_eq!(body(&response(200, rejected, "{}"), JSON), expected, "{rejected}");
    }
    let mut repeated = response(200, JSON, "{}");
    repeated.headers_mut().append(HeaderName::from_static("content-type"), JSON.parse().unwrap());
    assert!(body(&repeated, JSON).is_err());
    repeated.headers_mut().remove(CONTENT_TYPE);
    assert!(body(&repeated, JSON).is_err());
}

#[test]
fn an_unsigned_response_is_rejected_if_a_signed_one_was_requested() {
    let expected = "application/token-introspection+jwt";
    assert!(body(&response(200, JSON, r#"{"active":true}"#), expected).is_err());
    assert_eq!(body(&response(200, expected, "a.b.c"), expected), Ok(Some("a.b.c")));
}

#[test]
fn a_response_is_utf8_of_at_most_64_kib() {
    let longest = response(200, JSON, &" ".repeat(64 * 1024));
    assert!(body(&longest, JSON).is_ok());
    let too_long = response(200, JSON, &" ".repeat(64 * 1024 + 1));
    assert_eq!(body(&too_long, JSON), Err(EndpointError::TooLarge));
    let mut latin1 = response(200, JSON, "");
    *latin1.body_mut() = b"{\"active\":true,\"sub\":\"\xe4\"}".to_vec();
    assert_eq!(body(&latin1, JSON), Err(EndpointError::Malformed("it is not UTF-8")));
}

proptest! {
    #[test]
    fn no_text_panics_and_active_tokens_say_so(text in "[\\[\\]{}\",:active\\\\utrufls0-9 ]{0,60}") {
        if let Ok(Introspection::Active(token)) = Introspection::parse(&text) {
            prop_assert_eq!(Object::parse(&token.claims).unwrap().get("active"), Some("true"));
        }
    }
}
