//! `Strict-Transport-Security` and the upgrade are sent over https alone.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Request, Version};
use portcullis::headers::SecurityHeadersBuilder;
use portcullis::{SecurityHeaders, TrustedProxies};

use super::{behind, field, get_root};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const HSTS: &str = "strict-transport-security";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// An app that a peer of this address asks.
fn asked_by(peer: [u8; 4], builder: SecurityHeadersBuilder) -> Router {
    behind(builder).layer(MockConnectInfo(SocketAddr::from((peer, 4711))))
}

async fn has_hsts(app: &Router, fields: &[(&str, &str)]) -> bool {
    !field(&get_root(app, fields).await.headers, HSTS).is_empty()
}

#[tokio::test]
async fn without_a_word_of_https_it_is_not_sent() {
    let app = behind(SecurityHeaders::api());
    assert!(!has_hsts(&app, &[]).await);
    let answer = TestResponse::send(&app, Request::get("http://a.example/").body(Body::empty()).unwrap()).await;
    assert_eq!(field(&answer.headers, HSTS), "");
}

#[tokio::test]
async fn a_uri_of_https_is_believed_as_http_2_has_it() {
    let ask = |version| Request::get("https://a.example/").version(version).body(Body::empty()).unwrap();
    let app = behind(SecurityHeaders::api());
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let answer = TestResponse::send(&app, ask(version)).await;
        assert_eq!(field(&answer.headers, HSTS), "max-age=63072000; includeSubDomains");
    }
    // In HTTP/1, the caller writes it there (RFC 9112 §3.2.2).
    assert_eq!(field(&TestResponse::send(&app, ask(Version::HTTP_11)).await.headers, HSTS), "");
}

#[tokio::test]
async fn a_trusted_proxys_word_is_believed_and_nobody_elses() {
    let says = |word: &'static str| [("x-forwarded-proto", word)];
    let trusted = asked_by([10, 0, 0, 1], SecurityHeaders::api().trusted_proxies(proxies()));
    assert!(has_hsts(&trusted, &says("https")).await);
    assert!(!has_hsts(&trusted, &says("http")).await);
    assert!(!has_hsts(&trusted, &[]).await);
    let stranger = asked_by([192, 0, 2, 1], SecurityHeaders::api().trusted_proxies(proxies()));
    assert!(!has_hsts(&stranger, &says("https")).await);
    assert!(!has_hsts(&asked_by([10, 0, 0, 1], SecurityHeaders::api()), &says("https")).await);
}

#[tokio::test]
async fn forwarded_is_read_where_the_proxies_write_it() {
    let app = asked_by([10, 0, 0, 1], SecurityHeaders::api().trusted_proxies(proxies().use_forwarded_header()));
    assert!(has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=https")]).await);
    assert!(!has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=http")]).await);
    assert!(!has_hsts(&app, &[("x-forwarded-proto", "https")]).await);
}

#[tokio::test]
async fn always_https_asks_nobody() {
    assert!(has_hsts(&behind(SecurityHeaders::api().assume_https()), &[("x-forwarded-proto", "http")]).await);
}

#[tokio::test]
async fn a_proxy_that_is_not_believed_is_named_in_the_log_once() {
    let log = LogCapture::start();
    let app = behind(SecurityHeaders::api());
    for _ in 0..3 {
        assert!(!has_hsts(&app, &[("x-forwarded-proto", "https")]).await);
    }
    assert_eq!(log.count("X-Forwarded-Proto is not believed"), 1, "{}", log.text());
    let quiet = LogCapture::start();
    assert!(!has_hsts(&behind(SecurityHeaders::api()), &[]).await);
    let told = behind(SecurityHeaders::api().without(HSTS));
    assert!(!has_hsts(&told, &[("x-forwarded-proto", "https")]).await);
    assert_eq!(quiet.text(), "");
}

#[tokio::test]
async fn insecure_requests_are_upgraded_over_https_and_never_on_localhost() {
    let app = behind(SecurityHeaders::helmet().assume_https());
    let upgrades = |answer: TestResponse| {
        field(&answer.headers, "content-security-policy").ends_with("; upgrade-insecure-requests")
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
    assert!(!upgrades(get_root(&behind(SecurityHeaders::helmet()), &[("host", "a.example")]).await));
}
