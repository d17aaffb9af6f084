//! Tests of `Source`: valid and invalid texts, and sources that browsers ignore.

use proptest::prelude::*;

use super::*;

const DIGEST: &str = "47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

#[test]
fn keywords_and_hashes_are_not_hosts() {
    for (name, keyword) in KEYWORDS {
        assert_eq!(Source::from(format!("'{name}'")), keyword);
        assert_eq!(Source::from(format!("'{}'", name.to_uppercase())), keyword);
        assert_eq!(keyword.to_string(), format!("'{name}'"));
        assert_eq!(keyword.invalid_reason(), None);
    }
    let hash = Source::from(format!("'sha256-{DIGEST}'"));
    assert_eq!(hash, Source::Hash { text: format!("sha256-{DIGEST}") });
    assert_eq!((hash.to_string(), hash.invalid_reason()), (format!("'sha256-{DIGEST}'"), None));
    assert_eq!(Source::Nonce.invalid_reason(), None);
}

#[test]
fn valid_hosts_and_schemes_are_accepted() {
    for text in [
        "*",
        "data:",
        "https:",
        "web+app:",
        "example.com",
        "*.example.com",
        "https://example.com",
        "https://*.example.com:8443/scripts/a.js",
        "http://localhost:*",
        "wss://example.com/",
        "127.0.0.1:3000",
        "localhost",
        "example.com.",
        "https://example.com/a%20b/~c",
    ] {
        assert_eq!(Source::from(text).invalid_reason(), None, "{text}");
        assert_eq!(Source::from(text).to_string(), text);
    }
}

#[test]
fn invalid_sources_are_found() {
    for (text, words) in [
        ("", "empty"),
        ("self", "quotes"),
        ("NONE", "quotes"),
        ("unsafe-inline", "quotes"),
        ("nonce-abc", "quotes"),
        ("'nonce-abc'", "all responses share"),
        ("'selfish'", "unknown keyword"),
        ("'self", "unknown keyword"),
        ("a.example; script-src *", "semicolon"),
        ("a.example\nx: y", "semicolon"),
        ("a.example,b.example", "semicolon"),
        ("b\u{e4}r.example", "semicolon"),
        ("https://", "neither"),
        ("https://a.example?b", "neither"),
        ("https://a.example/b?c", "neither"),
        ("https://a.example/b#c", "neither"),
        ("a.*.example", "neither"),
        ("*example.com", "neither"),
        ("https://user@a.example", "neither"),
        ("https://[::1]", "neither"),
        ("a.example:99999", "neither"),
        ("a.example:+1", "neither"),
        ("https://a.example/%zz", "neither"),
        ("https://a.example/%2", "neither"),
        ("https://a.example//b", "neither"),
        ("https://a.example/{b}", "neither"),
        ("data", "colon"),
        ("HTTPS", "colon"),
        ("javascript", "colon"),
        ("Nonce-abc", "quotes"),
        ("'NONCE-abc'", "all responses share"),
        ("Report-To", "directive"),
        ("script-src", "directive"),
        ("report-uri", "directive"),
        ("1:", "neither"),
        (":", "neither"),
        ("1http://a.example", "neither"),
    ] {
        let invalid = Source::from(text).invalid_reason();
        assert!(invalid.is_some_and(|(reason, _)| reason.contains(words)), "{text}: {invalid:?}");
    }
}

#[test]
fn a_hash_is_an_algorithm_and_a_padded_digest_of_its_length() {
    let bare = format!("sha256-{DIGEST}");
    assert!(Source::from(bare.as_str()).invalid_reason().is_some_and(|(reason, _)| reason.contains("quotes")));
    for digest in [
        "",
        "abc",
        &DIGEST[1..],
        &format!("{DIGEST}=="),
        "47DEQpj8HBSa!_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "47DEQpj8HBSa-_TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
        DIGEST.trim_end_matches('='),
    ] {
        assert!(Source::Hash { text: format!("sha256-{digest}") }.invalid_reason().is_some(), "{digest}");
        assert!(Source::Hash { text: format!("sha512-{digest}") }.invalid_reason().is_some(), "{digest}");
    }
    assert!(Source::Hash { text: format!("md5-{DIGEST}") }.invalid_reason().is_some());
    let of = |name: &str, len: usize, end: &str| {
        let text = format!("{name}-{}{end}", "A".repeat(len));
        Source::Hash { text }.invalid_reason()
    };
    assert_eq!((of("sha384", 64, ""), of("sha512", 85, "g==")), (None, None));
    assert!(of("sha512", 85, "h==").is_some() && of("sha384", 63, "").is_some());
    assert_eq!(of("sha384", 63, "/"), None);
}

#[test]
fn keywords_for_scripts_and_styles_are_ignored_elsewhere() {
    for (directive, source, is_ignored) in [
        (Directive::ImgSrc, Source::Nonce, true),
        (Directive::FrameAncestors, Source::UnsafeInline, true),
        (Directive::StyleSrc, Source::StrictDynamic, true),
        (Directive::StyleSrc, Source::Nonce, false),
        (Directive::ScriptSrcElem, Source::StrictDynamic, false),
        (Directive::DefaultSrc, Source::UnsafeEval, false),
        (Directive::StyleSrcAttr, Source::Hash { text: String::new() }, false),
        (Directive::FormAction, Source::SelfOrigin, false),
        (Directive::ImgSrc, Source::from("data:"), false),
        (Directive::ImgSrc, Source::None, false),
        (Directive::ScriptSrc, Source::from("javascript:"), true),
        (Directive::FormAction, Source::from("javascript:"), false),
    ] {
        assert_eq!(source.is_ignored_in(directive), is_ignored, "{directive} {source}");
    }
}

proptest! {
    #[test]
    fn an_accepted_source_ends_neither_the_directive_nor_the_header(text in "\\PC{0,24}") {
        let source = Source::from(text.as_str());
        if source.invalid_reason().is_none() {
            prop_assert!(source.to_string().bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b','));
        }
    }
}
