//! Content security policies, from the best to none.

use proptest::prelude::*;

use super::*;

fn verdict(policy: &str) -> (&'static str, i16) {
    Csp::read(Some(policy)).verdict(false)
}

#[track_caller]
fn all(policies: &[&str], result: &str, points: i16) {
    for policy in policies {
        assert_eq!(verdict(policy), (result, points), "{policy}");
    }
}

#[test]
fn a_policy_that_begins_with_nothing_gives_10() {
    let policies = [
        "default-src 'none'",
        "default-src",
        "DEFAULT-SRC 'NONE' 'none'; img-src 'self'",
        "default-src 'none'; script-src https://a.example; upgrade-insecure-requests;;",
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-a' 'unsafe-inline' https: http://a.example 'self' *",
        "default-src 'none'; script-src 'sha256-a' 'unsafe-inline'; style-src 'nonce-a' 'unsafe-inline'",
        "default-src 'none'; object-src https://a.example; base-uri *; form-action *; img-src *",
    ];
    all(&policies, "csp-implemented-with-no-unsafe-default-src-none", 10);
}

#[test]
fn a_policy_without_anything_unsafe_gives_5() {
    let policies = [
        "default-src 'self'",
        "default-src 'none' 'self'",
        "object-src 'none'; script-src 'self'; style-src 'self'",
        "default-src 'unsafe-inline' 'sha384-a' https://a.example",
        "default-src 'strict-dynamic' 'sha512-a' https: 'self'",
    ];
    all(&policies, "csp-implemented-with-no-unsafe", 5);
}

#[test]
fn unsafe_styles_cost_nothing() {
    let policies = [
        "default-src 'none'; style-src 'unsafe-inline'",
        "default-src 'none'; style-src data:",
        "default-src 'none'; style-src https:",
        "default-src 'unsafe-inline'; script-src 'self'",
        "object-src 'none'; script-src 'none'",
    ];
    all(&policies, "csp-implemented-with-unsafe-inline-in-style-src-only", 0);
}

#[test]
fn images_and_media_over_http_cost_10() {
    let policies = [
        "default-src 'none'; img-src http://a.example",
        "default-src 'none'; media-src ftp:",
        "default-src 'none'; img-src http:; style-src 'unsafe-inline'",
    ];
    all(&policies, "csp-implemented-with-insecure-scheme-in-passive-content-only", -10);
}

#[test]
fn evaluated_scripts_and_styles_cost_10() {
    let policies = [
        "default-src 'none'; script-src 'unsafe-eval'",
        "default-src 'none'; style-src 'unsafe-eval'",
        "default-src 'self' 'unsafe-eval'; img-src http:",
    ];
    all(&policies, "csp-implemented-with-unsafe-eval", -10);
}

#[test]
fn active_content_over_http_costs_20() {
    let policies = [
        "default-src http://a.example",
        "default-src 'none'; script-src ftp://a.example",
        "default-src 'none'; frame-src http:",
        "default-src 'none'; report-uri http://a.example",
        "default-src 'none'; script-src 'unsafe-eval' http://a.example",
    ];
    all(&policies, "csp-implemented-with-insecure-scheme", -20);
}

#[test]
fn scripts_and_objects_from_anywhere_cost_20() {
    for source in ["*", "ftp:", "http:", "http://*", "http://*.*", "https:", "https://*", "https://*.*"] {
        let policies = [format!("default-src 'none'; script-src {source}"), format!("default-src 'self' {source}")];
        all(&policies.each_ref().map(String::as_str), "csp-implemented-with-unsafe-inline", -20);
        all(&[&format!("default-src 'none'; object-src {source}")], "csp-implemented-with-unsafe-inline", -20);
    }
    all(&["img-src 'none'", "script-src 'none'", "object-src 'none'"], "csp-implemented-with-unsafe-inline", -20);
}

#[test]
fn inline_scripts_cost_20() {
    let policies =
        ["default-src 'Unsafe-Inline'", "default-src 'none'; script-src data:", "script-src 'unsafe-inline'"];
    all(&policies, "csp-implemented-with-unsafe-inline", -20);
}

#[test]
fn what_stands_for_scripts_is_changed_with_them() {
    // A nonce for scripts takes https: from objects and styles too, as both are default-src.
    assert_eq!(verdict("default-src 'nonce-a' 'strict-dynamic' https:").1, 5);
    assert_eq!(verdict("default-src https:; script-src 'nonce-a' 'strict-dynamic'").1, -20);
}

#[test]
fn a_policy_that_cannot_be_read_costs_25() {
    let policies = [
        "",
        "  ",
        "img-s",
        "img-src 'none',",
        "img-src 'none'; img-src 'none'",
        "img-src a; script-src b; IMG-SRC c",
        "default-src 'none'; script-src 'strict-dynamic'",
        "default-src 'strict-dynamic' 'self'",
        "img-src https://a/%zz, img-src https://a/%zz",
    ];
    all(&policies, "csp-header-invalid", -25);
}

#[test]
fn reports_may_be_sent_to_two_places_by_what_passes() {
    let duplicate = ("csp-implemented-but-duplicate-directives", 0);
    for policy in ["default-src 'none'", "default-src 'self'", "default-src 'none'; img-src http:"] {
        assert_eq!(verdict(&format!("{policy}; report-uri /a; report-uri /b")), duplicate, "{policy}");
        assert_eq!(verdict(&format!("{policy}; report-to a; report-to b")), duplicate, "{policy}");
    }
    assert_eq!(verdict("default-src 'none'; style-src *; report-to a; report-to b"), duplicate);
    assert_eq!(verdict("default-src *; report-to a; report-to b").0, "csp-implemented-with-unsafe-inline");
    assert_eq!(verdict("default-src 'unsafe-eval'; report-to a; report-to b").0, "csp-implemented-with-unsafe-eval");
}

#[test]
fn no_policy_costs_25() {
    for csp in [Csp::read(None), Csp::read(Some(";;;;;;"))] {
        assert_eq!(csp.verdict(false), ("csp-not-implemented", -25));
        assert_eq!(csp.verdict(true), ("csp-not-implemented-but-reporting-enabled", -25));
    }
    assert_eq!(Csp::read(Some("default-src 'none'")).verdict(true).1, 10);
}

proptest! {
    #[test]
    fn no_policy_panics(policies in "((default-src|script-src|x)( [ -~\u{80}-\u{ff}]{0,9})?[;, ]{1,2}){0,6}") {
        let _ = verdict(&policies);
    }
}
