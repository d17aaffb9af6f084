//! What an operator is told once, and only where the set-up shows that it cannot be meant.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use portcullis::rate_limit::{Key, Limit, RateLimitBuilder};
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{RateLimit, TrustedProxies, UserContext};

use super::{per, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const FORWARDED: &str = "a request carries a forwarding field and no proxy is trusted";
const ONE_PEER: &str = "requests came from one private address";

fn by(key: Key) -> RateLimitBuilder {
    RateLimit::builder().quota(per(100_000, 60)).key(key)
}

fn app(builder: RateLimitBuilder) -> Router {
    routes(&Arc::default()).layer(builder.build().unwrap())
}

fn own() -> Key {
    Key::ip(TrustedProxies::none())
}

fn trusting() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// So many requests from this peer with these fields.
async fn ask(app: &Router, peer: &str, times: usize, fields: &[(&str, &str)]) {
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 4711);
    let app = app.clone().layer(axum::Extension(ConnectInfo(peer)));
    for _ in 0..times {
        assert_eq!(TestResponse::get(&app, "/", fields).await.status, 200);
    }
}

#[tokio::test]
async fn a_forwarding_field_where_no_proxy_is_trusted_is_warned_of_once_with_the_remedy() {
    for field in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")] {
        let log = LogCapture::start();
        let app = app(by(own()));
        ask(&app, "192.0.2.1", 5, &[]).await;
        assert_eq!(log.text(), "");
        ask(&app, "192.0.2.1", 20, &[field]).await;
        assert_eq!(log.count(FORWARDED), 1, "{}", log.text());
        assert!(log.text().contains("WARN") && log.text().contains("TrustedProxies"), "{}", log.text());
        assert!(!log.text().contains("203.0.113.9"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_forwarding_field_that_is_read_or_not_needed_is_warned_of_nowhere() {
    let field = [("x-forwarded-for", "203.0.113.9")];
    let log = LogCapture::start();
    ask(&app(by(Key::ip(trusting()))), "192.0.2.1", 5, &field).await;
    ask(&app(by(Key::global())), "192.0.2.1", 5, &field).await;
    let user = app(by(Key::user().or(own()))).layer(as_user(UserContext::new("ann")));
    ask(&user, "192.0.2.1", 5, &field).await;
    ask(&app(by(own()).exempt(["/"])), "192.0.2.1", 5, &field).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn addresses_that_a_layer_outside_found_are_warned_of_nowhere() {
    let log = LogCapture::start();
    let app = app(by(Key::user().or(own()))).layer(as_anonymous()).layer(trusting());
    ask(&app, "10.0.0.1", 150, &[("x-forwarded-for", "10.0.0.7")]).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_hundred_requests_from_one_private_address_are_warned_of_once_with_the_address() {
    for peer in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"] {
        let log = LogCapture::start();
        let app = app(by(own()));
        ask(&app, peer, 99, &[]).await;
        assert_eq!(log.text(), "", "{peer}");
        ask(&app, peer, 200, &[]).await;
        assert_eq!(log.count(ONE_PEER), 1, "{peer}: {}", log.text());
        assert!(log.text().contains(&format!("address={peer}")) && log.text().contains("TrustedProxies"));
    }
}

#[tokio::test]
async fn a_public_address_and_several_private_ones_are_warned_of_nowhere() {
    let log = LogCapture::start();
    ask(&app(by(own())), "192.0.2.1", 250, &[]).await;
    let several = app(by(own()));
    for (peer, times) in [("10.0.0.1", 99), ("10.0.0.2", 1), ("10.0.0.1", 250)] {
        ask(&several, peer, times, &[]).await;
    }
    ask(&app(by(Key::ip(trusting()))), "10.0.0.1", 250, &[]).await;
    ask(&app(by(Key::global())), "10.0.0.1", 250, &[]).await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_request_that_several_limits_count_by_address_is_one_request() {
    let log = LogCapture::start();
    let app = app(by(own()).add_limit(Limit::new("other", per(100_000, 3600))));
    ask(&app, "10.0.0.1", 99, &[]).await;
    assert_eq!(log.text(), "");
    ask(&app, "10.0.0.1", 1, &[]).await;
    assert_eq!(log.count(ONE_PEER), 1, "{}", log.text());
}

#[tokio::test]
async fn each_layer_tells_its_own_operator() {
    let log = LogCapture::start();
    for _ in 0..2 {
        ask(&app(by(own())), "192.0.2.1", 3, &[("x-forwarded-for", "203.0.113.9")]).await;
    }
    assert_eq!(log.count(FORWARDED), 2);
}

#[tokio::test]
async fn a_set_up_that_is_meant_logs_nothing_above_debug() {
    let log = LogCapture::start();
    let app = routes(&Arc::default()).layer(by(own()).quota(per(2, 60)).build().unwrap());
    let app = app.layer(axum::Extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711)))));
    for _ in 0..5 {
        TestResponse::get(&app, "/", &[]).await;
    }
    assert_eq!(log.count("request rejected"), 3);
    assert!(["INFO", "WARN", "ERROR"].iter().all(|level| !log.text().contains(level)), "{}", log.text());
}
