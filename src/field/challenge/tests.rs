//! Tests of the challenge.

use proptest::prelude::*;

use super::*;

fn rendered(challenge: Challenge) -> String {
    challenge.into_header().to_str().unwrap().to_owned()
}

#[test]
fn the_example_of_rfc_6750_is_written() {
    let challenge = Challenge::bearer("example").error("invalid_token", "The access token expired");
    assert_eq!(
        rendered(challenge),
        r#"Bearer realm="example", error="invalid_token", error_description="The access token expired""#
    );
}

#[test]
fn an_empty_realm_is_written() {
    assert_eq!(rendered(Challenge::bearer("")), r#"Bearer realm="""#);
}

#[test]
fn an_empty_description_is_omitted() {
    let challenge = Challenge::bearer("r").error("invalid_token", "");
    assert_eq!(rendered(challenge), r#"Bearer realm="r", error="invalid_token""#);
}

#[test]
fn scopes_are_separated_by_one_space() {
    let challenge = Challenge::bearer("r").scope(["read", "write:all"]);
    assert_eq!(rendered(challenge), r#"Bearer realm="r", scope="read write:all""#);
}

#[test]
fn invalid_scope_tokens_are_dropped() {
    let challenge = Challenge::bearer("r").scope(["", "a b", "q\"", "b\\", "\r\n", "\u{e9}", "ok"]);
    assert_eq!(rendered(challenge), r#"Bearer realm="r", scope="ok""#);
}

#[test]
fn a_scope_parameter_without_tokens_is_omitted() {
    assert_eq!(rendered(Challenge::bearer("r").scope(["a b", ""])), r#"Bearer realm="r""#);
}

#[test]
fn the_first_of_repeated_parameters_takes_effect() {
    let challenge = Challenge::bearer("r").error("one", "").error("two", "late").scope(["a"]).scope(["b"]);
    assert_eq!(rendered(challenge), r#"Bearer realm="r", error="one", scope="a""#);
}

#[test]
fn invalid_characters_are_replaced_not_escaped() {
    let challenge = Challenge::bearer("a\"\\\u{e9}").error("x\"", "d\r\nX: \"\t\u{7f}");
    assert_eq!(rendered(challenge), r#"Bearer realm="a'??", error="x'", error_description="d??X: '??""#);
}

#[test]
fn quotable_characters_are_those_of_rfc_6750() {
    let set: Vec<char> = ('\0'..='\u{ff}').filter(|c| is_quotable(&c.to_string())).collect();
    let expected: Vec<char> = (' '..='!').chain('#'..='[').chain(']'..='~').collect();
    assert_eq!(set, expected);
}

proptest! {
    #[test]
    fn no_input_produces_an_invalid_character(
        realm in any::<String>(),
        code in any::<String>(),
        description in "\\PC*|[\\x00-\\xff]*",
        scopes in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let value = Challenge::bearer(&realm)
            .error(&code, &description)
            .scope(scopes.iter().map(String::as_str))
            .into_header();
        let text = value.to_str().unwrap();
        prop_assert!(text.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'\\'));
        let quotes = text.matches('"').count();
        let parameters = 2 + usize::from(!description.is_empty())
            + usize::from(scopes.iter().any(|s| is_scope_token(s)));
        prop_assert_eq!(quotes, 2 * parameters);
    }

    #[test]
    fn a_quotable_realm_is_written_unchanged(realm in "[ !#-\\[\\]-~]{0,60}") {
        prop_assert!(is_quotable(&realm));
        prop_assert_eq!(rendered(Challenge::bearer(&realm)), format!("Bearer realm=\"{realm}\""));
    }
}
