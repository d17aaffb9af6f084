//! The exact header values.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::context::quota::Quota;
use crate::rate_limit::{Key, Limit, RateLimit, RateLimitBuilder};

const NOW: u64 = 1_700_000_000_000_000;

fn limiter(limits: &[(&str, u32, u64)]) -> RateLimitBuilder {
    limits.iter().fold(RateLimit::builder().key(Key::global()), |builder, (name, units, millis)| {
        builder.add_limit(Limit::new(*name, Quota::per(*units, Duration::from_millis(*millis)).unwrap()))
    })
}

/// Returns these headers after the ones for limits with so many units remaining and so many seconds until the reset are
/// added.
fn written(builder: RateLimitBuilder, left: &[(u32, u32)], now: u64, mut headers: HeaderMap) -> HeaderMap {
    let policy = Arc::clone(&builder.build().unwrap().0);
    let snapshot = |(rule_index, (remaining, reset)): (u8, &(u32, u32))| LimitSnapshot {
        limit: 0,
        remaining: *remaining,
        more: *reset,
        reset: *reset,
        rule_index,
        quota_index: 0,
        subject: 0,
    };
    let snapshots: Vec<_> = (0..).zip(left).map(snapshot).collect();
    policy.headers.write(&policy.rules, &snapshots, now, &mut headers);
    headers
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn legacy(headers: &HeaderMap) -> [Vec<&str>; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| all(headers, name))
}

const THREE: [(&str, u32, u64); 3] = [("a", 100, 60_000), ("b", 50, 1_000), ("c", 7, 3_600_000)];

#[test]
fn the_reset_is_a_time_or_a_number_of_seconds() {
    let left = [(99, 60)];
    for (now, reset) in [(NOW, "1700000060"), (NOW + 1, "1700000061"), (NOW + 1_000_000, "1700000061")] {
        let headers = written(limiter(&THREE[..1]), &left, now, HeaderMap::new());
        assert_eq!(legacy(&headers), [["100"], ["99"], [reset]]);
    }
    let headers = written(limiter(&THREE[..1]).reset_format(ResetFormat::Delta), &left, NOW + 1, HeaderMap::new());
    assert_eq!(legacy(&headers), [["100"], ["99"], ["60"]]);
}

#[test]
fn legacy_headers_report_the_limit_with_the_fewest_units_remaining() {
    for (left, expected) in [
        ([(9, 1), (5, 1), (7, 1)], ["50", "5", "1"]),
        ([(0, 1), (5, 1), (7, 1)], ["100", "0", "1"]),
        // If two have equally many left, the one with the longer reset; then the first.
        ([(5, 3), (5, 8), (5, 4)], ["50", "5", "8"]),
        ([(5, 8), (6, 9), (5, 8)], ["100", "5", "8"]),
    ] {
        let headers = written(limiter(&THREE).reset_format(ResetFormat::Delta), &left, NOW, HeaderMap::new());
        assert_eq!(legacy(&headers), expected.map(|value| [value]), "{left:?}");
    }
}

#[test]
fn the_tighter_of_two_layers_is_reported() {
    for (inner, is_kept) in
        [("0", true), ("4", true), ("5", true), ("6", false), ("-1", false), ("many", false), ("4294967296", false)]
    {
        let mut headers = HeaderMap::new();
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            headers.insert(name, HeaderValue::from_static(inner));
        }
        let headers = written(limiter(&THREE[..1]).reset_format(ResetFormat::Delta), &[(5, 9)], NOW, headers);
        let expected = if is_kept { [inner; 3] } else { ["100", "5", "9"] };
        assert_eq!(legacy(&headers), expected.map(|value| [value]), "beside {inner}");
    }
}

