//! Tests of the walk through forwarded addresses. Those of the networks are in `networks`.

use std::net::SocketAddr;

use http::Request;
use proptest::prelude::*;

use super::*;

fn head(peer: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut head = request.body(()).unwrap().into_parts().0;
    if let Ok(peer) = peer.parse::<IpAddr>() {
        head.extensions.insert(SocketAddr::from((peer, 4711)));
    }
    head
}

fn client(proxies: &TrustedProxies, peer: &str, headers: &[(&str, &str)]) -> Option<String> {
    proxies.client(&head(peer, headers)).map(|addr| addr.to_string())
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"]).unwrap()
}

const XFF: &str = "x-forwarded-for";

#[test]
fn headers_of_an_untrusted_peer_are_ignored() {
    let headers = [(XFF, "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
    assert_eq!(client(&proxies(), "198.51.100.1", &headers).unwrap(), "198.51.100.1");
    assert_eq!(client(&TrustedProxies::none(), "10.0.0.1", &headers).unwrap(), "10.0.0.1");
}

#[test]
fn the_first_untrusted_hop_from_the_right_is_the_client() {
    let headers = [(XFF, "6.6.6.6, 203.0.113.9, 10.9.9.9"), (XFF, "10.0.0.2")];
    assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "203.0.113.9");
}

#[test]
fn an_invalid_entry_makes_the_last_trusted_proxy_the_client() {
    let headers = [(XFF, "6.6.6.6, unknown, 10.9.9.9")];
    assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "10.9.9.9");
}

#[test]
fn if_every_hop_is_trusted_the_farthest_is_the_client() {
    assert_eq!(client(&proxies(), "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")]).unwrap(), "10.0.0.3");
    assert_eq!(client(&proxies(), "10.0.0.1", &[]).unwrap(), "10.0.0.1");
}

#[test]
fn only_the_configured_header_is_read() {
    let headers = [(XFF, "6.6.6.6"), ("forwarded", "for=203.0.113.9")];
    assert_eq!(client(&proxies(), "10.0.0.1", &headers).unwrap(), "6.6.6.6");
    assert_eq!(client(&proxies().use_forwarded_header(), "10.0.0.1", &headers).unwrap(), "203.0.113.9");
}

#[test]
fn an_ipv4_mapped_peer_is_returned_as_ipv4() {
    assert_eq!(client(&proxies(), "::ffff:10.0.0.1", &[(XFF, "203.0.113.9")]).unwrap(), "203.0.113.9");
    assert_eq!(client(&proxies(), "::ffff:192.0.2.1", &[]).unwrap(), "192.0.2.1");
}

#[test]
fn without_a_known_peer_the_client_is_unknown() {
    assert_eq!(client(&proxies(), "", &[(XFF, "203.0.113.9")]), None);
}

fn is_https(proxies: &TrustedProxies, peer: &str, headers: &[(&str, &str)]) -> bool {
    proxies.find(&head(peer, headers)).is_https
}

#[test]
fn https_is_read_from_the_last_x_forwarded_proto_of_a_trusted_peer() {
    const PROTO: &str = "x-forwarded-proto";
    for (headers, expected) in [
        (&[(PROTO, "https")][..], true),
        (&[(PROTO, "HTTPS ")], true),
        (&[(PROTO, "http, https")], true),
        (&[(PROTO, "http"), (PROTO, "https")], true),
        (&[(PROTO, "https, http")], false),
        (&[(PROTO, "https"), (PROTO, "http")], false),
        (&[(PROTO, "httpss")], false),
        (&[(PROTO, "")], false),
        (&[("forwarded", "for=203.0.113.9;proto=https")], false),
        (&[], false),
    ] {
        assert_eq!(is_https(&proxies(), "10.0.0.1", headers), expected, "{headers:?}");
        assert!(!is_https(&proxies(), "198.51.100.1", headers) && !is_https(&proxies(), "", headers), "{headers:?}");
        assert!(!is_https(&TrustedProxies::none(), "10.0.0.1", headers), "{headers:?}");
    }
}

#[test]
fn https_is_read_from_the_clients_element_of_forwarded() {
    for (value, expected) in [
        ("for=203.0.113.9;proto=https", true),
        ("for=203.0.113.9;Proto=\"HTTPS\"", true),
        ("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", true),
        ("for=203.0.113.9;proto=http, for=10.0.0.2;proto=https", false),
        ("for=6.6.6.6;proto=https, for=203.0.113.9;proto=http", false),
        ("for=10.0.0.3;proto=https, for=10.0.0.2;proto=http", true),
        ("for=unknown;proto=https, for=10.0.0.2;proto=http", false),
        ("for=203.0.113.9;proto=https;proto=https", false),
        ("for=203.0.113.9", false),
        ("proto=https", false),
        ("", false),
    ] {
        let headers = [("forwarded", value), ("x-forwarded-proto", "https")];
        assert_eq!(is_https(&proxies().use_forwarded_header(), "10.0.0.1", &headers), expected, "{value}");
        assert!(!is_https(&proxies().use_forwarded_header(), "198.51.100.1", &headers), "{value}");
    }
}

