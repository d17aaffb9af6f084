//! Structured items that are tokens, and other texts (RFC 9651).

use super::*;

#[test]
fn a_token_may_have_any_valid_parameters() {
    let parameters = [
        ";a;b_-.*9;*",
        ";  a",
        ";a=-1",
        ";a=123456789012345",
        ";a=123456789012.123",
        ";a=\"b \\\\ \\\" ~\"",
        ";a=*b:/c",
        ";a=:YWI=:",
        ";a=:YW:",
        ";a=::",
        ";a=?0;b=?1",
        ";a=@-1700000000",
        ";a=%\"f%c3%bc r\"",
    ];
    for parameters in parameters {
        assert_eq!(parse_token(&format!("*a/b:c{parameters}")), Some("*a/b:c".to_owned()), "{parameters}");
    }
}

#[test]
fn a_token_with_invalid_parameters_is_rejected() {
    let parameters = [
        ";",
        ";A",
        ";9",
        ";a=",
        ";a= 1",
        " ;a",
        ";a x",
        ";\ta",
        ";a=-",
        ";a=1234567890123456",
        ";a=1234567890123.1",
        ";a=1.",
        ";a=1.2345",
        ";a=\"b",
        ";a=\"\\b\"",
        ";a=\"\u{fc}\"",
        ";a=(1)",
        ";a=:Y:",
        ";a=:Y=Q=:",
        ";a=:YWI==:",
        ";a=:YWJj=:",
        ";a=:====:",
        ";a=:YQ",
        ";a=:Y-Q:",
        ";a=?2",
        ";a=@",
        ";a=@1234567890123456",
        ";a=%b",
        ";a=%\"%C3%BC\"",
        ";a=%\"%c3\"",
        ";a=%\"b",
        ";a=%\"\u{fc}\"",
    ];
    for parameters in parameters {
        assert_eq!(parse_token(&format!("a{parameters}")), None, "{parameters}");
    }
}

#[test]
fn an_item_of_another_type_is_not_a_token() {
    for text in ["", "1", "-a", "\"a\"", ":YQ==:", "?1", "@1", "(a)", "/a", "a, a", "\t a"] {
        assert_eq!(parse_token(text), None, "{text}");
    }
}