#[test]
fn ietf_draft_headers_report_every_limit() {
    let left = [(50, 30), (0, 1), (7, 0)];
    let headers = written(limiter(&THREE).ietf_draft_headers(), &left, NOW, HeaderMap::new());
    assert_eq!(all(&headers, "ratelimit-policy"), [r#""a";q=100;w=60"#, r#""b";q=50;w=1"#, r#""c";q=7;w=3600"#]);
    assert_eq!(all(&headers, "ratelimit"), [r#""a";r=50;t=30"#, r#""b";r=0;t=1"#, r#""c";r=7;t=0"#]);
    assert_eq!(legacy(&headers)[1], ["0"]);
}

#[test]
fn ietf_draft_headers_of_an_inner_layer_are_kept() {
    let mut headers = HeaderMap::new();
    headers.insert("ratelimit", HeaderValue::from_static(r#""inner";r=1;t=1"#));
    headers.insert("ratelimit-policy", HeaderValue::from_static(r#""inner";q=2"#));
    let headers = written(limiter(&THREE[..1]).ietf_draft_headers(), &[(5, 9)], NOW, headers);
    assert_eq!(all(&headers, "ratelimit"), [r#""inner";r=1;t=1"#, r#""a";r=5;t=9"#]);
    assert_eq!(all(&headers, "ratelimit-policy"), [r#""inner";q=2"#, r#""a";q=100;w=60"#]);
}

#[test]
fn a_window_shorter_than_a_second_is_omitted() {
    for (millis, policy) in [(1, r#""a";q=5"#), (999, r#""a";q=5"#), (1_000, r#""a";q=5;w=1"#)] {
        let headers = written(limiter(&[("a", 5, millis)]).ietf_draft_headers(), &[(5, 0)], NOW, HeaderMap::new());
        assert_eq!(all(&headers, "ratelimit-policy"), [policy], "{millis} ms");
    }
}

#[test]
fn the_largest_numbers_fit() {
    let headers = written(
        limiter(&[("a", u32::MAX, 1_000)]).ietf_draft_headers(),
        &[(u32::MAX, u32::MAX)],
        u64::MAX,
        HeaderMap::new(),
    );
    assert_eq!(legacy(&headers), [["4294967295"], ["4294967295"], ["18451039041005"]]);
    assert_eq!(all(&headers, "ratelimit"), [r#""a";r=4294967295;t=4294967295"#]);
}

#[test]
fn only_the_configured_headers_are_sent() {
    let names = |builder| {
        let headers = written(builder, &[(5, 9)], NOW, HeaderMap::new());
        let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    let one = || limiter(&THREE[..1]);
    assert_eq!(names(one()), "x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset");
    assert_eq!(names(one().without_legacy_headers()), "");
    assert_eq!(names(one().without_legacy_headers().ietf_draft_headers()), "ratelimit ratelimit-policy");
}

#[test]
fn no_headers_are_sent_if_nothing_was_counted() {
    assert!(written(limiter(&THREE).ietf_draft_headers(), &[], NOW, HeaderMap::new()).is_empty());
}

#[test]
fn names_are_quoted_as_structured_field_strings() {
    for (name, string) in [
        ("default", r#""default""#),
        (r#"a"b"#, r#""a\"b""#),
        (r"a\b", r#""a\\b""#),
        (r#"\""#, r#""\\\"""#),
        ("a, b;c=d", r#""a, b;c=d""#),
    ] {
        assert_eq!(quoted(name), string);
        let headers = written(limiter(&[(name, 5, 1_000)]).ietf_draft_headers(), &[(1, 2)], NOW, HeaderMap::new());
        assert_eq!(all(&headers, "ratelimit"), [format!("{string};r=1;t=2")]);
        assert_eq!(all(&headers, "ratelimit-policy"), [format!("{string};q=5;w=1")]);
    }
}

#[test]
fn two_numbers_are_written_in_decimal() {
    let numbers = [0, 1, 9, 10, 42, 99, 100, 101, 999, 1_000, 65_535, 4_294_967_295, 10_000_000_000, u64::MAX];
    for second in numbers {
        let first = second as u32;
        let (first_value, second_value) = decimal_values(first, second).unwrap();
        assert_eq!((first_value, second_value), (HeaderValue::from(first), HeaderValue::from(second)));
    }
}
