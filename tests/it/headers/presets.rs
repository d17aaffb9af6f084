//! What each preset sends, to the byte.

use std::time::Duration;

use portcullis::SecurityHeaders;
use portcullis::headers::{Hsts, OWASP_REMOVED, SecurityHeadersBuilder};

use super::{behind, field, get_root};

/// Every field but the content's own, `name: value`, sorted.
async fn sent(builder: SecurityHeadersBuilder) -> Vec<String> {
    let answer = get_root(&behind(builder.assume_https()), &[]).await;
    assert_eq!(answer.body, "handled");
    let own = ["content-length", "content-type"];
    let fields = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut lines: Vec<_> = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_preset_of_an_api() {
    let expected = [
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "origin-agent-cluster: ?1",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "x-xss-protection: 0",
    ];
    assert_eq!(sent(SecurityHeaders::api()).await, expected);
}

#[tokio::test]
async fn the_preset_of_a_page() {
    let expected = [
        "content-security-policy: default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; img-src 'self'; manifest-src 'self'; script-src 'strict-dynamic'; style-src 'self'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "origin-agent-cluster: ?1",
        "permissions-policy: accelerometer=(), bluetooth=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=()",
        "referrer-policy: strict-origin-when-cross-origin",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "x-xss-protection: 0",
    ];
    assert_eq!(sent(SecurityHeaders::html()).await, expected);
}

#[tokio::test]
async fn the_preset_of_owasp() {
    let expected = [
        "content-security-policy: default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; \
         frame-ancestors 'none'; upgrade-insecure-requests",
        "cross-origin-embedder-policy: require-corp",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "permissions-policy: accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(), \
         cross-origin-isolated=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), \
         hid=(), idle-detection=(), interest-cohort=(), keyboard-map=(), magnetometer=(), microphone=(), midi=(), payment=(), \
         picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), sync-xhr=(self), unload=(), usb=(), \
         web-share=(), xr-spatial-tracking=()",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-dns-prefetch-control: off",
        "x-frame-options: DENY",
        "x-permitted-cross-domain-policies: none",
    ];
    assert_eq!(sent(SecurityHeaders::owasp()).await, expected);
}

#[tokio::test]
async fn the_preset_of_helmet_8() {
    let expected = [
        "content-security-policy: default-src 'self'; base-uri 'self'; font-src 'self' https: data:; form-action 'self'; \
         frame-ancestors 'self'; img-src 'self' data:; object-src 'none'; script-src 'self'; script-src-attr 'none'; \
         style-src 'self' https: 'unsafe-inline'; upgrade-insecure-requests",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "origin-agent-cluster: ?1",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=31536000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-dns-prefetch-control: off",
        "x-download-options: noopen",
        "x-frame-options: SAMEORIGIN",
        "x-permitted-cross-domain-policies: none",
        "x-xss-protection: 0",
    ];
    assert_eq!(sent(SecurityHeaders::helmet()).await, expected);
}

#[tokio::test]
async fn a_builder_without_a_preset_sends_nothing() {
    assert_eq!(sent(SecurityHeaders::builder()).await, [""; 0]);
}

#[tokio::test]
async fn preload_is_sent_if_asked_for_alone() {
    let year = Hsts::new(Duration::from_secs(31_536_000)).include_subdomains();
    for (hsts, expected) in [
        (year, "max-age=31536000; includeSubDomains"),
        (year.preload(), "max-age=31536000; includeSubDomains; preload"),
    ] {
        let answer = get_root(&behind(SecurityHeaders::api().hsts(hsts).assume_https()), &[]).await;
        assert_eq!(field(&answer.headers, "strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn owasps_list_of_87_may_be_removed() {
    assert_eq!(OWASP_REMOVED.len(), 87);
    for (builder, removed) in [
        (SecurityHeaders::api().strip(OWASP_REMOVED), &OWASP_REMOVED[..]),
        (SecurityHeaders::owasp(), &OWASP_REMOVED),
        (SecurityHeaders::api(), &["server", "x-powered-by"]),
        (SecurityHeaders::html(), &["server", "x-powered-by"]),
        (SecurityHeaders::helmet(), &["x-powered-by"]),
        (SecurityHeaders::builder(), &[]),
    ] {
        let tell = || async { axum::response::AppendHeaders(OWASP_REMOVED.map(|name| (name, "told"))) };
        let app = axum::Router::new().route("/", axum::routing::get(tell));
        let answer = get_root(&super::around(builder, app), &[]).await;
        for name in OWASP_REMOVED {
            assert_eq!(answer.headers.contains_key(name), !removed.contains(&name), "{name}");
        }
    }
}
