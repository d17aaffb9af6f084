//! Limits by address: which forwarding headers are trusted, which addresses count as one, and a missing peer address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use portcullis::gate::DenialKind;
use portcullis::rate_limit::Key;
use portcullis::{RateLimit, TrustedProxies};

use super::{app_limited_by, fake_clock, per_seconds, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

/// Sends a request from this peer. Returns the remaining units, or the status if it is rejected.
async fn remaining_or_status(app: &Router, peer: &str, headers: &[(&str, &str)]) -> u16 {
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 4711);
    let response = TestResponse::get(&app.clone().layer(axum::Extension(ConnectInfo(peer))), "/", headers).await;
    match response.status.as_u16() {
        200 => response.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap(),
        status => status,
    }
}

#[tokio::test]
async fn forwarding_headers_are_ignored_unless_the_peer_is_trusted() {
    let trusting = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    for proxies in [TrustedProxies::none(), trusting.clone(), trusting.use_forwarded_header()] {
        let app = app_limited_by(Key::ip(proxies));
        for (n, expected) in [(1, 1), (2, 0), (3, 429), (4, 429)] {
            let ip = format!("203.0.113.{n}");
            let forwarded = format!("for={ip}");
            let headers = [("x-forwarded-for", &*ip), ("forwarded", &forwarded), ("x-real-ip", &ip)];
            assert_eq!(remaining_or_status(&app, "198.51.100.7", &headers).await, expected);
        }
    }
}

#[tokio::test]
async fn forwarding_headers_are_read_from_the_right_up_to_the_first_untrusted_hop() {
    let proxies = || TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let app = app_limited_by(Key::ip(proxies()));
    for (lines, expected) in [
        (&["203.0.113.9"][..], 1),
        (&["6.6.6.6, 203.0.113.9, 10.9.9.9"], 0),
        (&["6.6.6.1", "203.0.113.9:4711"], 429),
        (&["6.6.6.2, 203.0.113.9", "10.0.0.2"], 429),
        (&["203.0.113.9, 6.6.6.6"], 1),
        // An invalid address ends the search at the last trusted hop.
        (&["203.0.113.9, unknown"], 1),
        (&["6.6.6.6, , 10.0.0.1"], 0),
        (&["[2001:db8::1]:443"], 1),
        (&["2001:db8::2"], 0),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(remaining_or_status(&app, "10.0.0.1", &headers).await, expected, "{lines:?}");
    }
    let app = app_limited_by(Key::ip(proxies().use_forwarded_header()));
    let headers = [("forwarded", "for=6.6.6.6, for=\"203.0.113.9:80\";proto=https"), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(remaining_or_status(&app, "10.0.0.1", &headers).await, 1);
    assert_eq!(remaining_or_status(&app, "10.0.0.2", &[("forwarded", "for=203.0.113.9")]).await, 0);
}

#[tokio::test]
async fn the_address_found_by_an_outer_layer_is_used() {
    let inner = app_limited_by(Key::ip(TrustedProxies::none()));
    let app = inner.layer(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    for (ip, expected) in [("203.0.113.1", 1), ("203.0.113.2", 1), ("203.0.113.1", 0), ("203.0.113.1", 429)] {
        assert_eq!(remaining_or_status(&app, "10.0.0.1", &[("x-forwarded-for", ip)]).await, expected, "{ip}");
    }
}

#[tokio::test]
async fn ipv6_addresses_are_counted_by_their_first_64_bits_or_by_the_configured_prefix() {
    for (bits, same, other) in [
        (None, "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"),
        (Some(64), "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"),
        (Some(48), "2001:db8:0:ffff::9", "2001:db8:1:1::1"),
        (Some(56), "2001:db8:0:ff::9", "2001:db8:0:100::1"),
        (Some(128), "2001:db8:0:1::1", "2001:db8:0:1::2"),
    ] {
        let key = Key::ip(TrustedProxies::none());
        let app = app_limited_by(bits.map_or(key.clone(), |bits| key.ipv6_prefix(bits)));
        assert_eq!(remaining_or_status(&app, "2001:db8:0:1::1", &[]).await, 1);
        assert_eq!(remaining_or_status(&app, same, &[]).await, 0, "{bits:?}");
        assert_eq!(remaining_or_status(&app, other, &[]).await, 1, "{bits:?}");
    }
}

#[tokio::test]
async fn ipv4_addresses_are_counted_individually_and_ipv4_mapped_ones_as_ipv4() {
    let app = app_limited_by(Key::ip(TrustedProxies::none()).ipv6_prefix(1));
    for (peer, expected) in
        [("192.0.2.1", 1), ("192.0.2.2", 1), ("::ffff:192.0.2.1", 0), ("192.0.2.1", 429), ("::ffff:192.0.2.3", 1)]
    {
        assert_eq!(remaining_or_status(&app, peer, &[]).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn the_port_of_the_peer_is_ignored() {
    let app = app_limited_by(Key::ip(TrustedProxies::none()));
    for (port, status) in [(1, 200), (2, 200), (3, 429)] {
        let peer = MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(TestResponse::get(&app.clone().layer(peer), "/", &[]).await.status, status);
    }
}

#[tokio::test]
async fn without_a_peer_address_every_request_is_500_and_the_remedy_is_logged_once() {
    let log = LogCapture::start();
    let calls = Arc::default();
    let limit = RateLimit::builder()
        .quota(per_seconds(2, 60))
        .key(Key::ip(TrustedProxies::none()))
        .clock(fake_clock().clock())
        .build()
        .unwrap();
    let app = routes(&calls).layer(limit);
    for n in 0..50 {
        let response = TestResponse::get(&app, "/", &[("x-forwarded-for", "203.0.113.9")]).await;
        assert_eq!(response.status, 500, "request {n}");
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::AddressUnknown);
        assert!(!response.headers.contains_key("retry-after"));
    }
    assert_eq!(log.count("the peer's address is unknown"), 1, "{}", log.text());
    assert_eq!(log.count("into_make_service_with_connect_info::<SocketAddr>()"), 1);
    assert!(log.text().contains("ERROR"), "{}", log.text());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_peer_address_a_key_with_trusted_proxies_is_500_too() {
    let app = app_limited_by(Key::ip(TrustedProxies::new(["0.0.0.0/0", "::/0"]).unwrap()));
    assert_eq!(TestResponse::get(&app, "/", &[("x-forwarded-for", "203.0.113.9")]).await.status, 500);
}
