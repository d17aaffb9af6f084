//! An answer of few fields and one of many come to the same, and what is enforced, removed, apart.

use proptest::prelude::*;

use super::*;
use crate::SecurityHeaders;
use crate::gate::{Gate, ResponseHeaders};
use crate::headers::{Csp, Directive, Source};

/// With a field of each kind: enforced, removed, both of the layer and removed, with a nonce, and left to the handler.
fn layer() -> SecurityHeaders {
    SecurityHeaders::api()
        .csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce]))
        .csp_report_only(Csp::api())
        .header("x-own", "own")
        .override_handler(["x-frame-options", "content-security-policy", "x-own"])
        .strip(["server", "x-powered-by", "referrer-policy"])
        .build()
        .expect("a layer")
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut lines: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    // A field's lines keep their order.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}

fn answer(fields: &[(&'static str, u8)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from(u16::from(*value)));
    }
    headers
}

/// More fields than any layer's: what an answer of few is put to stands on one side, and these on the other.
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
    fn an_answer_of_few_fields_becomes_the_same_as_one_of_many(
        fields in prop::collection::vec((prop::sample::select(&NAMES), 0..4_u8), 0..7),
        way in prop::sample::select(vec![Way::Http, Way::Https, Way::Upgraded]),
        is_validation: bool,
        nonce in prop::option::of(Just("0123")),
    ) {
        let (mut few, mut many) = (answer(&fields), padded(answer(&fields)));
        let policy = layer().0;
        policy.write(way, nonce, is_validation, &mut few);
        policy.write(way, nonce, is_validation, &mut many);
        many.remove(PADDING);
        prop_assert_eq!(lines(&few), lines(&many));
    }
}

#[test]
fn an_answer_keeps_its_own_fields_but_for_the_enforced_and_the_removed() {
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
    let mut headers = answer(&fields);
    layer().0.write(Way::Https, None, false, &mut headers);
    let of = |name: &str| headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect::<Vec<_>>();
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
        assert_eq!(of(name), expected, "{name}");
    }
}

#[test]
fn a_layer_declares_every_header_that_it_writes_or_removes() {
    let may_write = |layer: crate::headers::SecurityHeadersBuilder, name: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        layer.build().expect("a layer").response_headers().overlaps(&ResponseHeaders::only([name]))
    };
    let names = ["cache-control", "x-ratelimit-limit", "RateLimit", "ratelimit-policy"];
    for layer in [SecurityHeaders::api(), SecurityHeaders::owasp(), SecurityHeaders::helmet()] {
        assert!(may_write(layer.clone(), "x-frame-options"));
        assert!(names.iter().all(|name| !may_write(layer.clone(), name)));
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
fn a_client_is_upgraded_where_it_came_by_https_to_a_host_beyond_its_own_machine() {
    let way = |csp: Csp, uri: &str| {
        let layer = SecurityHeaders::api().csp(csp).build().expect("a layer");
        let (head, ()) = http::Request::get(uri).version(Version::HTTP_2).body(()).expect("a request").into_parts();
        layer.0.way(&head)
    };
    for (uri, plain, upgrading) in [
        ("http://a.example/", Way::Http, Way::Http),
        ("http://localhost/", Way::Http, Way::Http),
        ("https://a.example/", Way::Https, Way::Upgraded),
        ("https://localhost/", Way::Https, Way::Https),
    ] {
        assert_eq!(way(Csp::api().upgrade_insecure_requests(), uri), upgrading, "{uri}");
        assert_eq!(way(Csp::api(), uri), plain, "{uri}, with nothing to upgrade");
    }
}

#[test]
fn a_policy_with_a_nonce_is_written_over_the_handlers_where_it_is_enforced_alone() {
    let layer = || SecurityHeaders::api().csp(Csp::new().set(Directive::ScriptSrc, [Source::Nonce]));
    let enforced = layer().override_handler(["content-security-policy"]);
    for (layer, expected) in [(layer(), "1"), (enforced, "script-src 'nonce-0123'")] {
        let mut headers = answer(&[("content-security-policy", 1)]);
        layer.build().expect("a layer").0.write(Way::Https, Some("0123"), false, &mut headers);
        assert_eq!(headers["content-security-policy"], expected);
    }
}
