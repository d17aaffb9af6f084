//! Limits by address: whose word is believed, what is one subject, and what happens where no peer is known.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use portcullis::gate::DenialKind;
use portcullis::rate_limit::Key;
use portcullis::{RateLimit, TrustedProxies};

use super::{per, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

fn by(key: Key) -> Router {
    routes(&Arc::default()).layer(RateLimit::builder().quota(per(2, 60)).key(key).build().unwrap())
}

/// What is left to a request from this peer with these fields, or else the status.
async fn left(app: &Router, peer: &str, fields: &[(&str, &str)]) -> u16 {
    let peer = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 4711);
    let answer = TestResponse::get(&app.clone().layer(axum::Extension(ConnectInfo(peer))), "/", fields).await;
    match answer.status.as_u16() {
        200 => answer.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap(),
        status => status,
    }
}

#[tokio::test]
async fn without_a_trusted_peer_no_field_of_the_callers_does_anything() {
    let trusting = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    for proxies in [TrustedProxies::none(), trusting.clone(), trusting.use_forwarded_header()] {
        let app = by(Key::ip(proxies));
        for (n, expected) in [(1, 1), (2, 0), (3, 429), (4, 429)] {
            let ip = format!("203.0.113.{n}");
            let forwarded = format!("for={ip}");
            let fields = [("x-forwarded-for", &*ip), ("forwarded", &forwarded), ("x-real-ip", &ip)];
            assert_eq!(left(&app, "198.51.100.7", &fields).await, expected);
        }
    }
}

#[tokio::test]
async fn a_trusted_peer_is_believed_from_the_right_over_all_lines_up_to_the_first_untrusted_hop() {
    let proxies = || TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let app = by(Key::ip(proxies()));
    for (lines, expected) in [
        (&["203.0.113.9"][..], 1),
        (&["6.6.6.6, 203.0.113.9, 10.9.9.9"], 0),
        (&["6.6.6.1", "203.0.113.9:4711"], 429),
        (&["6.6.6.2, 203.0.113.9", "10.0.0.2"], 429),
        (&["203.0.113.9, 6.6.6.6"], 1),
        // What does not parse ends the walk at the last trusted hop.
        (&["203.0.113.9, unknown"], 1),
        (&["6.6.6.6, , 10.0.0.1"], 0),
        (&["[2001:db8::1]:443"], 1),
        (&["2001:db8::2"], 0),
    ] {
        let fields: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(left(&app, "10.0.0.1", &fields).await, expected, "{lines:?}");
    }
    let app = by(Key::ip(proxies().use_forwarded_header()));
    let fields = [("forwarded", "for=6.6.6.6, for=\"203.0.113.9:80\";proto=https"), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(left(&app, "10.0.0.1", &fields).await, 1);
    assert_eq!(left(&app, "10.0.0.2", &[("forwarded", "for=203.0.113.9")]).await, 0);
}

#[tokio::test]
async fn what_a_layer_outside_found_is_the_address() {
    let inner = by(Key::ip(TrustedProxies::none()));
    let app = inner.layer(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    for (ip, expected) in [("203.0.113.1", 1), ("203.0.113.2", 1), ("203.0.113.1", 0), ("203.0.113.1", 429)] {
        assert_eq!(left(&app, "10.0.0.1", &[("x-forwarded-for", ip)]).await, expected, "{ip}");
    }
}

#[tokio::test]
async fn an_ipv6_address_counts_by_its_64_or_by_the_bits_that_are_set() {
    for (bits, same, other) in [
        (None, "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"),
        (Some(64), "2001:db8:0:1:ffff::9", "2001:db8:0:2::1"),
        (Some(48), "2001:db8:0:ffff::9", "2001:db8:1:1::1"),
        (Some(56), "2001:db8:0:ff::9", "2001:db8:0:100::1"),
        (Some(128), "2001:db8:0:1::1", "2001:db8:0:1::2"),
    ] {
        let key = Key::ip(TrustedProxies::none());
        let app = by(bits.map_or(key.clone(), |bits| key.ipv6_prefix(bits)));
        assert_eq!(left(&app, "2001:db8:0:1::1", &[]).await, 1);
        assert_eq!(left(&app, same, &[]).await, 0, "{bits:?}");
        assert_eq!(left(&app, other, &[]).await, 1, "{bits:?}");
    }
}

#[tokio::test]
async fn ipv4_addresses_count_one_by_one_and_mapped_ones_as_what_they_map() {
    let app = by(Key::ip(TrustedProxies::none()).ipv6_prefix(1));
    for (peer, expected) in
        [("192.0.2.1", 1), ("192.0.2.2", 1), ("::ffff:192.0.2.1", 0), ("192.0.2.1", 429), ("::ffff:192.0.2.3", 1)]
    {
        assert_eq!(left(&app, peer, &[]).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn the_port_of_a_peer_does_not_count() {
    let app = by(Key::ip(TrustedProxies::none()));
    for (port, status) in [(1, 200), (2, 200), (3, 429)] {
        let peer = MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(TestResponse::get(&app.clone().layer(peer), "/", &[]).await.status, status);
    }
}

#[tokio::test]
async fn where_no_peer_is_known_every_request_is_500_and_the_log_says_once_how_to_mend_it() {
    let log = LogCapture::start();
    let calls = Arc::default();
    let limit = RateLimit::builder().quota(per(2, 60)).key(Key::ip(TrustedProxies::none())).build().unwrap();
    let app = routes(&calls).layer(limit);
    for n in 0..50 {
        let answer = TestResponse::get(&app, "/", &[("x-forwarded-for", "203.0.113.9")]).await;
        assert_eq!(answer.status, 500, "request {n}");
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::AddressUnknown);
        assert!(!answer.body.contains("connect_info") && !answer.headers.contains_key("retry-after"));
    }
    assert_eq!(log.count("the peer's address is unknown"), 1, "{}", log.text());
    assert_eq!(log.count("into_make_service_with_connect_info::<SocketAddr>()"), 1);
    assert!(log.text().contains("ERROR"), "{}", log.text());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_trusting_key_is_500_too_where_no_peer_is_known() {
    let app = by(Key::ip(TrustedProxies::new(["0.0.0.0/0", "::/0"]).unwrap()));
    assert_eq!(TestResponse::get(&app, "/", &[("x-forwarded-for", "203.0.113.9")]).await.status, 500);
}
