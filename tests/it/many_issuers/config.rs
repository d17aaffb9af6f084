//! `build()` reports invalid patterns, prefixes and settings of many issuers.

use std::time::Duration;

use portcullis::{ConfigIssue, IssueKind, Issuer, Issuers, JwtAuth};

use super::PATTERN;

fn issues(issuers: Issuers) -> Vec<ConfigIssue> {
    let built = JwtAuth::builder().add_issuers(issuers).audience("api").build();
    built.err().map(|error| error.issues().to_vec()).unwrap_or_default()
}

fn by_function(prefix: &str) -> Issuers {
    Issuers::from_fn(prefix, async |_| None)
}

#[track_caller]
fn assert_one_issue(issuers: Issuers, setting: &str, kind: IssueKind) {
    let issues = issues(issuers);
    let [issue] = issues.as_slice() else { panic!("{issues:?}") };
    assert_eq!((issue.setting(), issue.kind()), (setting, kind), "{issue}");
}

#[test]
fn a_pattern_has_one_placeholder_in_the_path_of_an_https_url() {
    for pattern in [
        "id.example.com/{realm}",
        "http://id.example.com/{realm}",
        "https://{tenant}.example.com/",
        "https://id.example.com",
        "https://id.example.com/a{realm}",
        "https://id.example.com/{a}/{b}",
        "https://id.example.com/{realm}?a=b",
    ] {
        assert_one_issue(Issuers::from_pattern(pattern), "Issuers::from_pattern", IssueKind::Invalid);
    }
    for pattern in [PATTERN, "http://localhost:8080/realms/{realm}", "https://id.example.com/{tenant}/v2.0"] {
        assert_eq!(issues(Issuers::from_pattern(pattern)), []);
    }
}

#[test]
fn the_keys_of_a_pattern_are_at_its_host_and_differ_by_realm() {
    for url in
        ["https://id.example.com/keys", "https://other.example/{realm}/keys", "https://id.example.com:444/{realm}"]
    {
        let issuers = Issuers::from_pattern(Issuer::jwks(PATTERN, url));
        assert_one_issue(issuers, "Issuers::from_pattern", IssueKind::Invalid);
    }
    let own = Issuers::from_pattern(Issuer::jwks(PATTERN, "https://id.example.com/keys/{realm}"));
    assert_eq!(issues(own), []);
    let fixed = Issuers::from_pattern(Issuer::hs256(PATTERN, [7; 32]));
    assert_one_issue(fixed, "Issuers::from_pattern", IssueKind::Invalid);
}

#[test]
fn the_name_of_one_issuer_has_no_placeholder() {
    for issuer in [
        Issuer::discover(PATTERN),
        Issuer::jwks(PATTERN, "https://id.example.com/keys"),
        Issuer::discover("https://login.microsoftonline.com/{tenantid}/v2.0"),
        Issuer::keycloak("https://id.example.com", "{realm}"),
    ] {
        let error = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap_err();
        let [issue] = error.issues() else { panic!("{error}") };
        assert!(issue.remedy().contains("entra_v2_tenants") && issue.remedy().contains("from_pattern"), "{issue}");
    }
}

#[test]
fn capacity_and_max_age_are_bounded() {
    for capacity in [0, 100_001] {
        assert_one_issue(Issuers::from_pattern(PATTERN).capacity(capacity), "capacity", IssueKind::Invalid);
    }
    for max_age in [Duration::ZERO, Duration::from_secs(24 * 3600 + 1)] {
        assert_one_issue(by_function("https://").max_age(max_age), "max_age", IssueKind::Invalid);
    }
    let max_age = Duration::from_secs(60);
    assert_one_issue(Issuers::from_pattern(PATTERN).max_age(max_age), "max_age", IssueKind::Prohibited);
    assert_eq!(issues(by_function("https://").max_age(max_age).capacity(100_000)), []);
}

#[test]
fn a_prefix_is_not_empty_and_no_source_is_added_twice() {
    assert_one_issue(by_function(""), "Issuers::from_fn", IssueKind::Missing);
    let twice = JwtAuth::builder().add_issuers(by_function("https://")).add_issuers(by_function("https://"));
    let error = twice.audience("api").build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("add_issuers", IssueKind::Duplicate));
}

#[test]
fn a_pattern_needs_an_audience_and_valid_settings() {
    let build = |issuers| JwtAuth::builder().add_issuers(issuers).build();
    let error = build(Issuers::from_pattern(PATTERN)).unwrap_err();
    assert_eq!(error.issues()[0].setting(), "audience");
    assert!(build(Issuers::from_pattern(Issuer::discover(PATTERN).audience("api"))).is_ok());
    let error = build(Issuers::from_pattern(Issuer::discover(PATTERN).audience(" api"))).unwrap_err();
    assert_eq!(error.issues()[0].setting(), "audience");
    assert!(build(by_function("https://")).is_ok(), "the function's issuers may have audiences of their own");
}
