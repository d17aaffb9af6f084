//! The configurations that `build()` rejects: each issue has a setting, a value, a kind and a remedy.

use std::time::Duration;

use portcullis::cors::CorsBuilder;
use portcullis::{ConfigError, ConfigIssue, Cors, IssueKind, OriginSet};

use super::{PAGE, for_page, origins};

/// Returns the setting, the value and the kind of each issue.
fn issues(error: &ConfigError) -> Vec<(&str, Option<&str>, IssueKind)> {
    for issue in error.issues() {
        assert!(!issue.reason().is_empty() && !issue.remedy().is_empty(), "{issue}");
        assert!(error.to_string().contains(&issue.to_string()));
    }
    error.issues().iter().map(|issue| (issue.setting(), issue.value(), issue.kind())).collect()
}

/// Asserts that there is one issue: its setting, value and kind, and a part of its remedy.
#[track_caller]
fn assert_issue(builder: CorsBuilder, expected: (&str, Option<&str>, IssueKind), remedy: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(issues(&error), [expected]);
    assert!(error.issues()[0].remedy().contains(remedy), "{error}");
}

#[test]
fn valid_configurations_build() {
    assert!(for_page().build().is_ok());
    assert!(Cors::builder().any_origin().build().is_ok());
    let all_settings =
        for_page().allow_credentials().allow_methods(["PUT", "PATCH", "QUERY", "GET"]).allow_headers(["X-Request-Id"]);
    assert!(all_settings.expose_headers(["ETag"]).debug().build().is_ok());
    assert!(Cors::builder().any_origin().any_method().any_header().expose_headers(["*"]).build().is_ok());
}

#[test]
fn origins_or_any_origin_is_required() {
    assert_issue(Cors::builder(), ("origins", None, IssueKind::Missing), ".origins(");
    let error = OriginSet::new([""; 0]).unwrap_err();
    assert_eq!(issues(&error), [("OriginSet::new", None, IssueKind::Missing)]);
}

#[test]
fn any_origin_with_credentials_is_rejected() {
    assert_issue(
        Cors::builder().any_origin().allow_credentials(),
        ("any_origin", None, IssueKind::Prohibited),
        "list the origins",
    );
}

#[test]
fn an_origin_that_never_matches_is_rejected_with_a_remedy() {
    let lower = "lower case";
    for (origin, remedy) in [
        ("*", "any_origin()"),
        ("null", "name the origin"),
        ("app.example.com", "https://"),
        ("//app.example.com", "https://"),
        ("ftp://app.example.com", "https://"),
        ("https://app.example.com/", "remove it"),
        ("https://app.example.com/path", "remove it"),
        ("https://app.example.com?query", "remove it"),
        ("https://app.example.com#fragment", "remove it"),
        ("https://ann@app.example.com", "remove it"),
        ("https://ann:secret@app.example.com", "remove it"),
        ("https://App.example.com", lower),
        ("HTTPS://app.example.com", lower),
        ("https://app.example.com:443", "remove it"),
        ("http://app.example.com:80", "remove it"),
        ("https://*.example.com:443", "remove it"),
        ("https://app.example.com:0", "https://"),
        ("https://app.example.com:8443:*", "https://"),
        ("https://*.example.com:8443:*", "https://"),
        ("https://", "https://"),
        ("", "https://"),
    ] {
        let error = OriginSet::new([origin]).unwrap_err();
        assert_eq!(issues(&error), [("OriginSet::new", Some(origin), IssueKind::Invalid)]);
        assert!(error.issues()[0].remedy().contains(remedy), "{error}");
    }
}

#[test]
fn a_star_elsewhere_than_in_the_first_label_and_as_the_port_is_rejected() {
    for pattern in [
        "https://*",
        "https://*:*",
        "*://app.example.com",
        "https://a.app*.example.com",
        "https://a*b*.example.com",
        "tauri://*",
        "app://*.obsidian.md",
        "chrome-extension://*",
        "https://app.*.example.com",
        "https://*.*.example.com",
        "https://**.example.com",
        "https://example.*",
        "https://example.com:8*",
        "https://example.com:*/",
        "https://example.com:*:*",
        "https://*.",
    ] {
        let error = OriginSet::new([pattern]).unwrap_err();
        assert_eq!(issues(&error), [("OriginSet::new", Some(pattern), IssueKind::Invalid)]);
    }
}

