//! What `build()` refuses: all problems at once, each with its setting, its value, its fault and a remedy.

use std::time::Duration;

use portcullis::cors::CorsBuilder;
use portcullis::{ConfigError, ConfigIssue, Cors, IssueKind, OriginSet};

use super::{PAGE, of, page};

/// The problems: setting, value and fault of each.
fn told(error: &ConfigError) -> Vec<(&str, Option<&str>, IssueKind)> {
    for problem in error.issues() {
        assert!(!problem.reason().is_empty() && !problem.remedy().is_empty(), "{problem}");
        assert!(error.to_string().contains(&problem.to_string()));
    }
    error.issues().iter().map(|problem| (problem.setting(), problem.value(), problem.kind())).collect()
}

/// The one problem: setting, value, fault and words of the remedy.
#[track_caller]
fn only(builder: CorsBuilder, expected: (&str, Option<&str>, IssueKind), remedy: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(told(&error), [expected]);
    assert!(error.issues()[0].remedy().contains(remedy), "{error}");
}

#[test]
fn what_is_good_is_built() {
    assert!(page().build().is_ok());
    assert!(Cors::builder().any_origin().build().is_ok());
    let every =
        page().allow_credentials().allow_methods(["PUT", "PATCH", "QUERY", "GET"]).allow_headers(["X-Request-Id"]);
    assert!(every.expose_headers(["ETag"]).debug().build().is_ok());
    assert!(Cors::builder().any_origin().any_method().any_header().expose_headers(["*"]).build().is_ok());
}

#[test]
fn origins_must_be_named_or_any() {
    only(Cors::builder(), ("origins", None, IssueKind::Missing), ".origins(");
    let error = OriginSet::new([""; 0]).unwrap_err();
    assert_eq!(told(&error), [("origins", None, IssueKind::Missing)]);
}

#[test]
fn any_origin_with_credentials_is_refused() {
    only(
        Cors::builder().any_origin().allow_credentials(),
        ("any_origin", None, IssueKind::Prohibited),
        "name the origins",
    );
}

#[test]
fn an_origin_that_never_matches_is_refused_with_a_remedy() {
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
        assert_eq!(told(&error), [("origins", Some(origin), IssueKind::Invalid)]);
        assert!(error.issues()[0].remedy().contains(remedy), "{error}");
    }
}

#[test]
fn a_pattern_other_than_a_leading_star_and_a_port_is_refused() {
    for pattern in [
        "https://*",
        "https://*:*",
        "*://app.example.com",
        "https://*example.com",
        "https://app*.example.com",
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
        assert_eq!(told(&error), [("origins", Some(pattern), IssueKind::Invalid)]);
    }
}

#[test]
fn a_pattern_over_an_address_is_refused() {
    for pattern in ["https://*.192.0.2.1", "http://*.127.0.0.1:*", "https://*.[2001:db8::1]"] {
        let error = OriginSet::new([pattern]).unwrap_err();
        assert_eq!(told(&error), [("origins", Some(pattern), IssueKind::Invalid)]);
        assert_eq!(error.issues()[0].remedy(), "write the address without `*.`");
    }
}

#[test]
fn a_pattern_over_a_public_suffix_is_refused_unless_it_is_asked_for_as_dangerous() {
    for pattern in ["https://*.com", "https://*.co.uk", "https://*.github.io", "https://*.kawasaki.jp:*"] {
        let error = OriginSet::new([pattern]).unwrap_err();
        assert_eq!(told(&error), [("origins", Some(pattern), IssueKind::Prohibited)]);
        assert!(error.issues()[0].remedy().contains("dangerously_with_public_suffixes"), "{error}");
        assert!(OriginSet::dangerously_with_public_suffixes([pattern]).is_ok());
    }
    let error = OriginSet::dangerously_with_public_suffixes(["https://*.example.com/"]).unwrap_err();
    assert_eq!(told(&error), [("origins", Some("https://*.example.com/"), IssueKind::Invalid)]);
}

#[test]
fn plain_http_with_credentials_is_refused_unless_it_is_asked_for_as_dangerous() {
    for origin in ["http://app.example.com", "http://*.example.com", "http://app.example.com:*", "http://192.0.2.1"] {
        let builder = || Cors::builder().origins(of([origin]));
        let expected = ("credentials", Some(origin), IssueKind::Prohibited);
        only(builder().allow_credentials(), expected, "dangerously_allow_http_with_credentials");
        assert!(builder().build().is_ok(), "{origin} without credentials");
        assert!(builder().allow_credentials().dangerously_allow_http_with_credentials().build().is_ok(), "{origin}");
    }
}

#[test]
fn plain_http_of_loopback_takes_credentials() {
    for origin in [
        "http://localhost:5173",
        "http://localhost:*",
        "http://app.localhost",
        "http://*.localhost",
        "http://127.0.0.1:8080",
        "http://127.1.2.3",
        "http://[::1]:3000",
    ] {
        assert!(Cors::builder().origins(of([origin])).allow_credentials().build().is_ok(), "{origin}");
    }
}

