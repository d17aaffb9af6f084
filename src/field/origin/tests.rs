//! Tests of the origin grammar.

use proptest::prelude::*;

use super::*;

const ORIGINS: [&str; 20] = [
    "https://example.com",
    "http://example.com",
    "https://example.com:8443",
    "https://example.com:80",
    "http://example.com:443",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "https://a_b.c-d.example",
    "https://1.example",
    "https://example.c0m",
    "https://com",
    "https://0x7f.example",
    "https://example.0xg",
    "http://127.0.0.1:1",
    "http://255.255.255.255:65535",
    "http://[::1]",
    "http://[::1]:8080",
    "https://[2001:db8::1]",
    "https://[::ffff:102:304]",
    "https://[::]:444",
];

#[track_caller]
fn rejects(error: OriginError, texts: &[&str]) {
    for text in texts {
        assert_eq!(Origin::parse(text), Err(error), "{text:?}");
    }
}

/// Asserts an error in the origin itself, which is also an error in a URL.
#[track_caller]
fn rejects_in_urls(error: OriginError, texts: &[&str]) {
    rejects(error, texts);
    for text in texts {
        assert_eq!(Origin::of_url(text), Err(error), "{text:?}");
        let url = format!("{text}/p?q#f");
        assert_eq!(Origin::of_url(&url), Err(error), "{url:?}");
    }
}

#[track_caller]
fn rejects_hosts(hosts: &str) {
    for host in hosts.split(' ') {
        rejects_in_urls(OriginError::Host, &[&format!("https://{host}")]);
    }
}

#[test]
fn a_serialized_origin_is_accepted_unchanged() {
    for text in ORIGINS {
        let origin = Origin::parse(text).unwrap();
        assert_eq!(origin.text(), text);
        assert_eq!(Origin::of_url(text), Ok((origin, "")));
    }
}

#[test]
fn the_parts_of_an_origin_are_returned() {
    let parts = |text| {
        let origin = Origin::parse(text).unwrap();
        (origin.is_https(), origin.host(), origin.port())
    };
    assert_eq!(parts("https://example.com"), (true, "example.com", None));
    assert_eq!(parts("http://a.b:8080"), (false, "a.b", Some(8080)));
    assert_eq!(parts("https://[::1]:65535"), (true, "[::1]", Some(65535)));
    assert_eq!(parts("http://[2001:db8::1]"), (false, "[2001:db8::1]", None));
}

#[test]
fn a_text_without_a_scheme_is_rejected() {
    let texts = ["", "*", "example.com", "localhost:3000", "//example.com", "://a", "mailto:a@b", "https:a", "1a://b"];
    rejects(OriginError::MissingScheme, &texts);
    rejects(OriginError::MissingScheme, &["a.com/?to=https://b.com", " https://a", "NULL", "h\u{e9}://a"]);
}

#[test]
fn a_scheme_other_than_http_is_rejected() {
    rejects_in_urls(OriginError::Scheme, &["ftp://a", "ws://a", "FTP://a", "httpss://a", "chrome-extension://a"]);
}

#[test]
fn null_is_rejected() {
    rejects(OriginError::Null, &["null"]);
    assert_eq!(Origin::of_url("null"), Err(OriginError::Null));
}

#[test]
fn upper_case_is_rejected() {
    let texts = ["https://Example.com", "HTTPS://a", "Http://a", "https://[2001:DB8::1]", "https://a.B:80"];
    rejects_in_urls(OriginError::UpperCase, &texts);
}

#[test]
fn anything_after_the_origin_is_rejected() {
    rejects(OriginError::TrailingSlash, &["https://a/", "https://a:8443/", "https://[::1]/"]);
    rejects(OriginError::Path, &["https://a/b", "https://a//", "https://a/?q", "https://a/#f"]);
    rejects(OriginError::Query, &["https://a?", "https://a?q=/", "https://a:1?q#f"]);
    rejects(OriginError::Fragment, &["https://a#", "https://a#/?"]);
}

