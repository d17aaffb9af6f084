//! Tests of the bearer grammar.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn bearer(mut headers: HeaderMap) -> Result<Option<String>, BearerError> {
    let authorization = authorization(&mut headers).map(|value| value.cloned());
    assert!(headers.values().all(HeaderValue::is_sensitive));
    let authorization = authorization?;
    let bearer = authorization.as_ref().and_then(Bearer::of);
    let token = bearer.map(Bearer::token).transpose();
    // A valid token equals its unchecked bytes.
    let raw = bearer.as_ref().map(Bearer::raw_token);
    assert!(!matches!(token, Ok(Some(token)) if raw != Some(token.as_bytes())));
    token.map(|token| token.map(str::to_owned))
}

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

#[track_caller]
fn rejects(error: BearerError, values: &[&str]) {
    for value in values {
        assert_eq!(bearer(headers(&[value.as_bytes()])), Err(error), "{value:?}");
    }
}

#[test]
fn a_request_without_authorization_has_no_token() {
    assert_eq!(bearer(HeaderMap::new()), Ok(None));
}

#[test]
fn another_scheme_has_no_bearer_token() {
    for value in [
        "Basic x",
        "Bearerx y",
        "Bearer-x y",
        "Beare x",
        "Basic a, Bearer b",
        "DPoP a,b\tc",
        "Digest \u{e9}",
        "\u{e9}",
        "",
        " ",
        "\"Bearer\" x",
    ] {
        assert_eq!(bearer(headers(&[value.as_bytes()])), Ok(None), "{value:?}");
    }
}

#[test]
fn the_scheme_is_case_insensitive() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} mF_9.B5f-4.1JqM");
        assert_eq!(bearer(headers(&[value.as_bytes()])), Ok(Some("mF_9.B5f-4.1JqM".to_owned())), "{scheme}");
    }
}

#[test]
fn several_spaces_before_the_token_are_valid() {
    assert_eq!(bearer(headers(&[b"Bearer    a.b.c"])), Ok(Some("a.b.c".to_owned())));
}

#[test]
fn an_empty_token_is_malformed() {
    rejects(BearerError::Malformed, &["Bearer", "Bearer ", "bearer   "]);
}

#[test]
fn two_headers_are_repeated_whatever_their_schemes() {
    for pair in [[b"Bearer a", b"Bearer a"], [b"Basic xx", b"Bearer a"], [b"Basic xx", b"Digest x"]] {
        assert_eq!(bearer(headers(&[pair[0], pair[1]])), Err(BearerError::Repeated));
    }
}

#[test]
fn another_header_may_be_repeated() {
    let mut headers = headers(&[b"Bearer a"]);
    for value in ["a=1", "b=2"] {
        let mut value = HeaderValue::from_static(value);
        value.set_sensitive(true);
        headers.append(http::header::COOKIE, value);
    }
    assert_eq!(bearer(headers), Ok(Some("a".to_owned())));
}

#[test]
fn a_comma_anywhere_in_the_credentials_is_repeated() {
    rejects(
        BearerError::Repeated,
        &[
            "Bearer a, Bearer b",
            "Bearer a,b",
            "Bearer a,",
            "Bearer ,a",
            "Bearer, Basic x",
            "Bearer a, \u{e9}",
            " Bearer a,b",
        ],
    );
}

#[test]
fn a_scheme_without_a_space_after_it_is_malformed() {
    rejects(BearerError::Malformed, &["Bearer\ta", "Bearer: a", "Bearer=a", "Bearer\u{a0}a", "Bearer\"a\""]);
}

#[test]
fn whitespace_around_the_token_is_malformed() {
    rejects(
        BearerError::Malformed,
        &["Bearer a ", "Bearer a\t", "Bearer \ta", "Bearer a b", "Bearer a Bearer b", " Bearer a", "\tBearer a"],
    );
}

#[test]
fn a_token_outside_ascii_is_malformed() {
    rejects(BearerError::Malformed, &["Bearer \u{e9}", "Bearer a\u{2003}b"]);
    assert_eq!(bearer(headers(&[b"Bearer a\xffb"])), Err(BearerError::Malformed));
}

#[test]
fn a_word_with_other_characters_is_not_token68() {
    rejects(
        BearerError::NotToken68,
        &[
            "Bearer a?b",
            "Bearer a;b",
            "Bearer \"a\"",
            "Bearer $a",
            "Bearer a=b",
            "Bearer =",
            "Bearer =a",
            "Bearer token=a",
        ],
    );
}

#[test]
fn every_token68_byte_and_padding_is_accepted() {
    assert!(is_token68("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=="));
    let outside = (0x21..=0x7e_u8).map(char::from).filter(|&c| !is_token68(&format!("a{c}a")));
    assert_eq!(outside.collect::<String>(), "!\"#$%&'()*,:;<=>?@[\\]^`{|}");
    assert!(!is_token68(""));
    assert!(!is_token68("=="));
}

proptest! {
    #[test]
    fn no_value_panics_and_an_accepted_token_is_token68(
        prefix in "(|[Bb]earer|Bearer {1,3})",
        tail in prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..80),
    ) {
        let value = [prefix.as_bytes(), &tail].concat();
        if let Ok(Some(token)) = bearer(headers(&[&value])) {
            prop_assert!(is_token68(&token));
            prop_assert!(value.ends_with(token.as_bytes()));
        }
    }

    #[test]
    fn every_token68_is_returned_as_it_was_sent(token in "[A-Za-z0-9._~+/-]{1,60}={0,3}", spaces in 1..5_usize) {
        let value = format!("Bearer{}{token}", " ".repeat(spaces));
        let sent = headers(&[value.as_bytes()]);
        prop_assert_eq!(bearer(sent), Ok(Some(token)));
    }
}