#[test]
fn a_pattern_for_an_address_is_rejected() {
    for pattern in ["https://*.192.0.2.1", "http://*.127.0.0.1:*", "https://*.[2001:db8::1]"] {
        let error = OriginSet::new([pattern]).unwrap_err();
        assert_eq!(issues(&error), [("OriginSet::new", Some(pattern), IssueKind::Invalid)]);
        assert_eq!(error.issues()[0].remedy(), "write the address without `*.`");
    }
}

#[test]
fn a_pattern_for_a_public_suffix_needs_the_dangerous_constructor() {
    for pattern in [
        "https://*.com",
        "https://*.co.uk",
        "https://*.github.io",
        "https://*.kawasaki.jp:*",
        "https://*example.com",
        "https://shop-*-acme.vercel.app",
        "https://deploy-preview-*--shop.netlify.app:*",
    ] {
        let error = OriginSet::new([pattern]).unwrap_err();
        assert_eq!(issues(&error), [("OriginSet::new", Some(pattern), IssueKind::Prohibited)]);
        assert!(error.issues()[0].remedy().contains("dangerously_with_public_suffixes"), "{error}");
        assert!(OriginSet::dangerously_with_public_suffixes([pattern]).is_ok());
    }
    let error = OriginSet::dangerously_with_public_suffixes(["https://*.example.com/"]).unwrap_err();
    let setting = "OriginSet::dangerously_with_public_suffixes";
    assert_eq!(issues(&error), [(setting, Some("https://*.example.com/"), IssueKind::Invalid)]);
}

#[test]
fn http_with_credentials_needs_the_dangerous_setter() {
    for origin in ["http://app.example.com", "http://*.example.com", "http://app.example.com:*", "http://192.0.2.1"] {
        let builder = || Cors::builder().origins(origins([origin]));
        let expected = ("allow_credentials", Some(origin), IssueKind::Prohibited);
        assert_issue(builder().allow_credentials(), expected, "dangerously_allow_http_with_credentials");
        assert!(builder().build().is_ok(), "{origin} without credentials");
        assert!(builder().allow_credentials().dangerously_allow_http_with_credentials().build().is_ok(), "{origin}");
    }
}

#[test]
fn loopback_may_use_http_with_credentials() {
    for origin in [
        "http://localhost:5173",
        "http://localhost:*",
        "http://app.localhost",
        "http://*.localhost",
        "http://127.0.0.1:8080",
        "http://127.1.2.3",
        "http://[::1]:3000",
    ] {
        assert!(Cors::builder().origins(origins([origin])).allow_credentials().build().is_ok(), "{origin}");
    }
}

#[test]
fn a_method_that_no_browser_sends_is_rejected() {
    for (method, kind, remedy) in [
        ("CONNECT", IssueKind::Prohibited, "remove it"),
        ("TRACE", IssueKind::Prohibited, "remove it"),
        ("TRACK", IssueKind::Prohibited, "remove it"),
        ("trace", IssueKind::Prohibited, "remove it"),
        ("patch", IssueKind::Invalid, "upper case"),
        ("Put", IssueKind::Invalid, "upper case"),
        ("*", IssueKind::Invalid, "any_method()"),
        ("", IssueKind::Invalid, "PATCH"),
        ("PUT, DELETE", IssueKind::Invalid, "PATCH"),
    ] {
        assert_issue(for_page().allow_methods([method]), ("allow_methods", Some(method), kind), remedy);
    }
}

