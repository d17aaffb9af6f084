//! Tests of the forwarding headers.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers<V: AsRef<[u8]>>(name: &HeaderName, values: &[V]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
    }
    headers
}

fn x(values: &[&str]) -> Vec<Option<IpAddr>> {
    x_forwarded_for(&headers(&X_FORWARDED_FOR, values)).collect()
}

fn rfc(values: &[&str]) -> Vec<Option<IpAddr>> {
    forwarded_hops(&headers(&FORWARDED, values)).map(|hop| hop.map(|hop| hop.address)).collect()
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

const ADDRESSES: [(&str, &str); 9] = [
    ("1.2.3.4", "1.2.3.4"),
    ("1.2.3.4:80", "1.2.3.4"),
    ("1.2.3.4:65535", "1.2.3.4"),
    ("2001:db8::1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("[2001:DB8::1]:443", "2001:db8::1"),
    ("::ffff:1.2.3.4", "1.2.3.4"),
    ("[::ffff:1.2.3.4]", "1.2.3.4"),
    ("[::ffff:1.2.3.4]:8", "1.2.3.4"),
];

const INVALID_ADDRESSES: [&str; 23] = [
    "",
    "unknown",
    "_hidden",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.256",
    "1.2.3.4:",
    "1.2.3.4:123456",
    "1.2.3.4:8a",
    "1.2.3.4:_p",
    "1.2.3.4 5.6.7.8",
    "1.2.3.4/24",
    "[1.2.3.4]",
    "[2001:db8::1",
    "[2001:db8::1]443",
    "[2001:db8::1]:",
    "[2001:db8::1]:+1",
    "2001:db8::1]",
    "fe80::1%eth0",
    "[fe80::1%1]",
    "example.com",
    "\u{e9}",
];

#[test]
fn addresses_are_parsed_with_and_without_port_and_brackets() {
    for (text, expected) in ADDRESSES {
        assert_eq!(x(&[text]), [ip(expected)], "{text}");
        assert_eq!(x(&[&format!(" \t{text} ")]), [ip(expected)], "{text}");
        assert_eq!(rfc(&[&format!("for={text}")]), [ip(expected)], "{text}");
        assert_eq!(rfc(&[&format!("for=\"{text}\"")]), [ip(expected)], "{text}");
    }
}

#[test]
fn an_invalid_address_is_none() {
    for text in INVALID_ADDRESSES {
        assert_eq!(x(&[text]), [None], "{text}");
        assert_eq!(rfc(&[&format!("for={text}")]), [None], "{text}");
        assert_eq!(rfc(&[&format!("for=\"{text}\"")]), [None], "{text}");
    }
}

#[test]
fn the_nearest_hop_is_first_across_all_lines() {
    let expected = [ip("4.4.4.4"), ip("3.3.3.3"), ip("2.2.2.2"), ip("1.1.1.1")];
    assert_eq!(x(&["1.1.1.1, 2.2.2.2", "3.3.3.3,4.4.4.4"]), expected);
    assert_eq!(rfc(&["for=1.1.1.1, for=2.2.2.2;by=x", "proto=http;for=3.3.3.3,for=4.4.4.4"]), expected);
}

#[test]
fn without_a_header_there_is_no_hop() {
    assert_eq!(x(&[]), []);
    assert_eq!(rfc(&[]), []);
}

#[test]
fn an_empty_entry_is_a_malformed_hop() {
    let expected = [None, ip("2.2.2.2"), None, ip("1.1.1.1")];
    assert_eq!(x(&["1.1.1.1,,2.2.2.2, "]), expected);
    assert_eq!(rfc(&["for=1.1.1.1, ,for=2.2.2.2,"]), expected);
}

#[test]
fn the_examples_of_rfc_7239_are_parsed() {
    for (line, expected) in [
        ("for=\"_gazonk\"", None),
        ("For=\"[2001:db8:cafe::17]:4711\"", ip("2001:db8:cafe::17")),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", ip("192.0.2.60")),
        ("for=unknown", None),
        ("by=203.0.113.43", None),
    ] {
        assert_eq!(rfc(&[line]), [expected], "{line}");
    }
    let line = "for=192.0.2.43, for=\"[2001:db8:cafe::17]\"";
    assert_eq!(rfc(&[line]), [ip("2001:db8:cafe::17"), ip("192.0.2.43")]);
}

#[test]
fn separators_and_escapes_inside_quotes_are_content() {
    for line in [
        r#"host="a,b;for=6.6.6.6";for=1.1.1.1"#,
        r#"host="a\",for=6.6.6.6,\"";for=1.1.1.1"#,
        r#"host="a\\";for=1.1.1.1"#,
        r#"for="1.1\.1.1""#,
        r#"for="\1\.1.1.1" ; proto=http"#,
        "FOR=1.1.1.1;;",
        "; for=1.1.1.1",
    ] {
        assert_eq!(rfc(&[line]), [ip("1.1.1.1")], "{line}");
    }
    assert_eq!(rfc(&[r#"for="\[::1\\]""#]), [None]);
}

#[test]
fn a_malformed_element_is_none() {
    for element in [
        "for=1.1.1.1;for=1.1.1.1",
        "for=1.1.1.1;FOR=2.2.2.2",
        "for=1.1.1.1;proto",
        "for=1.1.1.1;=x",
        "for =1.1.1.1",
        "for= 1.1.1.1",
        "for=\" 1.1.1.1\"",
        "1.1.1.1",
        "xfor=1.1.1.1",
    ] {
        assert_eq!(rfc(&[element]), [None], "{element}");
        let line = format!("{element}, for=9.9.9.9");
        assert_eq!(rfc(&[&line]), [ip("9.9.9.9"), None], "{element}");
    }
}

#[test]
fn a_line_with_malformed_quoting_is_one_malformed_hop() {
    for line in [
        "for=1.1.1.1, for=\"2.2.2.2",
        "for=\"1.1.1.1, for=2.2.2.2",
        "for=1.1.1.1, for=\"2.2.2.2\\\"",
        "for=1.1.1.1, for=2.2.2.2\"",
        "for=1.1.1.1, host=a\"b\"",
        "for=\"1.1.1.1\"x, for=2.2.2.2",
        "for=\"1.1.1.1\"=, for=2.2.2.2",
        "for=\"1.1.1.1\" \"\", for=2.2.2.2",
        "\"\", for=2.2.2.2",
        "for=1.1.1.1, host=\"\\",
    ] {
        let hops = rfc(&["for=8.8.8.8", line, "for=9.9.9.9"]);
        assert_eq!(hops, [ip("9.9.9.9"), None, ip("8.8.8.8")], "{line}");
    }
}

#[test]
fn at_most_64_hops_are_read() {
    let many: Vec<String> = (0..200).map(|n| format!("10.0.0.{n}")).collect();
    let expected: Vec<_> = many.iter().rev().take(MAX_HOPS).map(|text| ip(text)).collect();
    assert_eq!(x(&[&many.join(",")]), expected);
    assert_eq!(rfc(&[&format!("for={}", many.join(",for="))]), expected);
    let lines: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(x(&lines), expected);
    let pairs: Vec<String> = many.iter().map(|text| format!("for={text}")).collect();
    let lines: Vec<&str> = pairs.iter().map(String::as_str).collect();
    assert_eq!(rfc(&lines), expected);
}

#[test]
fn a_long_line_keeps_its_last_64_elements() {
    let line = "for=1.1.1.1,".repeat(5_000) + "for=2.2.2.2";
    let hops = hops(line.as_bytes());
    assert_eq!(hops.len(), MAX_HOPS);
    assert_eq!(hops.last(), Some(&ip("2.2.2.2").map(|address| Hop { address, is_https: false })));
}

#[test]
fn a_mapped_address_becomes_ipv4() {
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    assert_eq!(Some(canonical(mapped)), ip("10.0.0.1"));
    let compatible: IpAddr = "::10.0.0.1".parse().unwrap();
    assert_eq!(canonical(compatible), compatible);
}

proptest! {
    #[test]
    fn no_value_panics_and_every_hop_is_canonical(
        values in prop::collection::vec(prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&b"for=\",;\\[]:.1 \t_"[..]), 1 => 0x20..=0x7e_u8, 1 => 0x80..=0xff_u8,
        ], 0..80), 0..4),
    ) {
        let x_headers = headers(&X_FORWARDED_FOR, &values);
        let entries = values.iter().map(|v| v.split(|&b| b == b',').count()).sum();
        prop_assert_eq!(x_forwarded_for(&x_headers).count(), MAX_HOPS.min(entries));
        prop_assert!(x_forwarded_for(&x_headers).flatten().all(|ip| canonical(ip) == ip));

        let rfc_headers = headers(&FORWARDED, &values);
        prop_assert!(forwarded_hops(&rfc_headers).count() >= values.len());
        prop_assert!(forwarded_hops(&rfc_headers).flatten().all(|hop| canonical(hop.address) == hop.address));
    }

    #[test]
    fn every_written_hop_is_parsed_back(
        hops in prop::collection::vec((any::<IpAddr>(), prop::option::of(any::<u16>()), "[ -~]{0,12}"), 1..8),
    ) {
        let node = |ip: &IpAddr, port: &Option<u16>| match (ip, port) {
            (IpAddr::V4(v4), None) => v4.to_string(),
            (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
            (IpAddr::V6(v6), None) => format!("[{v6}]"),
            (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
        };
        let expected: Vec<_> = hops.iter().rev().map(|(ip, ..)| Some(canonical(*ip))).collect();
        let plain: Vec<_> = hops.iter().map(|(ip, port, _)| node(ip, port)).collect();
        prop_assert_eq!(&x(&[&plain.join(", ")]), &expected);
        let elements: Vec<_> = hops.iter().map(|(ip, port, host)| {
            let host = host.replace('\\', "\\\\").replace('"', "\\\"");
            format!("host=\"{host}\";for=\"{}\"", node(ip, port))
        }).collect();
        prop_assert_eq!(rfc(&[&elements.join(", ")]), expected);
    }
}
