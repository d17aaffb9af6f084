//! The sources that remain when policies are merged.

use super::*;

/// The sources of one directive.
fn merged(policies: &str, directive: &str) -> Option<String> {
    let sources = MergedCsp::parse(policies)?.directives.remove(directive)?;
    Some(sources.into_iter().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_source_that_starts_with_its_predecessor_is_redundant() {
    for (sources, kept) in [
        ("https://a.example/b https://a.example", "https://a.example"),
        ("*.a.example *", "*"),
        ("'self' 'self'", "'self'"),
        ("https://a.example https://b.example", "https://a.example https://b.example"),
        // Only neighbors are compared.
        ("a a-b ab", "a ab"),
        ("a b ab", "a b"),
        ("a a1 a~b", "a a1"),
    ] {
        assert_eq!(merged(&format!("img-src {sources}"), "img-src").as_deref(), Some(kept), "{sources}");
    }
}

#[test]
fn a_source_stays_if_every_policy_has_it() {
    for (policies, kept) in [
        ("img-src a b, img-src b c", "b"),
        ("img-src a, img-src b", "'none'"),
        ("img-src a, img-src A", "a"),
        ("img-src https://a/b/, img-src https://a/b/c", "https://a/b/c"),
        ("img-src https://a/b, img-src https://a/b/c", "'none'"),
        ("img-src https://a/b/c, img-src https://a/b", "'none'"),
        ("img-src https://%61/b/, img-src https://a", "'none'"),
        ("img-src https://a/%62, img-src https://a/b", "https://a/b"),
        ("img-src https://a/%c3%a4, img-src https://a/%C3%A4", "https://a/%c3%a4"),
        ("img-src a, img-src a, img-src a", "a"),
    ] {
        assert_eq!(merged(policies, "img-src").as_deref(), Some(kept), "{policies}");
    }
}

#[test]
fn a_directive_of_only_the_first_policy_stays_and_of_only_another_is_none() {
    assert_eq!(merged("img-src a, font-src b", "img-src").as_deref(), Some("a"));
    assert_eq!(merged("img-src a, font-src b", "font-src").as_deref(), Some("'none'"));
}

#[test]
fn a_directive_without_sources_is_none() {
    assert_eq!(merged("img-src; sandbox", "img-src").as_deref(), Some("'none'"));
    assert_eq!(merged("img-src; sandbox", "sandbox").as_deref(), Some("'none'"));
}

#[test]
fn a_compared_path_must_be_percent_encoded_utf_8() {
    for path in ["%", "%6", "%+1", "%zz", "%e4", "%c3x"] {
        assert_eq!(merged(&format!("img-src https://a/{path}, img-src https://a/{path}"), "img-src"), None, "{path}");
        assert!(merged(&format!("img-src https://a/{path}"), "img-src").is_some(), "{path}");
    }
    assert_eq!(merged("img-src, img-src %zz", "img-src"), None);
}

#[test]
fn punctuation_sorts_before_digits_and_digits_before_letters() {
    let mut texts = ["b", "a", "~", "9", "0", "ab", "*", "'", "_", "/", "$"];
    texts.sort_by(|one, other| collate(one, other));
    assert_eq!(texts, ["_", "'", "*", "/", "~", "$", "0", "9", "a", "ab", "b"]);
}