#[test]
fn a_request_header_that_no_page_can_send_is_rejected() {
    for (name, kind, remedy) in [
        ("Cookie", IssueKind::Prohibited, "remove it"),
        ("host", IssueKind::Prohibited, "remove it"),
        ("Origin", IssueKind::Prohibited, "remove it"),
        ("Sec-Fetch-Site", IssueKind::Prohibited, "remove it"),
        ("proxy-authorization", IssueKind::Prohibited, "remove it"),
        ("Transfer-Encoding", IssueKind::Prohibited, "remove it"),
        ("Access-Control-Request-Method", IssueKind::Prohibited, "remove it"),
        ("Access-Control-Allow-Origin", IssueKind::Prohibited, "expose_headers(..)"),
        ("WWW-Authenticate", IssueKind::Prohibited, "expose_headers(..)"),
        ("Retry-After", IssueKind::Prohibited, "expose_headers(..)"),
        ("ETag", IssueKind::Prohibited, "expose_headers(..)"),
        ("*", IssueKind::Invalid, "any_header()"),
        ("", IssueKind::Invalid, "X-Request-Id"),
        ("x-a, x-b", IssueKind::Invalid, "X-Request-Id"),
    ] {
        assert_issue(for_page().allow_headers([name]), ("allow_headers", Some(name), kind), remedy);
    }
}

#[test]
fn a_response_header_that_no_page_can_read_is_rejected() {
    let star = for_page().allow_credentials().expose_headers(["*"]);
    assert_issue(star, ("expose_headers", Some("*"), IssueKind::Prohibited), "list the header names");
    for builder in [for_page(), for_page().allow_credentials()] {
        let cookie = builder.clone().expose_headers(["Set-Cookie"]);
        assert_issue(cookie, ("expose_headers", Some("Set-Cookie"), IssueKind::Prohibited), "remove it");
        let invalid = builder.expose_headers(["x a"]);
        assert_issue(invalid, ("expose_headers", Some("x a"), IssueKind::Invalid), "X-Request-Id");
    }
}

#[test]
fn max_age_is_whole_seconds_up_to_a_day() {
    for (time, text) in [
        (Duration::from_secs(86_401), "86401s"),
        (Duration::from_millis(1_500), "1.5s"),
        (Duration::from_nanos(1), "1ns"),
        (Duration::from_nanos(86_400_000_000_001), "86400.000000001s"),
    ] {
        assert_issue(for_page().max_age(time), ("max_age", Some(text), IssueKind::Invalid), "ten minutes");
    }
    assert!(for_page().max_age(Duration::MAX).build().is_err());
    for seconds in [0, 86_400] {
        assert!(for_page().max_age(Duration::from_secs(seconds)).build().is_ok(), "{seconds}");
    }
}

#[test]
fn all_issues_of_an_origin_set_are_reported_in_order() {
    let error = OriginSet::new(["null", PAGE, "https://*.com", "https://a.example/"]).unwrap_err();
    let values: Vec<_> = error.issues().iter().map(ConfigIssue::value).collect();
    assert_eq!(values, [Some("null"), Some("https://*.com"), Some("https://a.example/")]);
}

#[test]
fn all_issues_of_a_layer_are_reported_at_once() {
    let builder = Cors::builder().origins(origins(["http://a.example", "http://b.example"])).allow_credentials();
    let builder =
        builder.allow_methods(["patch", "PUT", "TRACE"]).allow_headers(["cookie"]).expose_headers(["*", "set-cookie"]);
    let error = builder.max_age(Duration::from_secs(100_000)).build().unwrap_err();
    assert_eq!(
        issues(&error),
        [
            ("allow_credentials", Some("http://a.example"), IssueKind::Prohibited),
            ("allow_credentials", Some("http://b.example"), IssueKind::Prohibited),
            ("allow_methods", Some("patch"), IssueKind::Invalid),
            ("allow_methods", Some("TRACE"), IssueKind::Prohibited),
            ("allow_headers", Some("cookie"), IssueKind::Prohibited),
            ("expose_headers", Some("*"), IssueKind::Prohibited),
            ("expose_headers", Some("set-cookie"), IssueKind::Prohibited),
            ("max_age", Some("100000s"), IssueKind::Invalid),
        ]
    );
}

#[test]
fn a_setter_replaces_the_previous_value() {
    assert!(Cors::builder().any_origin().allow_credentials().origins(origins([PAGE])).build().is_ok());
    assert!(for_page().allow_methods(["TRACE"]).allow_methods(["PUT"]).build().is_ok());
    assert!(for_page().allow_headers(["cookie"]).allow_headers(["x-a"]).build().is_ok());
    assert!(for_page().expose_headers(["set-cookie"]).expose_headers(["etag"]).build().is_ok());
}
