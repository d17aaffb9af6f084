//! Scores of content security policies, from the best policy to a missing one.

use proptest::prelude::*;

use super::*;

fn outcome(policy: &str) -> (&'static str, i16) {
    Csp::parse(Some(policy)).outcome(false)
}

#[track_caller]
fn assert_all(policies: &[&str], result: &str, points: i16) {
    for policy in policies {
        assert_eq!(outcome(policy), (result, points), "{policy}");
    }
}

#[test]
fn default_src_none_without_anything_unsafe_gives_10() {
    let policies = [
        "default-src 'none'",
        "default-src",
        "DEFAULT-SRC 'NONE' 'none'; img-src 'self'",
        "default-src 'none'; script-src https://a.example; upgrade-insecure-requests;;",
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-a' 'unsafe-inline' https: http://a.example 'self' *",
        "default-src 'none'; script-src 'sha256-a' 'unsafe-inline'; style-src 'nonce-a' 'unsafe-inline'",
        "default-src 'none'; object-src https://a.example; base-uri *; form-action *; img-src *",
    ];
    assert_all(&policies, "csp-implemented-with-no-unsafe-default-src-none", 10);
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
    assert_all(&policies, "csp-implemented-with-no-unsafe", 5);
}

#[test]
fn unsafe_inline_styles_cost_nothing() {
    let policies = [
        "default-src 'none'; style-src 'unsafe-inline'",
        "default-src 'none'; style-src data:",
        "default-src 'none'; style-src https:",
        "default-src 'unsafe-inline'; script-src 'self'",
        "object-src 'none'; script-src 'none'",
    ];
    assert_all(&policies, "csp-implemented-with-unsafe-inline-in-style-src-only", 0);
}

#[test]
fn images_and_media_over_http_cost_10() {
    let policies = [
        "default-src 'none'; img-src http://a.example",
        "default-src 'none'; media-src ftp:",
        "default-src 'none'; img-src http:; style-src 'unsafe-inline'",
    ];
    assert_all(&policies, "csp-implemented-with-insecure-scheme-in-passive-content-only", -10);
}

#[test]
fn unsafe_eval_costs_10() {
    let policies = [
        "default-src 'none'; script-src 'unsafe-eval'",
        "default-src 'none'; style-src 'unsafe-eval'",
        "default-src 'self' 'unsafe-eval'; img-src http:",
    ];
    assert_all(&policies, "csp-implemented-with-unsafe-eval", -10);
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
    assert_all(&policies, "csp-implemented-with-insecure-scheme", -20);
}

#[test]
fn scripts_and_objects_from_any_host_cost_20() {
    for source in ["*", "ftp:", "http:", "http://*", "http://*.*", "https:", "https://*", "https://*.*"] {
        let policies = [format!("default-src 'none'; script-src {source}"), format!("default-src 'self' {source}")];
        assert_all(&policies.each_ref().map(String::as_str), "csp-implemented-with-unsafe-inline", -20);
        assert_all(&[&format!("default-src 'none'; object-src {source}")], "csp-implemented-with-unsafe-inline", -20);
    }
    assert_all(
        &["img-src 'none'", "script-src 'none'", "object-src 'none'"],
        "csp-implemented-with-unsafe-inline",
        -20,
    );
}

#[test]
fn inline_scripts_cost_20() {
    let policies =
        ["default-src 'Unsafe-Inline'", "default-src 'none'; script-src data:", "script-src 'unsafe-inline'"];
    assert_all(&policies, "csp-implemented-with-unsafe-inline", -20);
}

#[test]
fn strict_dynamic_changes_default_src_if_it_is_the_fallback() {
    // All three kinds fall back to default-src, so https: is removed for objects and styles too.
    assert_eq!(outcome("default-src 'nonce-a' 'strict-dynamic' https:").1, 5);
    assert_eq!(outcome("default-src https:; script-src 'nonce-a' 'strict-dynamic'").1, -20);
}

#[test]
fn an_invalid_policy_costs_25() {
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
    assert_all(&policies, "csp-header-invalid", -25);
}

#[test]
fn duplicate_report_directives_are_named_if_the_policy_is_otherwise_good() {
    let duplicate = ("csp-implemented-but-duplicate-directives", 0);
    for policy in ["default-src 'none'", "default-src 'self'", "default-src 'none'; img-src http:"] {
        assert_eq!(outcome(&format!("{policy}; report-uri /a; report-uri /b")), duplicate, "{policy}");
        assert_eq!(outcome(&format!("{policy}; report-to a; report-to b")), duplicate, "{policy}");
    }
    assert_eq!(outcome("default-src 'none'; style-src *; report-to a; report-to b"), duplicate);
    assert_eq!(outcome("default-src *; report-to a; report-to b").0, "csp-implemented-with-unsafe-inline");
    assert_eq!(outcome("default-src 'unsafe-eval'; report-to a; report-to b").0, "csp-implemented-with-unsafe-eval");
}

#[test]
fn a_missing_policy_costs_25() {
    for csp in [Csp::parse(None), Csp::parse(Some(";;;;;;"))] {
        assert_eq!(csp.outcome(false), ("csp-not-implemented", -25));
        assert_eq!(csp.outcome(true), ("csp-not-implemented-but-reporting-enabled", -25));
    }
    assert_eq!(Csp::parse(Some("default-src 'none'")).outcome(true).1, 10);
}

proptest! {
    #[test]
    fn parsing_never_panics(policies in "((default-src|script-src|x)( [ -~\u{80}-\u{ff}]{0,9})?[;, ]{1,2}){0,6}") {
        let _ = outcome(&policies);
    }
}