#[test]
fn userinfo_is_rejected() {
    let texts = ["https://a@b", "https://a:b@c", "https://@b", "https://trusted.example@evil", "https://a@[::1]"];
    rejects_in_urls(OriginError::Userinfo, &texts);
}

#[test]
fn an_invalid_port_is_rejected() {
    let texts = ["https://a:", "https://a:0", "https://a:080", "https://a:65536", "https://a:+1", "https://a:8x"];
    rejects_in_urls(OriginError::Port, &texts);
    rejects_in_urls(OriginError::Port, &["https://a:*", "https://[::1]:", "https://a: 1", "https://a:99999999999"]);
}

#[test]
fn a_default_port_is_rejected_in_an_origin() {
    rejects(OriginError::DefaultPort, &["https://a:443", "http://a:80", "http://[::1]:80", "https://a:443/"]);
}

#[test]
fn a_default_port_is_omitted_from_the_origin_of_a_url() {
    for (url, text, rest) in [
        ("https://a:443/b", "https://a", "/b"),
        ("http://[::1]:80", "http://[::1]", ""),
        ("https://a:80?q", "https://a:80", "?q"),
    ] {
        assert_eq!(Origin::of_url(url), Ok((Origin::parse(text).unwrap(), rest)), "{url}");
    }
}

#[test]
fn an_invalid_host_is_rejected() {
    rejects_hosts(" :8080 a..b .a a. a.:80 *.a a%2e b\u{fc}cher a\\b a,b a+b a] a]:1");
    rejects_hosts("::1 2001:db8::1 a:1:2");
    rejects_in_urls(OriginError::Host, &["https://a b", "https://a\r\n"]);
}

#[test]
fn a_host_that_ends_in_a_number_must_be_a_canonical_ipv4_address() {
    rejects_hosts("127.1 1 256.1.1.1 01.2.3.4 1.2.3.4.5 1.2.3.4. a.1");
    rejects_hosts("0x7f.0x1 a.0x 0x7f000001");
}

#[test]
fn an_ipv6_host_must_be_in_canonical_form() {
    rejects_hosts("[0:0:0:0:0:0:0:1] [::01] [2001:db8:0:0::1] [::ffff:1.2.3.4]");
    rejects_hosts("[fe80::1%25eth0] [] [::1 [[::1]] [1.2.3.4]");
    rejects_hosts("[::1]a [::1]a:1 a[::1] [::1:1 [::1][::1]");
}

#[test]
fn names_and_labels_have_a_maximum_length() {
    let label = "a".repeat(63);
    assert!(Origin::parse(&format!("https://{label}.a")).is_ok());
    rejects(OriginError::Host, &[&format!("https://{label}a.a")]);
    let host = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(host.len(), 253);
    assert!(Origin::parse(&format!("https://{host}:65535")).is_ok());
    rejects(OriginError::Host, &[&format!("https://{host}a")]);
}

#[test]
fn an_origin_over_326_bytes_is_too_long() {
    let long = format!("https://{}", "a".repeat(318));
    assert_eq!(long.len(), 326);
    assert_eq!(Origin::parse(&long), Err(OriginError::Host));
    assert_eq!(Origin::of_url(&long), Err(OriginError::Host));
    let longer = format!("{long}a");
    assert_eq!(Origin::parse(&longer), Err(OriginError::TooLong));
    assert_eq!(Origin::of_url(&longer), Err(OriginError::TooLong));
    let path = "/a".repeat(500);
    let url = format!("https://a{path}");
    assert_eq!(Origin::parse(&url), Err(OriginError::TooLong));
    assert_eq!(Origin::of_url(&url), Ok((Origin::parse("https://a").unwrap(), path.as_str())));
}

#[test]
fn the_rest_of_a_url_is_returned() {
    for rest in ["", "/", "/a?b#c", "?a:b@c/d", "#a?b", "/@:443"] {
        let url = format!("https://a.example:8443{rest}");
        let origin = Origin::parse("https://a.example:8443").unwrap();
        assert_eq!(Origin::of_url(&url), Ok((origin, rest)));
    }
}

