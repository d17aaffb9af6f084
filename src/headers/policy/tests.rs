//! Tests of `Policy`: the headers of short and long responses, and headers that are kept, overridden or stripped.

use proptest::prelude::*;

use super::*;
use crate::gate::{Gate, ResponseHeaders};
use crate::headers::builder::SecurityHeadersBuilder;
use crate::headers::csp::{Csp, Directive, Source};
use crate::headers::gate::SecurityHeaders;

/// A layer with a header of each kind: overridden, stripped, stripped and set by the layer, with a nonce, and plain.
fn layer() -> SecurityHeaders {
    SecurityHeaders::api()
        .csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce]))
        .csp_report_only(Csp::api())
        .header("x-own", "own")
        .override_handler(["x-frame-options", "content-security-policy", "x-own"])
        .strip(["server", "x-powered-by", "referrer-policy"])
        .build()
        .expect("a valid configuration")
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    // A stable sort: the lines of a header keep their order.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}

fn headers_of(fields: &[(&'static str, u8)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from(u16::from(*value)));
    }
    headers
}

/// Adds so many headers that no layer takes the path for a response with few headers.
fn padded(mut headers: HeaderMap) -> HeaderMap {
    for n in 0..64 {
        headers.append(PADDING, HeaderValue::from(n));
    }
    headers
}

const PADDING: &str = "x-padding";
const NAMES: [&str; 10] = [
    "content-security-policy",
    "content-security-policy-report-only",
    "content-type",
    "referrer-policy",
    "server",
    "set-cookie",
    "strict-transport-security",
    "x-frame-options",
    "x-own",
    "x-powered-by",
];

proptest! {
    #[test]
    fn a_response_with_few_headers_gets_the_same_ones_as_one_with_many(
        fields in prop::collection::vec((prop::sample::select(&NAMES), 0..4_u8), 0..7),
        transport in prop::sample::select(vec![Transport::Http, Transport::Https, Transport::HttpsUpgrade]),
        is_not_modified: bool,
        nonce in prop::option::of(Just("0123")),
    ) {
        let mut few = headers_of(&fields);
        let mut many = padded(few.clone());
        let policy = layer().0;
        policy.write(transport, nonce, is_not_modified, &mut few);
        policy.write(transport, nonce, is_not_modified, &mut many);
        many.remove(PADDING);
        prop_assert_eq!(lines(&few), lines(&many));
    }
}

#[test]
fn a_response_keeps_its_headers_except_overridden_and_stripped_ones() {
    let fields = [
        ("content-type", 1),
        ("server", 2),
        ("set-cookie", 3),
        ("set-cookie", 4),
        ("referrer-policy", 5),
        ("x-frame-options", 6),
        ("x-frame-options", 7),
        ("strict-transport-security", 8),
    ];
    let mut headers = headers_of(&fields);
    layer().0.write(Transport::Https, None, false, &mut headers);
    let values =
        |name: &str| headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect::<Vec<_>>();
    for (name, expected) in [
        ("content-type", &["1"][..]),
        ("server", &[]),
        ("set-cookie", &["3", "4"]),
        ("referrer-policy", &["no-referrer"]),
        ("x-frame-options", &["DENY"]),
        ("strict-transport-security", &["8"]),
        ("x-own", &["own"]),
        ("x-content-type-options", &["nosniff"]),
    ] {
        assert_eq!(values(name), expected, "{name}");
    }
}

#[test]
fn a_layer_declares_every_header_that_it_writes_or_removes() {
    let may_write = |builder: SecurityHeadersBuilder, name: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a valid name");
        let layer = builder.build().expect("a valid configuration");
        layer.response_headers().overlaps(&ResponseHeaders::only([name]))
    };
    let names = ["cache-control", "x-ratelimit-limit", "RateLimit", "ratelimit-policy"];
    for builder in [SecurityHeaders::api(), SecurityHeaders::owasp(), SecurityHeaders::helmet()] {
        assert!(may_write(builder.clone(), "x-frame-options"));
        assert!(names.iter().all(|name| !may_write(builder.clone(), name)));
    }
    // `Cache-Control: private` comes with a nonce.
    assert!(may_write(SecurityHeaders::html(), "cache-control"));
    assert!(may_write(SecurityHeaders::html(), "content-security-policy"));
    for name in names {
        assert!(may_write(SecurityHeaders::api().header(name, "1"), name), "{name}");
        assert!(may_write(SecurityHeaders::api().strip([name]), name), "{name}");
    }
}

#[test]
fn requests_are_upgraded_over_https_except_to_loopback() {
    let transport = |csp: Csp, uri: &str| {
        let layer = SecurityHeaders::api().csp(csp).build().expect("a valid configuration");
        let (head, ()) =
            http::Request::get(uri).version(http::Version::HTTP_2).body(()).expect("a valid request").into_parts();
        layer.0.transport(&head)
    };
    for (uri, plain, with_upgrade) in [
        ("http://a.example/", Transport::Http, Transport::Http),
        ("http://localhost/", Transport::Http, Transport::Http),
        ("https://a.example/", Transport::Https, Transport::HttpsUpgrade),
        ("https://localhost/", Transport::Https, Transport::Https),
    ] {
        assert_eq!(transport(Csp::api().upgrade_insecure_requests(), uri), with_upgrade, "{uri}");
        assert_eq!(transport(Csp::api(), uri), plain, "{uri} without an upgrade");
    }
}

#[test]
fn a_policy_with_a_nonce_upgrades_requests_only_where_the_transport_does() {
    let csp = Csp::new().set(Directive::ScriptSrc, [Source::Nonce]).upgrade_insecure_requests();
    let layer = SecurityHeaders::api().csp(csp).build().expect("a valid configuration");
    for (transport, expected) in [
        (Transport::Http, "script-src 'nonce-0123'"),
        (Transport::Https, "script-src 'nonce-0123'"),
        (Transport::HttpsUpgrade, "script-src 'nonce-0123'; upgrade-insecure-requests"),
    ] {
        let mut headers = HeaderMap::new();
        layer.0.write(transport, Some("0123"), false, &mut headers);
        assert_eq!(headers["content-security-policy"], expected, "{transport:?}");
    }
}

#[test]
fn a_policy_with_a_nonce_replaces_the_handlers_only_if_it_is_overridden() {
    let layer = || SecurityHeaders::api().csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce]));
    let overriding = layer().override_handler(["content-security-policy"]);
    for (layer, expected) in [(layer(), "1"), (overriding, "script-src 'nonce-0123'")] {
        let mut headers = headers_of(&[("content-security-policy", 1)]);
        layer.build().expect("a valid configuration").0.write(Transport::Https, Some("0123"), false, &mut headers);
        assert_eq!(headers["content-security-policy"], expected);
    }
}
