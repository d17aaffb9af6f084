//! The exact headers of each preset.

use std::time::Duration;

use portcullis::SecurityHeaders;
use portcullis::headers::{Hsts, OWASP_REMOVED, SecurityHeadersBuilder};

use super::{app_with, get_root, header};

/// Returns every header except `Content-Length` and `Content-Type`, as sorted lines `name: value`.
async fn sent_headers(builder: SecurityHeadersBuilder) -> Vec<String> {
    let response = get_root(&app_with(builder.assume_https()), &[]).await;
    assert_eq!(response.body, "handled");
    let excluded = ["content-length", "content-type"];
    let headers = response.headers.iter().filter(|(name, _)| !excluded.contains(&name.as_str()));
    let mut lines: Vec<_> = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_api_preset_sends_exactly_these_headers() {
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
    assert_eq!(sent_headers(SecurityHeaders::api()).await, expected);
}

#[tokio::test]
async fn the_html_preset_sends_exactly_these_headers() {
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
    assert_eq!(sent_headers(SecurityHeaders::html()).await, expected);
}

#[tokio::test]
async fn the_owasp_preset_sends_exactly_these_headers() {
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
    assert_eq!(sent_headers(SecurityHeaders::owasp()).await, expected);
}

#[tokio::test]
async fn the_helmet_preset_sends_exactly_these_headers() {
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
    assert_eq!(sent_headers(SecurityHeaders::helmet()).await, expected);
}

#[tokio::test]
async fn a_builder_without_a_preset_sends_nothing() {
    assert_eq!(sent_headers(SecurityHeaders::builder()).await, [""; 0]);
}

#[tokio::test]
async fn preload_is_sent_only_if_it_is_set() {
    let year = Hsts::new(Duration::from_secs(31_536_000)).include_subdomains();
    for (hsts, expected) in [
        (year, "max-age=31536000; includeSubDomains"),
        (year.preload(), "max-age=31536000; includeSubDomains; preload"),
    ] {
        let response = get_root(&app_with(SecurityHeaders::api().hsts(hsts).assume_https()), &[]).await;
        assert_eq!(header(&response.headers, "strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn the_87_headers_of_owasp_can_be_stripped() {
    assert_eq!(OWASP_REMOVED.len(), 87);
    for (builder, removed) in [
        (SecurityHeaders::api().strip(OWASP_REMOVED), OWASP_REMOVED),
        (SecurityHeaders::owasp(), OWASP_REMOVED),
        (SecurityHeaders::api(), &["server", "x-powered-by"]),
        (SecurityHeaders::html(), &["server", "x-powered-by"]),
        (SecurityHeaders::helmet(), &["x-powered-by"]),
        (SecurityHeaders::builder(), &[]),
    ] {
        let handler = || async { axum::response::AppendHeaders(OWASP_REMOVED.iter().map(|name| (*name, "1"))) };
        let app = axum::Router::new().route("/", axum::routing::get(handler));
        let response = get_root(&super::layered(builder, app), &[]).await;
        for name in OWASP_REMOVED.iter().copied() {
            assert_eq!(response.headers.contains_key(name), !removed.contains(&name), "{name}");
        }
    }
}
