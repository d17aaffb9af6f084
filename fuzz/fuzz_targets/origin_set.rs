//! An item of an `OriginSet`, then an origin, each on a line.
//!
//! What the set contains must be what a second, simpler reading of the item says.

#![no_main]

use portcullis::OriginSet;
use url::Url;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (item, probe) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(set) = OriginSet::dangerously_with_public_suffixes([item]) else {
        assert!(OriginSet::new([item]).is_err(), "only the dangerous constructor rejects it");
        return;
    };
    let safe = OriginSet::new([item]).ok();
    assert!(safe.is_some() || item.contains('*'), "an exact origin has no public suffix");
    if !item.contains('*') {
        assert!(set.contains(item), "an accepted origin never matches");
        assert_is_serialized(item);
    }
    // Probes that are nearly matches: the item with something in place of its stars.
    let filled = item.replacen('*', probe, 1);
    let with_port = filled.replace(":*", ":8123");
    for origin in [probe, &filled, &with_port, &filled.replace(":*", "")] {
        if is_invalid_punycode(origin) {
            continue;
        }
        let is_contained = set.contains(origin);
        assert!(safe.as_ref().is_none_or(|safe| safe.contains(origin) == is_contained));
        assert!(!is_contained || !origin.contains('*') && origin != "null");
        match matches(item, origin) {
            Some(expected) => assert_eq!(is_contained, expected, "{item} and {origin}"),
            None => assert!(!is_contained, "{origin} is in the set of {item}"),
        }
    }
});

/// Whether the origin is no URL because of its Punycode, which Portcullis does not validate.
fn is_invalid_punycode(origin: &str) -> bool {
    origin.contains("xn--") && Url::parse(origin).is_err()
}

/// Checks that browsers write an accepted origin like this.
fn assert_is_serialized(item: &str) {
    if is_invalid_punycode(item) {
        return;
    }
    let url = Url::parse(item).expect("an origin is a URL");
    if ["http", "https"].contains(&url.scheme()) {
        assert_eq!(url.origin().ascii_serialization(), item);
        return;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().expect("an origin has a host");
    assert_eq!(format!("{}://{host}{port}", url.scheme()), item);
    assert!(!["file", "data", "blob", "ws", "wss", "ftp", "about", "javascript"].contains(&url.scheme()));
}

/// Whether the origin matches the item; `None` if it is not an origin as browsers send it.
fn matches(item: &str, origin: &str) -> Option<bool> {
    if !item.contains('*') {
        return Some(item == origin);
    }
    let url = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == origin)?;
    let host = url.host_str().filter(|host| is_name_or_address(host))?;
    let (any_port, item) = item.strip_suffix(":*").map_or((false, item), |item| (true, item));
    let (scheme, authority) = item.split_once("://").expect("a scheme");
    let (pattern, port) = match authority.rsplit_once(':').filter(|_| !authority.ends_with(']')) {
        Some((pattern, port)) => (pattern, Some(port.parse::<u16>().expect("a port"))),
        None => (authority, None),
    };
    let is_host = match (pattern.strip_prefix("*."), pattern.split_once('*')) {
        (Some(domain), _) => host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        (None, Some((start, end))) => {
            let middle = host.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).unwrap_or_default();
            let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !middle.is_empty() && middle.bytes().all(is_legal)
        }
        (None, None) => host == pattern,
    };
    Some(url.scheme() == scheme && is_host && (any_port || url.port() == port))
}

/// Whether the host is an address or has the labels of a domain name. The URL Standard allows more.
fn is_name_or_address(host: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_legal);
    host.starts_with('[') || host.len() <= 253 && host.split('.').all(is_label)
}
