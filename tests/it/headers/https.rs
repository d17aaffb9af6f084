//! `Strict-Transport-Security` and `upgrade-insecure-requests` are sent only over https.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Request, Version};
use portcullis::rate_limit::Key;
use portcullis::{Quota, RateLimit, SecurityHeaders, Stack, TrustedProxies};

use super::{app_with, get_root, header};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const HSTS: &str = "strict-transport-security";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// An app behind these proxies, whose requests come from this address.
fn app_behind(proxies: TrustedProxies, peer: &str) -> Router {
    from_peer(app_with(SecurityHeaders::api()).layer(proxies), peer)
}

/// Sets the address of the connection. An empty one is that of a Unix socket.
fn from_peer(app: Router, peer: &str) -> Router {
    match peer.parse::<IpAddr>() {
        Ok(ip) => app.layer(MockConnectInfo(SocketAddr::from((ip, 4711)))),
        Err(_) => app,
    }
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
    let unix = || TrustedProxies::new(["unix:"]).unwrap();
    let hops = || TrustedProxies::hops(1).unwrap();
    for (proxies, peer) in [(proxies(), "10.0.0.1"), (unix(), ""), (hops(), "192.0.2.1"), (hops(), "")] {
        let trusted = app_behind(proxies, peer);
        assert!(has_hsts(&trusted, &proto("https")).await, "{peer}");
        assert!(!has_hsts(&trusted, &proto("http")).await);
        assert!(!has_hsts(&trusted, &[]).await);
    }
    for (proxies, peer) in
        [(proxies(), "192.0.2.1"), (proxies(), ""), (unix(), "10.0.0.1"), (TrustedProxies::none(), "10.0.0.1")]
    {
        assert!(!has_hsts(&app_behind(proxies, peer), &proto("https")).await, "{peer}");
    }
    // No layer looks at the proxies, or only an inner one.
    let without = from_peer(app_with(SecurityHeaders::api()), "10.0.0.1");
    assert!(!has_hsts(&without, &proto("https")).await);
    let outer = SecurityHeaders::api().build().unwrap();
    let inner = Router::new().route("/", axum::routing::get(|| async {})).layer((outer, proxies()));
    assert!(!has_hsts(&from_peer(inner, "10.0.0.1"), &proto("https")).await);
}

#[tokio::test]
async fn the_proxies_of_a_stack_report_https_and_the_address_of_rejections_too() {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::ip()).build().unwrap();
    let headers = SecurityHeaders::api().build().unwrap();
    let stack = Stack::builder().limit_by_address(limit).security_headers(headers).trusted_proxies(proxies());
    let app = Router::new().route("/", axum::routing::get(|| async {})).layer(stack.build().unwrap());
    for (peer, client, status, https) in [
        ("10.0.0.1", "203.0.113.1", 200, true),
        ("10.0.0.2", "203.0.113.1", 429, true),
        ("10.0.0.2", "203.0.113.2", 200, true),
        ("192.0.2.1", "203.0.113.3", 200, false),
        ("192.0.2.1", "203.0.113.4", 429, false),
    ] {
        let request = [("x-forwarded-for", client), ("x-forwarded-proto", "https")];
        let response = get_root(&from_peer(app.clone(), peer), &request).await;
        assert_eq!(
            (response.status.as_u16(), !header(&response.headers, HSTS).is_empty()),
            (status, https),
            "{client}"
        );
    }
}

#[tokio::test]
async fn forwarded_is_read_if_the_proxies_send_it() {
    let app = app_behind(proxies().use_forwarded_header(), "10.0.0.1");
    assert!(has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=https")]).await);
    assert!(!has_hsts(&app, &[("forwarded", "for=203.0.113.9;proto=http")]).await);
    assert!(!has_hsts(&app, &[("x-forwarded-proto", "https")]).await);
}

#[tokio::test]
async fn assume_https_ignores_the_request() {
    assert!(has_hsts(&app_with(SecurityHeaders::api().assume_https()), &[("x-forwarded-proto", "http")]).await);
}

const WARNING: &str = "a request has X-Forwarded-Proto: https, but is not from a trusted proxy";

#[tokio::test]
async fn https_from_an_address_where_an_untrusted_proxy_may_be_is_logged_once() {
    let headers = [("x-forwarded-proto", "https")];
    for peer in ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "::ffff:192.168.0.1", "169.254.1.1", "fd00::1", ""] {
        let without_layer = app_with(SecurityHeaders::api());
        let other = TrustedProxies::new(["10.9.0.0/16"]).unwrap();
        let with = |proxies| app_with(SecurityHeaders::api()).layer(proxies);
        for app in [without_layer, with(TrustedProxies::none()), with(other)] {
            let log = LogCapture::start();
            let app = from_peer(app, peer);
            for _ in 0..3 {
                assert!(!has_hsts(&app, &headers).await);
            }
            assert_eq!(log.count(WARNING), 1, "{peer}: {}", log.text());
            assert!(log.text().contains("WARN") && log.text().contains("TrustedProxies"), "{}", log.text());
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_show_an_untrusted_proxy_is_not_logged() {
    let log = LogCapture::start();
    let proto = |value| [("x-forwarded-proto", value)];
    // A stranger can send anything.
    for value in ["https", "x", "http"] {
        for peer in ["192.0.2.1", "8.8.8.8", "2001:db8::1"] {
            has_hsts(&app_behind(proxies(), peer), &proto(value)).await;
            has_hsts(&from_peer(app_with(SecurityHeaders::api()), peer), &proto(value)).await;
        }
    }
    // A client used http, or the value is no scheme.
    for value in ["http", "x", "", "https, http", "wss", "httpss"] {
        for peer in ["10.0.0.1", "127.0.0.1", ""] {
            has_hsts(&app_behind(proxies(), peer), &proto(value)).await;
            has_hsts(&app_behind(TrustedProxies::none(), peer), &proto(value)).await;
        }
    }
    // The proxy is trusted, and its other header is read.
    let forwarded = app_behind(proxies().use_forwarded_header(), "10.0.0.1");
    has_hsts(&forwarded, &[("forwarded", "for=203.0.113.9;proto=http"), ("x-forwarded-proto", "https")]).await;
    // The header is not needed.
    let without_hsts = from_peer(app_with(SecurityHeaders::api().without(HSTS)), "10.0.0.1");
    has_hsts(&without_hsts, &proto("https")).await;
    has_hsts(&from_peer(app_with(SecurityHeaders::api().assume_https()), "10.0.0.1"), &proto("https")).await;
    has_hsts(&app_with(SecurityHeaders::api()), &[]).await;
    assert_eq!(log.text(), "");
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
