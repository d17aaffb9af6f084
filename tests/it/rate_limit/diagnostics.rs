//! Warnings about a wrong setup: each is logged once, and only if the requests show the mistake.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use portcullis::rate_limit::{Key, Limit, RateLimitBuilder};
use portcullis::testing::as_user;
use portcullis::{RateLimit, TrustedProxies, UserContext};

use super::{per_seconds, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const UNTRUSTED_HEADER: &str = "a request carries a forwarding header, but no proxy is trusted";
const ONE_PRIVATE_ADDRESS: &str = "requests came from one private address";

fn builder_by(key: Key) -> RateLimitBuilder {
    RateLimit::builder().quota(per_seconds(100_000, 60)).key(key)
}

/// An app whose clients connect directly.
fn app_with(builder: RateLimitBuilder) -> Router {
    app_behind(TrustedProxies::none(), builder)
}

fn app_behind(proxies: TrustedProxies, builder: RateLimitBuilder) -> Router {
    routes(&Arc::default()).layer((proxies, builder.build().unwrap()))
}

fn private_proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// Sends this many requests from this peer, all of which are admitted.
async fn send(app: &Router, peer: &str, count: usize, headers: &[(&str, &str)]) {
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 4711);
    let app = app.clone().layer(axum::Extension(ConnectInfo(peer)));
    for _ in 0..count {
        assert_eq!(TestResponse::get(&app, "/", headers).await.status, 200);
    }
}

#[tokio::test]
async fn a_forwarding_header_without_trusted_proxies_logs_one_warning_with_the_remedy() {
    for header in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")] {
        let log = LogCapture::start();
        let app = app_with(builder_by(Key::ip()));
        send(&app, "192.0.2.1", 5, &[]).await;
        assert_eq!(log.text(), "");
        send(&app, "192.0.2.1", 20, &[header]).await;
        assert_eq!(log.count(UNTRUSTED_HEADER), 1, "{}", log.text());
        assert!(log.text().contains("WARN") && log.text().contains("TrustedProxies"), "{}", log.text());
        assert!(!log.text().contains("203.0.113.9"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_forwarding_header_that_is_used_or_not_needed_logs_no_warning() {
    let headers = [("x-forwarded-for", "203.0.113.9")];
    let log = LogCapture::start();
    send(&app_behind(private_proxies(), builder_by(Key::ip())), "192.0.2.1", 5, &headers).await;
    send(&app_with(builder_by(Key::global())), "192.0.2.1", 5, &headers).await;
    let user = app_with(builder_by(Key::user().or_ip())).layer(as_user(UserContext::new("ann")));
    send(&user, "192.0.2.1", 5, &headers).await;
    send(&app_with(builder_by(Key::ip()).exempt(["/"])), "192.0.2.1", 5, &headers).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_hundred_requests_from_one_private_address_log_one_warning_with_the_address() {
    for peer in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"] {
        let log = LogCapture::start();
        let app = app_with(builder_by(Key::ip()));
        send(&app, peer, 99, &[]).await;
        assert_eq!(log.text(), "", "{peer}");
        send(&app, peer, 200, &[]).await;
        assert_eq!(log.count(ONE_PRIVATE_ADDRESS), 1, "{peer}: {}", log.text());
        assert!(log.text().contains(&format!("address={peer}")) && log.text().contains("TrustedProxies"));
    }
}

#[tokio::test]
async fn public_or_several_private_addresses_log_no_warning() {
    let log = LogCapture::start();
    send(&app_with(builder_by(Key::ip())), "192.0.2.1", 250, &[]).await;
    let several = app_with(builder_by(Key::ip()));
    for (peer, count) in [("10.0.0.1", 99), ("10.0.0.2", 1), ("10.0.0.1", 250)] {
        send(&several, peer, count, &[]).await;
    }
    send(&app_behind(private_proxies(), builder_by(Key::ip())), "10.0.0.1", 250, &[]).await;
    send(&app_with(builder_by(Key::global())), "10.0.0.1", 250, &[]).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_request_is_counted_once_however_many_limits_use_its_address() {
    let log = LogCapture::start();
    let app = app_with(builder_by(Key::ip()).add_limit(Limit::new("other", per_seconds(100_000, 3600))));
    send(&app, "10.0.0.1", 99, &[]).await;
    assert_eq!(log.text(), "");
    send(&app, "10.0.0.1", 1, &[]).await;
    assert_eq!(log.count(ONE_PRIVATE_ADDRESS), 1, "{}", log.text());
}

#[tokio::test]
async fn each_layer_logs_its_own_warning() {
    let log = LogCapture::start();
    for _ in 0..2 {
        send(&app_with(builder_by(Key::ip())), "192.0.2.1", 3, &[("x-forwarded-for", "203.0.113.9")]).await;
    }
    assert_eq!(log.count(UNTRUSTED_HEADER), 2);
}

#[tokio::test]
async fn a_correct_setup_logs_nothing_above_debug_except_security_events() {
    let log = LogCapture::start();
    let app = app_with(builder_by(Key::ip()).quota(per_seconds(2, 60)));
    let app = app.layer(axum::Extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711)))));
    for _ in 0..5 {
        TestResponse::get(&app, "/", &[]).await;
    }
    assert_eq!(log.count("request rejected"), 3);
    let text = log.text();
    let mut others = text.lines().filter(|line| !line.contains("portcullis::audit: "));
    assert!(others.all(|line| ["INFO", "WARN", "ERROR"].iter().all(|level| !line.contains(level))), "{text}");
}