fn hops(count: usize) -> TrustedProxies {
    TrustedProxies::hops(count).unwrap()
}

#[test]
fn the_entry_at_the_number_of_hops_from_the_right_is_the_client() {
    let headers = [(XFF, "6.6.6.6, 203.0.113.9, 192.0.2.7"), (XFF, "10.0.0.2")];
    for (count, expected) in [(1, "10.0.0.2"), (2, "192.0.2.7"), (3, "203.0.113.9"), (4, "6.6.6.6"), (64, "6.6.6.6")] {
        for peer in ["10.0.0.1", "198.51.100.1", "2001:db8::1", ""] {
            assert_eq!(client(&hops(count), peer, &headers).unwrap(), expected, "{count} {peer}");
        }
    }
    let headers =
        [("forwarded", "for=6.6.6.6;proto=https, for=203.0.113.9;proto=http, for=10.0.0.2"), (XFF, "6.6.6.6")];
    for (count, expected, https) in [(1, "10.0.0.2", false), (2, "203.0.113.9", false), (3, "6.6.6.6", true)] {
        let proxies = hops(count).use_forwarded_header();
        assert_eq!(client(&proxies, "10.0.0.1", &headers).unwrap(), expected, "{count}");
        assert_eq!(is_https(&proxies, "10.0.0.1", &headers), https, "{count}");
    }
    assert!(is_https(&hops(1), "", &[("x-forwarded-proto", "https")]));
}

#[test]
fn with_too_few_or_invalid_entries_the_farthest_known_hop_is_the_client() {
    for (value, expected) in [("203.0.113.9", "203.0.113.9"), ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2")] {
        assert_eq!(client(&hops(3), "10.0.0.1", &[(XFF, value)]).unwrap(), expected, "{value}");
    }
    for headers in [&[][..], &[(XFF, "")], &[(XFF, "6.6.6.6, unknown")]] {
        assert_eq!(client(&hops(3), "10.0.0.1", headers).unwrap(), "10.0.0.1", "{headers:?}");
        assert_eq!(client(&hops(3), "", headers), None, "{headers:?}");
    }
}

#[test]
fn the_number_of_hops_is_from_1_to_64() {
    for count in [0, 65, usize::MAX] {
        let error = TrustedProxies::hops(count).unwrap_err();
        assert_eq!(error.issues()[0].value(), Some(&*count.to_string()));
        assert_eq!((error.issues()[0].kind(), error.issues().len()), (IssueKind::Invalid, 1));
    }
    assert!(TrustedProxies::hops(64).is_ok());
}

#[test]
fn without_a_peer_only_unix_sockets_and_hops_are_trusted() {
    let headers = [(XFF, "6.6.6.6, 203.0.113.9, 10.0.0.2"), ("x-forwarded-proto", "https")];
    let unix = TrustedProxies::new(["unix:", "10.0.0.0/8"]).unwrap();
    assert_eq!(client(&unix, "", &headers).unwrap(), "203.0.113.9");
    assert!(is_https(&unix, "", &headers));
    // A peer on TCP is trusted only if its network is.
    assert_eq!(client(&unix, "198.51.100.1", &headers).unwrap(), "198.51.100.1");
    assert!(!is_https(&unix, "198.51.100.1", &headers));
    assert_eq!(client(&unix, "10.0.0.1", &headers).unwrap(), "203.0.113.9");
    let everything = TrustedProxies::dangerously_trust_networks(["0.0.0.0/0", "::/0"]).unwrap();
    for proxies in [TrustedProxies::none(), proxies(), everything] {
        assert_eq!(client(&proxies, "", &headers), None);
        assert!(!is_https(&proxies, "", &headers));
    }
    // A Unix socket has no address of its own.
    assert_eq!(client(&unix, "", &[]), None);
}

proptest! {
    /// A caller writes entries, and each of the proxies appends one. What the caller writes has no effect.
    #[test]
    fn the_entries_of_the_caller_have_no_effect(
        forged in "[0-9a-f.:, \\[\\]]{0,40}",
        client_ip in any::<[u8; 4]>().prop_filter("not a proxy", |ip| ip[0] != 10),
        count in 1_usize..6,
    ) {
        let client_ip = IpAddr::from(client_ip).to_string();
        let mut chain = format!("{forged},{client_ip}");
        for hop in 2..=count {
            chain += &format!(", 10.0.0.{hop}");
        }
        let headers = [(XFF, &*chain)];
        for proxies in [hops(count), proxies()] {
            prop_assert_eq!(client(&proxies, "10.0.0.1", &headers), Some(client_ip.clone()));
        }
        let stranger = client(&proxies(), "198.51.100.1", &headers);
        prop_assert_eq!(stranger.as_deref(), Some("198.51.100.1"));
    }
}
