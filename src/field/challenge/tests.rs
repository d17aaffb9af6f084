//! Tests of the challenge.

use proptest::prelude::*;

use super::*;

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap()
}

fn bearer(realm: &str) -> Challenge {
    Challenge::new("Bearer", realm, [])
}

#[test]
fn the_example_of_rfc_6750_is_written() {
    let value = bearer("example").with_error("invalid_token", "The access token expired", []);
    assert_eq!(
        text(&value),
        r#"Bearer realm="example", error="invalid_token", error_description="The access token expired""#
    );
}

#[test]
fn the_constant_is_the_challenge_of_the_default_realm() {
    assert_eq!(BEARER_API, bearer("api"));
}

#[test]
fn an_empty_realm_is_written() {
    assert_eq!(text(&bearer("").without_error()), r#"Bearer realm="""#);
}

#[test]
fn an_empty_description_is_omitted() {
    assert_eq!(text(&bearer("r").with_error("invalid_token", "", [])), r#"Bearer realm="r", error="invalid_token""#);
}

#[test]
fn scopes_are_separated_by_one_space() {
    let value = bearer("r").with_error("e", "", ["read", "write:all"]);
    assert_eq!(text(&value), r#"Bearer realm="r", error="e", scope="read write:all""#);
}

#[test]
fn invalid_scope_tokens_are_dropped() {
    let value = bearer("r").with_error("e", "", ["", "a b", "q\"", "b\\", "\r\n", "\u{e9}", "ok"]);
    assert_eq!(text(&value), r#"Bearer realm="r", error="e", scope="ok""#);
    assert_eq!(text(&bearer("r").with_error("e", "", ["a b", ""])), r#"Bearer realm="r", error="e""#);
}

#[test]
fn parameters_follow_the_realm() {
    let dpop = Challenge::new("dpop", "r", [("algs", "ES256 EdDSA"), ("a", "\"")]);
    assert_eq!(text(&dpop.without_error()), r#"dpop realm="r", algs="ES256 EdDSA", a="'""#);
    assert_eq!(
        text(&dpop.with_error("invalid_token", "", [])),
        r#"dpop realm="r", algs="ES256 EdDSA", a="'", error="invalid_token""#
    );
}

#[test]
fn a_scheme_without_error_parameters_gets_none() {
    for scheme in ["Basic", "ApiKey", "BearerX"] {
        let challenge = Challenge::new(scheme, "r", [("charset", "UTF-8")]);
        assert_eq!(text(&challenge.with_error("e", "d", ["s"])), format!(r#"{scheme} realm="r", charset="UTF-8""#));
    }
}

#[test]
fn invalid_characters_are_replaced_not_escaped() {
    let value = bearer("a\"\\\u{e9}").with_error("x\"", "d\r\nX: \"\t\u{7f}", []);
    assert_eq!(text(&value), r#"Bearer realm="a'??", error="x'", error_description="d??X: '??""#);
}

#[test]
fn quotable_characters_are_those_of_rfc_6750() {
    let set: Vec<char> = ('\0'..='\u{ff}').filter(|c| is_quotable(&c.to_string())).collect();
    let expected: Vec<char> = (' '..='!').chain('#'..='[').chain(']'..='~').collect();
    assert_eq!(set, expected);
    assert!(('\0'..='\u{ff}').all(|c| is_quotable(&c.to_string()) == (quotable(c) == c)));
}

proptest! {
    #[test]
    fn no_input_produces_an_invalid_character(
        realm in any::<String>(),
        code in any::<String>(),
        description in "\\PC*|[\\x00-\\xff]*",
        scopes in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let value = bearer(&realm).with_error(&code, &description, scopes.iter().map(String::as_str));
        let text = text(&value);
        prop_assert!(text.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'\\'));
        let quotes = text.matches('"').count();
        let parameters = 2 + usize::from(!description.is_empty())
            + usize::from(scopes.iter().any(|s| is_scope_token(s)));
        prop_assert_eq!(quotes, 2 * parameters);
    }

    #[test]
    fn a_quotable_realm_is_written_unchanged(realm in "[ !#-\\[\\]-~]{0,60}") {
        prop_assert!(is_quotable(&realm));
        prop_assert_eq!(bearer(&realm).without_error(), format!("Bearer realm=\"{realm}\""));
    }
}

#[test]
fn the_challenge_to_an_invalid_credential_is_written_in_advance() {
    let keys = || Challenge::new("ApiKey", "keys", []);
    for challenge in [bearer("r"), BEARER_API.clone(), keys(), keys().with_error_parameters()] {
        let expected = challenge.with_error("invalid_token", INVALID_CREDENTIAL, []);
        assert_eq!(challenge.with_invalid_credential(), expected);
    }
    let header = keys().with_error_parameters().with_invalid_credential();
    let expected = r#"ApiKey realm="keys", error="invalid_token", error_description="the credential is invalid""#;
    assert_eq!(text(&header), expected);
}
