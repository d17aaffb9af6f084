//! The configurations that `build()` rejects, and the lints that it logs.

use std::time::Duration;

use portcullis::headers::{
    Csp, Directive, EmbedderPolicy, FrameOptions, Hsts, OpenerPolicy, PermissionsPolicy, ReferrerPolicy,
    ResourcePolicy, SecurityHeadersBuilder, Source,
};
use portcullis::{IssueKind, SecurityHeaders};

use super::{app_with, get_root, header};
use crate::support::log_capture::LogCapture;

fn api() -> SecurityHeadersBuilder {
    SecurityHeaders::api()
}

/// Returns the setting, the kind and the text of the only issue.
#[track_caller]
fn issue(builder: SecurityHeadersBuilder) -> (&'static str, IssueKind, String) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.issues().len(), 1, "{error}");
    let issue = &error.issues()[0];
    (issue.setting(), issue.kind(), issue.to_string())
}

#[test]
fn all_issues_are_reported_at_once() {
    let error = api()
        .csp(Csp::new().set(Directive::ImgSrc, ["self"]))
        .csp_report_only(Csp::api().report_to("nowhere"))
        .hsts(Hsts::new(Duration::from_secs(60)).preload())
        .permissions_policy(PermissionsPolicy::new())
        .header("x-xss-protection", "1; mode=block")
        .add_reporting_endpoint("A", "/a")
        .strip(["content-length"])
        .override_handler(["x-powered-by"])
        .without("x-frame-option")
        .build()
        .unwrap_err();
    let settings: Vec<_> = error.issues().iter().map(portcullis::ConfigIssue::setting).collect();
    let expected = [
        "csp",
        "csp_report_only",
        "hsts",
        "permissions_policy",
        "add_reporting_endpoint",
        "header",
        "strip",
        "override_handler",
        "without",
    ];
    assert_eq!(settings, expected, "{error}");
}

#[test]
fn enabling_the_xss_filter_is_rejected_with_the_reason() {
    let (setting, kind, text) = issue(api().header("X-XSS-Protection", "1; mode=block"));
    assert_eq!((setting, kind), ("header", IssueKind::Prohibited));
    assert!(text.contains("makes attacks possible"), "{text}");
    assert!(api().header("x-xss-protection", "0").build().is_ok());
}

#[test]
fn a_header_with_a_setter_is_rejected_with_the_name_of_the_setter() {
    for (name, setter) in [
        ("content-security-policy", "csp"),
        ("content-security-policy-report-only", "csp_report_only"),
        ("cross-origin-embedder-policy", "embedder_policy"),
        ("cross-origin-opener-policy", "opener_policy"),
        ("cross-origin-resource-policy", "resource_policy"),
        ("permissions-policy", "permissions_policy"),
        ("referrer-policy", "referrer_policy"),
        ("reporting-endpoints", "add_reporting_endpoint"),
        ("strict-transport-security", "hsts"),
        ("X-Frame-Options", "frame_options"),
    ] {
        let (setting, kind, text) = issue(api().header(name, "a"));
        assert_eq!((setting, kind), ("header", IssueKind::Prohibited), "{name}");
        assert!(text.ends_with(&format!("use {setter}(..)")), "{text}");
    }
}

#[test]
fn headers_of_cors_and_of_a_single_response_are_rejected() {
    for name in ["access-control-allow-origin", "Content-Length", "set-cookie", "location", "content-type"] {
        assert_eq!(issue(api().header(name, "a")).1, IssueKind::Prohibited, "{name}");
    }
    for (name, value) in [("x y", "a"), ("", "a"), ("x-a", "a\nb"), ("x-a", "\u{0}")] {
        assert_eq!(issue(api().header(name, value)).1, IssueKind::Invalid, "{name:?} {value:?}");
    }
    assert_eq!(issue(api().header("x-content-type-options", "sniff")).1, IssueKind::Prohibited);
}

#[test]
fn headers_that_clients_need_cannot_be_stripped() {
    for name in ["content-length", "Transfer-Encoding", "set-cookie", "content-type"] {
        assert_eq!(issue(api().strip([name])).0, "strip", "{name}");
    }
    assert_eq!(issue(api().strip(["x y"])).1, IssueKind::Invalid);
}

#[test]
fn a_misspelled_name_is_rejected_with_the_known_names() {
    for builder in [api().override_handler(["x-frame-option"]), api().without("X-Frame-Option")] {
        let (_, kind, text) = issue(builder);
        assert_eq!(kind, IssueKind::Unknown);
        assert!(text.contains("x-frame-options, x-xss-protection"), "{text}");
    }
    assert_eq!(issue(api().without("permissions-policy")).1, IssueKind::Unknown);
    // The layer that authenticates writes it, not this one.
    assert_eq!(issue(api().override_handler(["cache-control"])).1, IssueKind::Unknown);
    assert!(api().header("cache-control", "private").override_handler(["Cache-Control"]).build().is_ok());
    assert!(api().header("cache-control", "private").without("cache-control").build().is_ok());
    let (_, _, text) = issue(SecurityHeaders::builder().without("x-frame-options"));
    assert!(text.contains("start with a preset"), "{text}");
}

