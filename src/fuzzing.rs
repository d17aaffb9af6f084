//! Doors for the fuzzer (`--cfg fuzzing`) to the private parsers; each panics where an invariant is broken.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::field::bearer::{Bearer, BearerError};
use crate::field::challenge::{Challenge, is_quotable};
use crate::field::cookie::{DuplicateCookie, cookie as read_cookie, is_cookie_name};
use crate::field::forwarded::{canonical, forwarded_for, x_forwarded_for};
use crate::field::origin::Origin;
use crate::jwt::fuzzing as jwt;

/// `Authorization` lines: a token is all that stands after the scheme, and no `Bearer` line is taken for another scheme.
pub fn bearer(data: &[u8]) {
    let Some(headers) = headers(&AUTHORIZATION, data) else { return };
    let lines: Vec<&[u8]> = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
    match (Bearer::from_headers(&headers).and_then(|bearer| bearer.map(Bearer::token).transpose()), lines.as_slice()) {
        (Ok(Some(token)), [line]) => {
            let body = token.trim_end_matches('=');
            let is_legal = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
            assert!(!body.is_empty() && body.chars().all(is_legal), "no token68");
            let before = line.strip_suffix(token.as_bytes()).expect("a token ends its line");
            let scheme = before.strip_suffix(b" ").expect("a space before a token");
            assert!(scheme.trim_ascii_end().eq_ignore_ascii_case(b"Bearer") && !scheme.contains(&b'\t'));
        }
        (Ok(None), [line]) => {
            let word = line.trim_ascii_start().split(|byte| b" \t,=\"".contains(byte)).next();
            assert!(word.is_none_or(|word| !word.eq_ignore_ascii_case(b"Bearer")), "a Bearer line passed over");
        }
        (Ok(token), _) => assert!(token.is_none() && lines.is_empty(), "one of several lines was chosen"),
        (Err(fault), _) => assert!(fault == BearerError::Repeated || lines.len() == 1),
    }
}

/// Realm, error code, description and scopes, a line each: the challenge is of RFC 6750 §3's bytes and parameters.
pub fn challenge(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (realm, code, description) = (line(), line(), line());
    let scopes: Vec<&str> = lines.collect();
    let header =
        Challenge::bearer(realm).error(code, description).scope(scopes.iter().copied()).error("x", "y").into_header();
    let shown = header.to_str().expect("a challenge is visible ASCII");
    // No value holds a quote, so quotes alone tell names from values.
    let parts: Vec<&str> = shown.split('"').collect();
    let names: Vec<&str> = parts.iter().step_by(2).copied().collect();
    let values: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
    let mut expected = vec!["Bearer realm=", ", error="];
    expected.extend((!description.is_empty()).then_some(", error_description="));
    let is_scope_token = |scope: &&str| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && is_value(b));
    let scopes: Vec<&str> = scopes.into_iter().filter(is_scope_token).collect();
    expected.extend((!scopes.is_empty()).then_some(", scope="));
    expected.push("");
    assert_eq!(names, expected, "a parameter is missing, repeated or smuggled in");
    assert!(values.iter().all(|value| value.bytes().all(is_value)), "a byte that RFC 6750 §3 does not allow");
    assert!(!is_quotable(realm) || values[0] == realm, "a realm in order was altered");
    assert!(scopes.is_empty() || values.last() == Some(&scopes.join(" ").as_str()), "scopes were altered");
}

/// A token, or the text of a header.
pub fn token(data: &[u8]) {
    jwt::token(data);
}

/// A URL; gives its origin, which is a prefix of it and reads as itself.
#[must_use]
pub fn origin(data: &[u8]) -> Option<&str> {
    let url = std::str::from_utf8(data).ok()?;
    let (origin, rest) = Origin::of_url(url).ok()?;
    let text = origin.text();
    let port = url.strip_prefix(text).and_then(|after| after.strip_suffix(rest)).expect("origin, port, rest");
    assert!(["", if origin.is_https() { ":443" } else { ":80" }].contains(&port), "more than a default port left out");
    assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']));
    assert_eq!(origin.is_https(), text.starts_with("https://"));
    assert_eq!(Origin::of_url(text), Ok((origin, "")));
    Some(text)
}

/// Forwarding lines: hops are bounded and canonical, and nothing in them displaces the hop that a proxy adds.
pub fn forwarded(data: &[u8]) {
    let added = Some(IpAddr::from([192, 0, 2, 1]));
    let last = data.split(|byte| *byte == b'\n').next_back().unwrap_or_default();
    for (name, entry) in [(HeaderName::from_static("x-forwarded-for"), "192.0.2.1"), (FORWARDED, "for=192.0.2.1")] {
        let Some(mut headers) = headers(&name, data) else { return };
        let is_plain = name != FORWARDED;
        let read = |headers: &HeaderMap| -> Vec<_> {
            if is_plain { x_forwarded_for(headers).collect() } else { forwarded_for(headers).collect() }
        };
        let hops = read(&headers);
        assert!(hops.len() <= MAX_HOPS, "more hops than the bound");
        assert!(hops.iter().flatten().all(|ip| canonical(*ip) == *ip));

        let joined = HeaderValue::from_bytes(&[last, b", ", entry.as_bytes()].concat()).expect("lines in order");
        let nearest = read(&HeaderMap::from_iter([(name.clone(), joined)]))[0];
        // An unsound quote makes the line unreadable, which ends the walk.
        let is_unreadable = nearest.is_none() && !is_plain && last.contains(&b'"');
        assert!(is_unreadable || nearest == added, "the hop at the line's end displaced");

        headers.append(&name, HeaderValue::from_static(entry));
        let more = read(&headers);
        assert_eq!(more[0], added, "the hop of the last line displaced");
        assert_eq!(more[1..], hops[..hops.len().min(MAX_HOPS - 1)]);
    }
}

/// A cookie's name, then `Cookie` lines: a value is visible, stands once, and is found wherever it was added.
pub fn cookie(data: &[u8]) {
    let (name, lines) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_cookie_name(name)) else { return };
    let Some(mut headers) = headers(&COOKIE, lines.strip_prefix(b"\n").unwrap_or_default()) else { return };
    let start = format!("{name}=");
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let count = pairs.filter(|pair| pair.trim_ascii().starts_with(start.as_bytes())).count();
    let found = read_cookie(&headers, name).map(|value| value.map(str::to_owned));
    match &found {
        Ok(Some(value)) => assert!(count == 1 && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')),
        Ok(None) => assert_eq!(count, 0, "a cookie passed over"),
        Err(DuplicateCookie) => assert!(count > 1),
    }
    let own = HeaderValue::from_str(&format!("{start}own")).expect("a cookie's name is visible ASCII");
    headers.append(COOKIE, own);
    let expected = if count == 0 { Ok(Some("own")) } else { Err(DuplicateCookie) };
    assert_eq!(read_cookie(&headers, name), expected);
}

/// A JWK Set.
pub fn jwks(data: &[u8]) {
    jwt::jwks(data);
}

/// A payload.
pub fn claims(data: &[u8]) {
    jwt::claims(data);
}

/// A field of as many lines as `data` has; `None` where one is nothing a server hands on.
fn headers(name: &HeaderName, data: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if data.is_empty() {
        return Some(headers);
    }
    for line in data.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// %x20-21 / %x23-5B / %x5D-7E (RFC 6750 §3).
fn is_value(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

const MAX_HOPS: usize = 64;