#[test]
fn loopback_hosts_are_addresses_and_localhost_names() {
    for host in ["localhost", "a.localhost", "a.b.localhost", "127.0.0.1", "127.255.0.9", "[::1]"] {
        assert!(Origin::parse(&format!("http://{host}:3000")).unwrap().is_loopback(), "{host}");
    }
    for host in ["localhost.example", "xlocalhost", "128.0.0.1", "127.0.0.1.example", "[::2]", "0.0.0.0", "[::]"] {
        assert!(!Origin::parse(&format!("http://{host}:3000")).unwrap().is_loopback(), "{host}");
    }
}

#[test]
fn every_error_has_a_different_reason() {
    use OriginError as E;
    let errors = [
        E::AppHost,
        E::DefaultPort,
        E::Fragment,
        E::Host,
        E::MissingScheme,
        E::Null,
        E::Opaque,
        E::Path,
        E::Port,
        E::Query,
        E::Scheme,
        E::TooLong,
        E::TrailingSlash,
        E::UpperCase,
        E::Userinfo,
    ];
    let reasons: std::collections::BTreeSet<_> = errors.map(E::reason).into();
    assert_eq!(reasons.len(), errors.len());
    assert!(reasons.iter().all(|reason| reason.starts_with(|c: char| c.is_lowercase()) && !reason.ends_with('.')));
    assert!(E::TooLong.reason().contains(&MAX_LEN.to_string()));
}

proptest! {
    #[test]
    fn no_text_panics_and_an_accepted_text_equals_its_parts(
        text in prop_oneof![any::<String>(), "https?://[a-z0-9:.\\[\\]@/?#*A-]{0,40}"],
    ) {
        if let Ok((origin, rest)) = Origin::of_url(&text) {
            prop_assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']));
            prop_assert!(text.starts_with(origin.text()) && text.ends_with(rest));
            prop_assert_eq!(Origin::parse(origin.text()), Ok(origin));
            let scheme = if origin.is_https() { "https" } else { "http" };
            let port = origin.port().map(|port| format!(":{port}")).unwrap_or_default();
            prop_assert_eq!(format!("{scheme}://{}{port}", origin.host()), origin.text());
        }
        if let Ok(origin) = Origin::parse(&text) {
            prop_assert_eq!(origin.text(), text.as_str());
        }
    }

    #[test]
    fn every_name_and_port_is_returned(
        https in any::<bool>(), host in "([a-z_-][a-z0-9_-]{0,20}\\.){0,4}[a-z]{1,8}", port in 1..=u16::MAX,
        rest in "([/?#][ -~]{0,20})?",
    ) {
        let scheme = if https { "https" } else { "http" };
        let is_default = port == if https { 443 } else { 80 };
        let url = format!("{scheme}://{host}:{port}{rest}");
        let (origin, after) = Origin::of_url(&url).unwrap();
        prop_assert_eq!((origin.is_https(), origin.host(), after), (https, host.as_str(), rest.as_str()));
        prop_assert_eq!(origin.port(), (!is_default).then_some(port));
    }

    #[test]
    fn every_address_in_canonical_form_is_accepted(
        v4 in any::<Ipv4Addr>(), segments in any::<[u16; 8]>(), mask in any::<u8>(),
    ) {
        prop_assert_eq!(Origin::parse(&format!("http://{v4}")).map(|o| o.is_loopback()), Ok(v4.is_loopback()));
        let mut index = 0..8;
        let v6 = Ipv6Addr::from(segments.map(|s| if mask >> index.next().unwrap() & 1 == 0 { s } else { 0 }));
        if v6.to_ipv4_mapped().is_none() {
            let text = format!("http://[{v6}]");
            prop_assert_eq!(Origin::parse(&text).map(|o| o.text()), Ok(text.as_str()));
        }
    }
}