#[test]
fn a_reporting_endpoint_is_a_name_and_a_url() {
    for url in ["/reports", "https://reports.example.com/a?b=c"] {
        assert!(api().add_reporting_endpoint("csp-reports_1", url).build().is_ok(), "{url}");
    }
    for url in ["reports", "http://a.example/", "//a.example/", "/a b", "/a\"b", "/a\\b", "", "javascript:a"] {
        assert_eq!(issue(api().add_reporting_endpoint("a", url)).1, IssueKind::Invalid, "{url}");
    }
    for name in ["", "A", "1a", "a b", "a=b"] {
        assert_eq!(issue(api().add_reporting_endpoint(name, "/a")).1, IssueKind::Invalid, "{name}");
    }
    let twice = api().add_reporting_endpoint("a", "/a").add_reporting_endpoint("a", "/b");
    assert_eq!(issue(twice).1, IssueKind::Duplicate);
}

#[tokio::test]
async fn each_setter_sets_its_header() {
    let builder = SecurityHeaders::builder()
        .frame_options(FrameOptions::SameOrigin)
        .referrer_policy(ReferrerPolicy::SameOrigin)
        .opener_policy(OpenerPolicy::SameOriginAllowPopups)
        .resource_policy(ResourcePolicy::SameSite)
        .embedder_policy(EmbedderPolicy::Credentialless)
        .permissions_policy(PermissionsPolicy::new().deny(["camera"]))
        .csp(Csp::api().report_to("csp"))
        .add_reporting_endpoint("csp", "/csp")
        .add_reporting_endpoint("other", "https://a.example/r")
        .header("X-Custom", "one")
        .header("x-custom", "two");
    let response = get_root(&app_with(builder), &[]).await;
    for (name, value) in [
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ("cross-origin-resource-policy", "same-site"),
        ("cross-origin-embedder-policy", "credentialless"),
        ("permissions-policy", "camera=()"),
        ("reporting-endpoints", "csp=\"/csp\", other=\"https://a.example/r\""),
        ("x-custom", "two"),
    ] {
        assert_eq!(header(&response.headers, name), value, "{name}");
    }
    assert!(header(&response.headers, "content-security-policy").ends_with("; report-to csp"));
}

#[tokio::test]
async fn a_header_excluded_by_without_is_not_sent() {
    let html =
        SecurityHeaders::html().csp_report_only(Csp::api()).add_reporting_endpoint("a", "/a").header("x-custom", "a");
    let names = [
        "content-security-policy",
        "content-security-policy-report-only",
        "cross-origin-opener-policy",
        "Permissions-Policy",
        "reporting-endpoints",
        "strict-transport-security",
        "x-frame-options",
        "x-custom",
    ];
    let all = get_root(&app_with(html.clone().assume_https()), &[]).await;
    let without = names.into_iter().fold(html, SecurityHeadersBuilder::without);
    let response = get_root(&app_with(without.assume_https()), &[]).await;
    for name in names {
        assert!(all.headers.contains_key(name) && !response.headers.contains_key(name), "{name}");
    }
    assert_eq!(header(&response.headers, "x-content-type-options"), "nosniff");
}

#[test]
fn lints_are_logged_as_warnings() {
    let log = LogCapture::start();
    let loose = Csp::html().add(Directive::ScriptSrc, [Source::UnsafeInline]);
    assert!(SecurityHeaders::html().csp(loose).build().is_ok());
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    assert_eq!(log.count("csp: 'unsafe-inline' beside a nonce in script-src"), 1, "{}", log.text());
    let log = LogCapture::start();
    let open = Csp::parse("default-src *; script-src 'self' 'unsafe-inline' data:; base-uri 'none'").unwrap();
    assert!(SecurityHeaders::html().csp(open.clone()).csp_report_only(open).build().is_ok());
    for setting in ["csp", "csp_report_only"] {
        for text in ["* in default-src matches every host", "'unsafe-inline' in script-src: ", "data: in script-src: "]
        {
            assert_eq!(log.count(&format!("{setting}: {text}")), 1, "{setting} {text}: {}", log.text());
        }
    }
    assert_eq!(log.count("WARN"), 6, "{}", log.text());
    let quiet = LogCapture::start();
    assert!(SecurityHeaders::html().build().is_ok() && SecurityHeaders::api().build().is_ok());
    assert!(SecurityHeaders::owasp().build().is_ok() && SecurityHeaders::helmet().build().is_ok());
    assert_eq!(quiet.text(), "");
}
