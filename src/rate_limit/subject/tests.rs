//! Subjects are encoded without collisions, and the same in every build.

use std::collections::BTreeSet;

use super::*;

fn encoded(subject: &Subject<'_>, prefix: u8, by_route: bool) -> Vec<u64> {
    let mut words = Vec::new();
    subject.encode(prefix, by_route, |word| words.push(word));
    words
}

fn encoded_address(ip: &str) -> Vec<u64> {
    encoded(&Subject::address(ip.parse().unwrap()), 64, false)
}

#[test]
fn no_two_subjects_have_the_same_encoding() {
    let subjects = [
        Subject::user(None, "a"),
        Subject::user(Some(""), "a"),
        Subject::user(Some("a"), "b"),
        Subject::user(Some("ab"), ""),
        Subject::user(Some(""), "ab"),
        Subject::address("192.0.2.1".parse().unwrap()),
        Subject::address("2001:db8::1".parse().unwrap()),
        Subject::api_key(b"a"),
        Subject::tenant("a"),
        Subject::user_tenant(None, "a"),
        Subject::user_tenant(Some("a"), "b"),
        Subject::custom("a"),
        Subject::custom("a").on_route("/b"),
        Subject::custom("a/b"),
        Subject::custom("a\0"),
        Subject::custom(""),
        Subject::custom("").on_route("a"),
        Subject::custom("").on_route("a\0"),
        Subject::custom("\x01\0\0\0\0\0\0\0"),
        Subject::user(Some("eight by"), "a"),
        Subject::user(None, "eight by").on_route("u\x01\0\0\0\0\0\0a"),
        Subject::global(),
    ];
    let all: BTreeSet<_> = subjects.iter().map(|subject| encoded(subject, 64, true)).collect();
    assert_eq!(all.len(), subjects.len());
}

#[test]
fn ipv6_addresses_count_by_network_and_mapped_ones_as_ipv4() {
    assert_eq!(encoded_address("2001:db8::1"), encoded_address("2001:db8::ffff:0:0:2"));
    assert_ne!(encoded_address("2001:db8::1"), encoded_address("2001:db8:0:1::1"));
    assert_eq!(encoded_address("::ffff:192.0.2.1"), encoded_address("192.0.2.1"));
    assert_ne!(encoded_address("192.0.2.1"), encoded_address("192.0.2.2"));
    let two = ["2001:db8::1", "2001:db8::2"].map(|ip| Subject::address(ip.parse().unwrap()));
    assert_eq!(encoded(&two[0], 64, false), encoded(&two[1], 64, false));
    assert_ne!(encoded(&two[0], 128, false), encoded(&two[1], 128, false));
    assert_eq!(encoded(&two[0], 0, false), encoded(&Subject::address("ff::".parse().unwrap()), 0, false));
}

#[test]
fn routes_count_only_for_limits_by_route() {
    let (here, there) = (Subject::custom("a").on_route("/b"), Subject::custom("a").on_route("/c"));
    assert_eq!(encoded(&here, 64, false), encoded(&there, 64, false));
    assert_ne!(encoded(&here, 64, true), encoded(&there, 64, true));
}

#[cfg(feature = "redis")]
#[test]
fn the_digest_distinguishes_what_the_encoding_does() {
    let digest = |subject: &Subject<'_>, by_route| subject.digest(64, by_route);
    let here = Subject::custom("a").on_route("/b");
    let there = Subject::custom("a").on_route("/c");
    assert_eq!(digest(&here, false), digest(&there, false));
    assert_ne!(digest(&here, true), digest(&there, true));
    assert_ne!(digest(&Subject::custom("a"), false), digest(&Subject::tenant("a"), false));
}

#[cfg(feature = "redis")]
#[test]
fn the_digest_is_the_same_in_every_build() {
    let ip = |ip: &str| Subject::address(ip.parse().unwrap());
    for (subject, expected) in [
        (Subject::user(Some("https://auth.example.com"), "ann"), "0f58e24771106c977e4aeeaab1365e01"),
        (Subject::user(None, "ann"), "9dc5d24269c3fc80519b0fcec88634f0"),
        (ip("192.0.2.1"), "87b98daf38fadbf0299d7d7038cfcd42"),
        (ip("2001:db8::1"), "42038ffe6fd0c4adca3576f51a8a40d9"),
        (Subject::api_key(b"secret"), "d74674c682c54f2dbf400f41ed60a971"),
        (Subject::tenant("acme").on_route("/reports/{id}"), "ed8847d8e9c7839b3369ad9fd4d5f905"),
        (Subject::user_tenant(Some("https://auth.example.com"), "acme"), "0270508f5614243f1b1be95123829683"),
        (Subject::global(), "ed049108bc18f2c64369e8d0ea42850b"),
        (Subject::custom("x"), "a90043b73ca20b7d07bfb650e4154e8d"),
    ] {
        assert_eq!(format!("{:032x}", subject.digest(64, true)), expected, "{subject:?}");
    }
}

#[test]
fn debug_output_does_not_show_an_api_key() {
    assert!(!format!("{:?}", Subject::api_key(b"hunter2")).contains("hunter2"));
}
