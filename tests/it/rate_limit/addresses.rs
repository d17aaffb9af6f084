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

/// An app with a limit of two units by address, behind these proxies.
fn app_behind(proxies: TrustedProxies) -> Router {
    app_limited_by(Key::ip()).layer(proxies)
}

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
        let app = app_behind(proxies);
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
    let app = app_behind(proxies());
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
    let app = app_behind(proxies().use_forwarded_header());
    let headers = [("forwarded", "for=6.6.6.6, for=\"203.0.113.9:80\";proto=https"), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(remaining_or_status(&app, "10.0.0.1", &headers).await, 1);
    assert_eq!(remaining_or_status(&app, "10.0.0.2", &[("forwarded", "for=203.0.113.9")]).await, 0);
}

#[tokio::test]
async fn clients_behind_a_number_of_hops_are_counted_one_by_one() {
    let app = app_behind(TrustedProxies::hops(2).unwrap());
    for (n, client, expected) in [(1, "203.0.113.1", 1), (2, "203.0.113.1", 0), (3, "203.0.113.1", 429)] {
        let chain = format!("6.6.6.{n}, {client}, 192.0.2.{n}");
        let peer = format!("198.51.100.{n}");
        assert_eq!(remaining_or_status(&app, &peer, &[("x-forwarded-for", &chain)]).await, expected, "{chain}");
    }
    let other = [("x-forwarded-for", "203.0.113.1, 203.0.113.2, 192.0.2.1")];
    assert_eq!(remaining_or_status(&app, "198.51.100.1", &other).await, 1);
}

#[tokio::test]
async fn too_few_forwarded_addresses_for_the_hops_are_logged_once() {
    let headers = |chain| [("x-forwarded-for", chain)];
    let log = LogCapture::start();
    let app = app_behind(TrustedProxies::hops(2).unwrap());
    // A health check, and requests that passed enough proxies.
    remaining_or_status(&app, "192.0.2.1", &[]).await;
    remaining_or_status(&app, "192.0.2.2", &headers("203.0.113.1, 192.0.2.1")).await;
    remaining_or_status(&app, "192.0.2.3", &headers("6.6.6.6, 203.0.113.2, 192.0.2.1")).await;
    assert_eq!(log.text(), "");
    for n in 4..9 {
        let chain = format!("203.0.113.{n}");
        remaining_or_status(&app, "192.0.2.4", &[("x-forwarded-for", &chain)]).await;
    }
    assert_eq!(log.count("fewer forwarded addresses than TrustedProxies::hops expects"), 1, "{}", log.text());
    assert!(log.text().contains("WARN") && log.text().contains("hops=2"), "{}", log.text());
    assert!(!log.text().contains("203.0.113"), "{}", log.text());
    let networks = app_behind(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    let quiet = LogCapture::start();
    remaining_or_status(&networks, "10.0.0.1", &headers("10.0.0.2")).await;
    assert_eq!(quiet.text(), "");
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
        let key = Key::ip();
        let app = app_limited_by(bits.map_or(key.clone(), |bits| key.ipv6_prefix(bits))).layer(TrustedProxies::none());
        assert_eq!(remaining_or_status(&app, "2001:db8:0:1::1", &[]).await, 1);
        assert_eq!(remaining_or_status(&app, same, &[]).await, 0, "{bits:?}");
        assert_eq!(remaining_or_status(&app, other, &[]).await, 1, "{bits:?}");
    }
}

#[tokio::test]
async fn ipv4_addresses_are_counted_individually_and_ipv4_mapped_ones_as_ipv4() {
    let app = app_limited_by(Key::ip().ipv6_prefix(1)).layer(TrustedProxies::none());
    for (peer, expected) in
        [("192.0.2.1", 1), ("192.0.2.2", 1), ("::ffff:192.0.2.1", 0), ("192.0.2.1", 429), ("::ffff:192.0.2.3", 1)]
    {
        assert_eq!(remaining_or_status(&app, peer, &[]).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn addresses_that_stand_for_ipv4_hosts_are_counted_as_these() {
    let app = app_behind(TrustedProxies::none());
    for (peer, expected) in [
        ("64:ff9b::192.0.2.1", 1),
        ("64:ff9b::192.0.2.2", 1),
        ("192.0.2.1", 0),
        ("64:ff9b::192.0.2.1", 429),
        ("2002:c000:202:1::1", 0),
        ("2002:c000:202:2::1", 429),
        ("2002:c000:203::1", 1),
        ("2001:0:4136:e378:8000:63bf:3fff:fdfc", 0),
        ("64:ff9b:1::192.0.2.1", 1),
        ("64:ff9b:1::192.0.2.2", 1),
        ("64:ff9b:1::192.0.2.1", 0),
    ] {
        assert_eq!(remaining_or_status(&app, peer, &[]).await, expected, "{peer}");
    }
    // As a proxy reports them.
    let app = app_behind(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    for (client, expected) in [("64:ff9b::192.0.2.1", 1), ("64:ff9b::192.0.2.2", 1), ("192.0.2.2", 0)] {
        assert_eq!(remaining_or_status(&app, "10.0.0.1", &[("x-forwarded-for", client)]).await, expected, "{client}");
    }
}

#[tokio::test]
async fn the_port_of_the_peer_is_ignored() {
    let app = app_behind(TrustedProxies::none());
    for (port, status) in [(1, 200), (2, 200), (3, 429)] {
        let peer = MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(TestResponse::get(&app.clone().layer(peer), "/", &[]).await.status, status);
    }
}

#[tokio::test]
async fn without_a_peer_address_every_request_is_500_and_the_remedy_is_logged_once() {
    let log = LogCapture::start();
    let calls = Arc::default();
    let limit = RateLimit::builder().quota(per_seconds(2, 60)).key(Key::ip()).clock(fake_clock().clock());
    let app = routes(&calls).layer((TrustedProxies::none(), limit.build().unwrap()));
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
async fn without_a_peer_address_every_request_is_500_whatever_networks_are_trusted() {
    let all = TrustedProxies::dangerously_trust_networks(["0.0.0.0/0", "::/0"]).unwrap();
    for proxies in [TrustedProxies::new(["10.0.0.0/8"]).unwrap(), all] {
        let app = app_behind(proxies);
        assert_eq!(TestResponse::get(&app, "/", &[("x-forwarded-for", "203.0.113.9")]).await.status, 500);
    }
}

#[tokio::test]
async fn without_a_layer_that_finds_the_client_every_request_is_500_and_the_remedy_is_logged_once() {
    let log = LogCapture::start();
    let calls = Arc::default();
    let key = Key::api_key("x-api-key".parse().unwrap()).or_ip();
    let limit = RateLimit::builder().quota(per_seconds(2, 60)).key(key).clock(fake_clock().clock());
    let app = routes(&calls).layer(limit.build().unwrap());
    for _ in 0..3 {
        // Neither the address of the connection nor a header is used instead.
        for headers in [&[][..], &[("x-forwarded-for", "203.0.113.9")]] {
            assert_eq!(remaining_or_status(&app, "198.51.100.7", headers).await, 500);
        }
    }
    let peer = axum::Extension(SocketAddr::from(([198, 51, 100, 7], 4711)));
    let denial = TestResponse::get(&app.clone().layer(peer), "/", &[]).await.denial.unwrap();
    assert_eq!(denial.kind(), &DenialKind::trusted_proxies_missing("a RateLimit by address"));
    assert_eq!(log.count("a RateLimit by address requires a TrustedProxies layer around it"), 1, "{}", log.text());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}
