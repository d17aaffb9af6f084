//! Tests of the cookie grammar.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(COOKIE, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

#[track_caller]
fn reads(line: &str, expected: Result<Option<&str>, DuplicateCookie>) {
    assert_eq!(cookie(&headers(&[line.as_bytes()]), "sid"), expected, "{line:?}");
}

#[test]
fn a_cookie_is_found_among_others() {
    reads("sid=a", Ok(Some("a")));
    reads("x=1; sid=a.b=c; y=2", Ok(Some("a.b=c")));
    reads("x=1;\tsid=a ;y", Ok(Some("a")));
    reads("x=1; y=sid=2", Ok(None));
    reads("sid=", Ok(Some("")));
}

#[test]
fn an_absent_cookie_is_none() {
    assert_eq!(cookie(&HeaderMap::new(), "sid"), Ok(None));
    reads("", Ok(None));
    reads("sid", Ok(None));
    reads("=sid", Ok(None));
}

#[test]
fn names_are_compared_exactly() {
    for line in ["Sid=a", "sidx=a", "xsid=a", "sid =a", "\u{2003}sid=a", "\"sid\"=a"] {
        reads(line, Ok(None));
    }
}

#[test]
fn a_repeated_name_is_an_error_even_with_equal_values() {
    reads("sid=a; sid=a", Err(DuplicateCookie));
    reads("sid=a; sid=\u{e9}", Err(DuplicateCookie));
    assert_eq!(cookie(&headers(&[b"sid=a", b"x=1; sid=b"]), "sid"), Err(DuplicateCookie));
}

#[test]
fn all_cookie_headers_are_read() {
    assert_eq!(cookie(&headers(&[b"x=1", b"y=2; sid=b"]), "sid"), Ok(Some("b")));
}

#[test]
fn surrounding_quotes_are_removed() {
    reads("sid=\"a\"", Ok(Some("a")));
    reads("sid=\"\"", Ok(Some("")));
    reads("sid=\"", Ok(Some("\"")));
    reads("sid=\"a", Ok(Some("\"a")));
}

#[test]
fn quotes_do_not_protect_a_semicolon() {
    reads("x=\"1; sid=a; y=2\"", Ok(Some("a")));
}

#[test]
fn a_value_outside_visible_ascii_is_returned_as_empty() {
    reads("sid=\u{e9}", Ok(Some("?")));
    reads("sid=a b", Ok(Some("?")));
    reads("sid=\"a\tb\"", Ok(Some("?")));
    assert_eq!(cookie(&headers(&[b"sid=a\xff"]), "sid"), Ok(Some("?")));
}

#[test]
fn a_cookie_name_is_a_token() {
    assert!(is_cookie_name("__Host-sid"));
    for name in ["", "a b", "a=b", "a;b", "\"a\"", "\u{e9}", "a,b"] {
        assert!(!is_cookie_name(name), "{name:?}");
    }
}

proptest! {
    #[test]
    fn no_value_panics_and_every_result_is_visible_ascii(
        value in prop::collection::vec(prop_oneof![
            Just(b'\t'), Just(b';'), Just(b'='), Just(b'"'), Just(b's'), 0x20..=0x7e_u8, 0x80..=0xff_u8
        ], 0..80),
    ) {
        if let Ok(Some(text)) = cookie(&headers(&[&value]), "s") {
            prop_assert!(text.bytes().all(|b| b.is_ascii_graphic() && b != b';'));
        }
    }

    #[test]
    fn a_value_is_returned_as_it_was_sent(
        value in "[!#-+\\--:<-\\[\\]-~]{0,40}", quote in "\"?", before in "([a-z]{1,5}=[a-z]{0,5}; ){0,3}",
    ) {
        let line = format!("{before}sid.1={quote}{value}{quote}");
        let sent = headers(&[line.as_bytes()]);
        prop_assert_eq!(cookie(&sent, "sid.1"), Ok(Some(value.as_str())));
    }
}
