//! The Observatory's score table, and the scores of whole sets of headers.

use http::HeaderValue;
use proptest::prelude::*;

use http::HeaderMap;

use super::observatory::audit;
use super::{Audit, Grade};

fn audited(fields: &[(&'static str, &str)]) -> Audit {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        // As the Observatory's client does, one byte per character.
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
        headers.append(*name, HeaderValue::from_bytes(&bytes).unwrap());
    }
    audit(&headers)
}

#[track_caller]
fn outcome(test: &str, fields: &[(&'static str, &str)]) -> (&'static str, i16) {
    let audit = audited(fields);
    let modifier = audit.modifiers().iter().find(|modifier| modifier.test() == test).unwrap();
    (modifier.result(), modifier.points())
}

/// Asserts that each of the values alone has this result.
#[track_caller]
fn assert_all(name: &'static str, values: &[&str], result: &str, points: i16) {
    for value in values {
        assert_eq!(outcome(name, &[(name, value)]), (result, points), "{name}: {value}");
    }
}

#[test]
fn hsts_of_180_days_or_more_costs_nothing() {
    let values = ["max-age=15552000", "MAX-AGE=63072000; includeSubDomains", "preload; max-age= 31536000s"];
    assert_all("strict-transport-security", &values, "hsts-implemented-max-age-at-least-six-months", 0);
    // Neither a missing number nor one that overflows is less than 180 days.
    let values = ["max-age=", "max-age=\"1\"", "max-age=18446744073709551615"];
    assert_all("strict-transport-security", &values, "hsts-implemented-max-age-at-least-six-months", 0);
}

#[test]
fn hsts_of_less_than_180_days_costs_10() {
    let values = ["max-age=15551999", "max-age=0", "max-age=-31536000", "max-age=1e9", "max-age=31536000; max-age=1"];
    assert_all("strict-transport-security", &values, "hsts-implemented-max-age-less-than-six-months", -10);
}

#[test]
fn hsts_that_is_invalid_or_sent_twice_costs_20() {
    let values = ["", "includeSubDomains", "max-age", "max-age = 31536000", "max-age=31536000, max-age=31536000"];
    assert_all("strict-transport-security", &values, "hsts-header-invalid", -20);
}

#[test]
fn private_referrer_policies_give_5() {
    let values = ["no-referrer", "same-origin", "strict-origin", "Strict-Origin-When-Cross-Origin"];
    assert_all("referrer-policy", &values, "referrer-policy-private", 5);
}

#[test]
fn referrer_policies_that_leak_urls_cost_5() {
    let values = ["origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"];
    assert_all("referrer-policy", &values, "referrer-policy-unsafe", -5);
}

#[test]
fn a_referrer_policy_without_a_known_keyword_costs_5() {
    assert_all("referrer-policy", &["", "none", "no-referrer;", "never, always"], "referrer-policy-header-invalid", -5);
}

#[test]
fn the_last_known_keyword_of_referrer_policy_counts() {
    assert_all(
        "referrer-policy",
        &["unsafe-url, no-referrer", "unsafe-url,no-referrer , x"],
        "referrer-policy-private",
        5,
    );
    assert_all("referrer-policy", &["no-referrer, unsafe-url"], "referrer-policy-unsafe", -5);
}

#[test]
fn nosniff_costs_nothing_and_any_other_value_5() {
    assert_all("x-content-type-options", &["nosniff", "NoSniff"], "x-content-type-options-nosniff", 0);
    let values = ["sniff", "nosniff;", "nosniff, nosniff"];
    assert_all("x-content-type-options", &values, "x-content-type-options-header-invalid", -5);
    assert_all("x-content-type-options", &[""], "x-content-type-options-not-implemented", -5);
}

#[test]
fn denied_frames_give_5() {
    assert_all("x-frame-options", &["DENY", "sameorigin"], "x-frame-options-sameorigin-or-deny", 5);
}

#[test]
fn allow_from_costs_nothing() {
    assert_all("x-frame-options", &["ALLOW-FROM https://a.example"], "x-frame-options-allow-from-origin", 0);
}

#[test]
fn frame_options_that_are_invalid_or_sent_twice_cost_20() {
    assert_all("x-frame-options", &["none", "DENY;", "DENY, DENY"], "x-frame-options-header-invalid", -20);
    assert_all("x-frame-options", &[""], "x-frame-options-not-implemented", -20);
}

#[test]
fn frame_ancestors_replace_frame_options() {
    for ancestors in ["frame-ancestors 'none'", "frame-ancestors *", "img-src *, frame-ancestors"] {
        let fields = [("content-security-policy", ancestors), ("x-frame-options", "nonsense")];
        assert_eq!(outcome("x-frame-options", &fields), ("x-frame-options-implemented-via-csp", 5), "{ancestors}");
    }
    for ancestors in ["default-src 'none'", "frame-ancestors a; img-src a; img-src b"] {
        let fields = [("content-security-policy", ancestors)];
        assert_eq!(outcome("x-frame-options", &fields), ("x-frame-options-not-implemented", -20), "{ancestors}");
    }
}

#[test]
fn a_resource_policy_gives_10_if_it_excludes_other_sites() {
    let name = "cross-origin-resource-policy";
    assert_all(name, &["same-origin", "Same-Origin"], "corp-implemented-with-same-origin", 10);
    assert_all(name, &["same-site"], "corp-implemented-with-same-site", 10);
    assert_all(name, &["cross-origin"], "corp-implemented-with-cross-origin", 0);
    assert_all(name, &[""], "corp-not-implemented", 0);
    assert_all(name, &["none", "same-origin;a", "same-origin, same-origin"], "corp-header-invalid", -5);
}

#[test]
fn an_opener_policy_gives_10_if_it_isolates_the_page() {
    let name = "cross-origin-opener-policy";
    assert_all(name, &["same-origin", "same-origin; report-to=\"a\""], "coop-implemented-with-same-origin", 10);
    assert_all(name, &["same-origin-allow-popups"], "coop-implemented-with-same-origin-allow-popups", 10);
    assert_all(name, &["noopener-allow-popups"], "coop-implemented-with-noopener-allow-popups", 10);
    assert_all(name, &["unsafe-none"], "coop-implemented-with-unsafe-none", 0);
    assert_all(name, &[""], "coop-not-implemented", 0);
    assert_all(name, &["Same-Origin", "same-site", "same-origin, same-origin"], "coop-header-invalid", -5);
}

#[test]
fn an_embedder_policy_gives_10_if_it_requires_consent() {
    let name = "cross-origin-embedder-policy";
    assert_all(name, &["require-corp", "require-corp;report-to=a"], "coep-implemented-with-require-corp", 10);
    assert_all(name, &["credentialless"], "coep-implemented-with-credentialless", 10);
    assert_all(name, &["unsafe-none"], "coep-implemented-with-unsafe-none", 0);
    assert_all(name, &[""], "coep-not-implemented", 0);
    assert_all(name, &["same-origin", "require-corp, require-corp", "\"require-corp\""], "coep-header-invalid", -5);
}

#[test]
fn cors_for_any_origin_with_credentials_costs_50() {
    let test = "cross-origin-resource-sharing";
    let allowed = |origin, credentials| {
        let fields = [("access-control-allow-origin", origin), ("access-control-allow-credentials", credentials)];
        outcome(test, &fields)
    };
    let scanner = "https://http-observatory.security.mozilla.org";
    let universal = ("cross-origin-resource-sharing-implemented-with-universal-access", -50);
    let restricted = ("cross-origin-resource-sharing-implemented-with-restricted-access", 0);
    let public = ("cross-origin-resource-sharing-implemented-with-public-access", 0);
    assert_eq!(allowed(scanner, "True"), universal);
    assert_eq!(allowed(scanner, "false"), restricted);
    assert_eq!(allowed("https://a.example", "true"), restricted);
    assert_eq!(allowed("*", "true"), public);
    assert_eq!(allowed("", "true"), ("cross-origin-resource-sharing-not-implemented", 0));
}

#[test]
fn scripts_are_expected_only_in_html() {
    for (content_type, result) in [
        ("text/html; charset=utf-8", "sri-not-implemented-but-no-scripts-loaded"),
        ("application/xhtml+xml", "sri-not-implemented-but-no-scripts-loaded"),
        ("application/json", "sri-not-implemented-response-not-html"),
    ] {
        assert_eq!(outcome("subresource-integrity", &[("content-type", content_type)]), (result, 0));
    }
}

#[test]
fn the_lines_of_a_header_are_joined() {
    for (name, value, result) in [
        ("strict-transport-security", "max-age=63072000", "hsts-header-invalid"),
        ("x-frame-options", "DENY", "x-frame-options-header-invalid"),
        ("x-content-type-options", "nosniff", "x-content-type-options-header-invalid"),
        ("cross-origin-opener-policy", "same-origin", "coop-header-invalid"),
        ("referrer-policy", "no-referrer", "referrer-policy-private"),
    ] {
        assert_eq!(outcome(name, &[(name, value), (name, value)]).0, result);
    }
}

#[test]
fn a_value_is_truncated_at_its_limit() {
    let long = |value: &str, limit| format!("{value:<limit$}!");
    assert_all("x-content-type-options", &[&long("nosniff", 256)], "x-content-type-options-nosniff", 0);
    assert_all("x-content-type-options", &[&long("nosniff", 255)], "x-content-type-options-header-invalid", -5);
    assert_all("x-frame-options", &[&long("deny", 1024)], "x-frame-options-sameorigin-or-deny", 5);
    assert_all("cross-origin-resource-policy", &[&long("same-site", 256)], "corp-implemented-with-same-site", 10);
    assert_all("cross-origin-opener-policy", &[&long("unsafe-none", 1024)], "coop-implemented-with-unsafe-none", 0);
    let hsts = format!("{:<1024},", "max-age=63072000;");
    assert_all("strict-transport-security", &[&hsts], "hsts-implemented-max-age-at-least-six-months", 0);
}

#[test]
fn a_report_only_policy_has_a_separate_result() {
    let reported = |value| outcome("content-security-policy", &[("content-security-policy-report-only", value)]);
    assert_eq!(reported("x"), ("csp-not-implemented-but-reporting-enabled", -25));
    assert_eq!(reported(""), ("csp-not-implemented", -25));
}

#[test]
fn a_site_without_headers_keeps_30_points() {
    let found: Vec<_> = audited(&[]).modifiers().iter().map(|found| (found.result(), found.points())).collect();
    let expected = [
        ("csp-not-implemented", -25),
        ("cookies-not-found", 0),
        ("coep-not-implemented", 0),
        ("coop-not-implemented", 0),
        ("cross-origin-resource-sharing-not-implemented", 0),
        ("redirection-to-https", 0),
        ("referrer-policy-not-implemented", 0),
        ("hsts-not-implemented", -20),
        ("sri-not-implemented-but-no-scripts-loaded", 0),
        ("x-content-type-options-not-implemented", -5),
        ("x-frame-options-not-implemented", -20),
        ("corp-not-implemented", 0),
    ];
    assert_eq!(found, expected);
    assert_eq!((audited(&[]).score(), audited(&[]).grade()), (30, Grade::D));
}

const API: [(&str, &str); 7] = [
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

const PAGE_CSP: &str = "default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; img-src 'self'; manifest-src 'self'; script-src 'nonce-cjRuZDBt' 'strict-dynamic'; \
    style-src 'self' 'nonce-cjRuZDBt'";

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    API.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect()
}

#[test]
fn the_best_score_without_an_embedder_policy_is_140() {
    let page: Vec<_> = with("content-security-policy", PAGE_CSP)
        .into_iter()
        .map(|(name, value)| (name, if name == "referrer-policy" { "strict-origin-when-cross-origin" } else { value }))
        .collect();
    for fields in [&API[..], &page] {
        let audit = audited(fields);
        assert_eq!((audit.score(), audit.grade()), (140, Grade::APlus), "{audit}");
        assert!(audit.modifiers().iter().all(|modifier| modifier.points() >= 0), "{audit}");
    }
}

#[test]
fn the_best_score_with_an_embedder_policy_is_150() {
    assert_eq!(audited(&with("cross-origin-embedder-policy", "require-corp")).score(), 150);
}

#[test]
fn extra_credit_counts_from_90_points_on() {
    // Both sets of headers have 40 points of extra credit.
    assert_eq!(audited(&with("strict-transport-security", "max-age=1")).score(), 130);
    let mut fields = with("strict-transport-security", "max-age=1");
    fields.retain(|(name, _)| *name != "x-content-type-options");
    assert_eq!(audited(&fields).score(), 85);
}

#[test]
fn the_score_is_never_below_zero() {
    let fields = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "https://http-observatory.security.mozilla.org"),
    ];
    assert_eq!((audited(&fields).score(), audited(&fields).grade()), (0, Grade::F));
}

#[test]
fn each_grade_starts_at_its_score() {
    let chart = [
        (0, "F"),
        (24, "F"),
        (25, "D-"),
        (29, "D-"),
        (30, "D"),
        (39, "D"),
        (40, "D+"),
        (44, "D+"),
        (45, "C-"),
        (49, "C-"),
        (50, "C"),
        (59, "C"),
        (60, "C+"),
        (64, "C+"),
        (65, "B-"),
        (69, "B-"),
        (70, "B"),
        (79, "B"),
        (80, "B+"),
        (84, "B+"),
        (85, "A-"),
        (89, "A-"),
        (90, "A"),
        (99, "A"),
        (100, "A+"),
        (150, "A+"),
    ];
    for (score, grade) in chart {
        assert_eq!(Grade::of(score).to_string(), grade, "{score}");
    }
    assert!(chart.is_sorted_by_key(|(score, _)| Grade::of(*score)));
}

#[test]
fn display_prints_each_test_then_the_score_and_the_grade() {
    let shown = audited(&API).to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 13);
    assert_eq!(lines[0], "  10 content-security-policy       csp-implemented-with-no-unsafe-default-src-none");
    assert_eq!(lines[12], "score 140, grade A+");
}

proptest! {
    #[test]
    fn no_header_value_panics(name in prop::sample::select(NAMES.to_vec()), value in "[ -~\t\u{80}-\u{ff}]{0,60}") {
        let audit = audited(&[(name, value.trim_matches([' ', '\t']))]);
        prop_assert!(audit.grade() <= Grade::APlus);
    }
}

const NAMES: [&str; 8] = [
    "access-control-allow-origin",
    "content-security-policy",
    "cross-origin-opener-policy",
    "content-type",
    "cross-origin-resource-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-frame-options",
];
