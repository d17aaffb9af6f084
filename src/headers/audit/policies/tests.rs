//! What is left of sources when policies meet.

use super::*;

/// The sources of one directive.
fn left(policies: &str, directive: &str) -> Option<String> {
    let sources = Policies::read(policies)?.directives.remove(directive)?;
    Some(sources.into_iter().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_source_that_another_begins_says_nothing_new() {
    for (sources, kept) in [
        ("https://a.example/b https://a.example", "https://a.example"),
        ("*.a.example *", "*"),
        ("'self' 'self'", "'self'"),
        ("https://a.example https://b.example", "https://a.example https://b.example"),
        // Only neighbours are compared.
        ("a a-b ab", "a ab"),
        ("a b ab", "a b"),
        ("a a1 a~b", "a a1"),
    ] {
        assert_eq!(left(&format!("img-src {sources}"), "img-src").as_deref(), Some(kept), "{sources}");
    }
}

#[test]
fn a_source_counts_that_every_policy_has() {
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
        assert_eq!(left(policies, "img-src").as_deref(), Some(kept), "{policies}");
    }
}

#[test]
fn a_directive_of_the_first_policy_alone_stays_and_another_is_none() {
    assert_eq!(left("img-src a, font-src b", "img-src").as_deref(), Some("a"));
    assert_eq!(left("img-src a, font-src b", "font-src").as_deref(), Some("'none'"));
}

#[test]
fn a_list_without_sources_is_none() {
    assert_eq!(left("img-src; sandbox", "img-src").as_deref(), Some("'none'"));
    assert_eq!(left("img-src; sandbox", "sandbox").as_deref(), Some("'none'"));
}

#[test]
fn a_path_that_is_compared_must_be_percent_encoded_utf_8() {
    for path in ["%", "%6", "%+1", "%zz", "%e4", "%c3x"] {
        assert_eq!(left(&format!("img-src https://a/{path}, img-src https://a/{path}"), "img-src"), None, "{path}");
        assert!(left(&format!("img-src https://a/{path}"), "img-src").is_some(), "{path}");
    }
    assert_eq!(left("img-src, img-src %zz", "img-src"), None);
}

#[test]
fn punctuation_comes_before_digits_and_digits_before_letters() {
    let mut texts = ["b", "a", "~", "9", "0", "ab", "*", "'", "_", "/", "$"];
    texts.sort_by(|one, other| collate(one, other));
    assert_eq!(texts, ["_", "'", "*", "/", "~", "$", "0", "9", "a", "ab", "b"]);
}
