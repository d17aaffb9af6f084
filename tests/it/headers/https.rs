//! `Strict-Transport-Security` and `upgrade-insecure-requests` are sent only over https.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Request, Version};
use portcullis::headers::SecurityHeadersBuilder;
use portcullis::{SecurityHeaders, TrustedProxies};

use super::{app_with, get_root, header};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const HSTS: &str = "strict-transport-security";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// An app whose requests come from this address.
fn app_for_peer(peer: [u8; 4], builder: SecurityHeadersBuilder) -> Router {
    app_with(builder).layer(MockConnectInfo(SocketAddr::from((peer, 4711))))
}

async fn has_hsts(app: &Router, headers: &[(&str, &str)]) -> bool {
    !header(&get_root(app, headers).await.headers, HSTS).is_empty()
}

#[tokio::test]
async fn hsts_is_not_sent_over_http() {
    let app = app_with(SecurityHeaders::api());
    assert!(!has_hsts(&app, &[]).await);
    let response = TestResponse::send(&app, Request::get("http://a.example/").body(Body::empty()).unwrap()).await;
    assert_eq!(header(&response.headers, HSTS), "");
}

#[tokio::test]
async fn an_https_uri_causes_hsts_only_in_http_2_and_3() {
    let request = |version| Request::get("https://a.example/").version(version).body(Body::empty()).unwrap();
    let app = app_with(SecurityHeaders::api());
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let response = TestResponse::send(&app, request(version)).await;
        assert_eq!(header(&response.headers, HSTS), "max-age=63072000; includeSubDomains");
    }
    // In HTTP/1, the caller writes the scheme (RFC 9112, section 3.2.2).
    assert_eq!(header(&TestResponse::send(&app, request(Version::HTTP_11)).await.headers, HSTS), "");
}

#[tokio::test]
async fn only_a_trusted_proxy_can_report_https() {
    let proto = |scheme: &'static str| [("x-forwarded-proto", scheme)];
    let trusted = app_for_peer([10, 0, 0, 1], SecurityHeaders::api().trusted_proxies(proxies()));
    assert!(has_hsts(&trusted, &proto("https")).await);
    assert!(!has_hsts(&trusted, &proto("http")).await);
    assert!(!has_hsts(&trusted, &[]).await);
    let untrusted = app_for_peer([192, 0, 2, 1], SecurityHeaders::api().trusted_proxies(proxies()));
    assert!(!has_hsts(&untrusted, &proto("https")).await);
    assert!(!has_hsts(&app_for_peer([10, 0, 0, 1], SecurityHeaders::api()), &proto("https")).await);
}

#[tokio::test]
async fn forwarded_is_read_if_the_proxies_send_it() {
    let app = app_for_peer([10, 0, 0, 1], SecurityHeaders::api().trusted_proxies(proxies().use_forwarded_header()));
    assert!(has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=https")]).await);
    assert!(!has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=http")]).await);
    assert!(!has_hsts(&app, &[("x-forwarded-proto", "https")]).await);
}

#[tokio::test]
async fn assume_https_ignores_the_request() {
    assert!(has_hsts(&app_with(SecurityHeaders::api().assume_https()), &[("x-forwarded-proto", "http")]).await);
}

#[tokio::test]
async fn an_untrusted_proxy_is_logged_once() {
    let log = LogCapture::start();
    let app = app_with(SecurityHeaders::api());
    for _ in 0..3 {
        assert!(!has_hsts(&app, &[("x-forwarded-proto", "https")]).await);
    }
    assert_eq!(log.count("X-Forwarded-Proto is not from a trusted proxy"), 1, "{}", log.text());
    let quiet = LogCapture::start();
    assert!(!has_hsts(&app_with(SecurityHeaders::api()), &[]).await);
    let without_hsts = app_with(SecurityHeaders::api().without(HSTS));
    assert!(!has_hsts(&without_hsts, &[("x-forwarded-proto", "https")]).await);
    assert_eq!(quiet.text(), "");
}

#[tokio::test]
async fn insecure_requests_are_upgraded_over_https_except_on_loopback() {
    let app = app_with(SecurityHeaders::helmet().assume_https());
    let upgrades = |response: TestResponse| {
        header(&response.headers, "content-security-policy").ends_with("; upgrade-insecure-requests")
    };
    assert!(upgrades(get_root(&app, &[("host", "a.example")]).await));
    assert!(upgrades(get_root(&app, &[]).await));
    for host in ["localhost", "localhost:3000", "app.localhost:3000", "127.0.0.1:3000", "[::1]:3000", "[::1]"] {
        assert!(!upgrades(get_root(&app, &[("host", host)]).await), "{host}");
        let request = Request::get(format!("https://{host}/")).body(Body::empty()).unwrap();
        assert!(!upgrades(TestResponse::send(&app, request).await), "{host}");
    }
    for host in ["localhost.example", "127.0.0.1.example", "notlocalhost"] {
        assert!(upgrades(get_root(&app, &[("host", host)]).await), "{host}");
    }
    assert!(!upgrades(get_root(&app_with(SecurityHeaders::helmet()), &[("host", "a.example")]).await));
}