#[test]
fn a_method_that_no_browser_sends_so_is_refused() {
    for (method, fault, remedy) in [
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
        only(page().allow_methods([method]), ("methods", Some(method), fault), remedy);
    }
}

#[test]
fn a_request_header_that_no_page_can_send_is_refused() {
    for (name, fault, remedy) in [
        ("Cookie", IssueKind::Prohibited, "remove it"),
        ("host", IssueKind::Prohibited, "remove it"),
        ("Origin", IssueKind::Prohibited, "remove it"),
        ("Sec-Fetch-Site", IssueKind::Prohibited, "remove it"),
        ("proxy-authorization", IssueKind::Prohibited, "remove it"),
        ("Transfer-Encoding", IssueKind::Prohibited, "remove it"),
        ("Access-Control-Request-Method", IssueKind::Prohibited, "remove it"),
        ("Access-Control-Allow-Origin", IssueKind::Prohibited, "expose()"),
        ("WWW-Authenticate", IssueKind::Prohibited, "expose()"),
        ("Retry-After", IssueKind::Prohibited, "expose()"),
        ("ETag", IssueKind::Prohibited, "expose()"),
        ("*", IssueKind::Invalid, "any_request_header()"),
        ("", IssueKind::Invalid, "X-Request-Id"),
        ("x-a, x-b", IssueKind::Invalid, "X-Request-Id"),
    ] {
        only(page().allow_headers([name]), ("request_headers", Some(name), fault), remedy);
    }
}

#[test]
fn a_response_header_that_no_page_can_read_is_refused() {
    let other = "name other fields";
    only(page().allow_credentials().expose_headers(["*"]), ("expose", Some("*"), IssueKind::Prohibited), other);
    for builder in [page(), page().allow_credentials()] {
        only(
            builder.clone().expose_headers(["Set-Cookie"]),
            ("expose", Some("Set-Cookie"), IssueKind::Prohibited),
            other,
        );
        only(builder.expose_headers(["x a"]), ("expose", Some("x a"), IssueKind::Invalid), other);
    }
}

#[test]
fn a_max_age_is_whole_seconds_of_at_most_a_day() {
    for (time, text) in [
        (Duration::from_secs(86_401), "86401s"),
        (Duration::from_millis(1_500), "1.5s"),
        (Duration::from_nanos(1), "1ns"),
        (Duration::from_nanos(86_400_000_000_001), "86400.000000001s"),
    ] {
        only(page().max_age(time), ("max_age", Some(text), IssueKind::Invalid), "ten minutes");
    }
    assert!(page().max_age(Duration::MAX).build().is_err());
    for seconds in [0, 86_400] {
        assert!(page().max_age(Duration::from_secs(seconds)).build().is_ok(), "{seconds}");
    }
}

#[test]
fn all_problems_of_a_set_are_told_at_once_and_in_their_order() {
    let error = OriginSet::new(["null", PAGE, "https://*.com", "https://a.example/"]).unwrap_err();
    let values: Vec<_> = error.issues().iter().map(ConfigIssue::value).collect();
    assert_eq!(values, [Some("null"), Some("https://*.com"), Some("https://a.example/")]);
}

#[test]
fn all_problems_of_a_layer_are_told_at_once() {
    let builder = Cors::builder().origins(of(["http://a.example", "http://b.example"])).allow_credentials();
    let builder =
        builder.allow_methods(["patch", "PUT", "TRACE"]).allow_headers(["cookie"]).expose_headers(["*", "set-cookie"]);
    let error = builder.max_age(Duration::from_secs(100_000)).build().unwrap_err();
    assert_eq!(
        told(&error),
        [
            ("credentials", Some("http://a.example"), IssueKind::Prohibited),
            ("credentials", Some("http://b.example"), IssueKind::Prohibited),
            ("methods", Some("patch"), IssueKind::Invalid),
            ("methods", Some("TRACE"), IssueKind::Prohibited),
            ("request_headers", Some("cookie"), IssueKind::Prohibited),
            ("expose", Some("*"), IssueKind::Prohibited),
            ("expose", Some("set-cookie"), IssueKind::Prohibited),
            ("max_age", Some("100000s"), IssueKind::Invalid),
        ]
    );
}

#[test]
fn a_setting_replaces_what_was_set_before() {
    assert!(Cors::builder().any_origin().allow_credentials().origins(of([PAGE])).build().is_ok());
    assert!(page().allow_methods(["TRACE"]).allow_methods(["PUT"]).build().is_ok());
    assert!(page().allow_headers(["cookie"]).allow_headers(["x-a"]).build().is_ok());
    assert!(page().expose_headers(["set-cookie"]).expose_headers(["etag"]).build().is_ok());
}
