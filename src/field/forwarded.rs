//! The hops of a forwarded request, nearest proxy first (RFC 7239, and `X-Forwarded-For` as it is used).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use super::token::is_token;

/// The hops of `X-Forwarded-For` from the right; `None` for an entry that is no address.
pub(crate) fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(|entry| address(entry.trim_ascii()))
        .take(MAX_HOPS)
}

/// The hops of `Forwarded` from the right; `None` for an element whose `for=` is missing or no address.
///
/// A line whose quoting is malformed counts as one such element: where its elements end is anyone's guess.
pub(crate) fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    forwarded_hops(headers).map(|hop| hop.map(|hop| hop.address))
}

/// A v4-mapped IPv6 address (RFC 4291 §2.5.5.2) as the IPv4 address that it is.
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// The hops of `Forwarded` from the right, each with whether it came by https as its proxy says (`proto`, RFC 7239 §5.4).
pub(crate) fn forwarded_hops(headers: &HeaderMap) -> impl Iterator<Item = Option<Hop>> {
    headers.get_all(FORWARDED).iter().rev().flat_map(|line| hops(line.as_bytes()).into_iter().rev()).take(MAX_HOPS)
}

/// Whether the last proxy says in `X-Forwarded-Proto` that it was reached by https.
pub(crate) fn is_x_forwarded_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all(X_FORWARDED_PROTO).iter().next_back();
    let last = last.and_then(|line| line.as_bytes().rsplit(|&byte| byte == b',').next());
    last.is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"https"))
}

/// One element of `Forwarded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) address: IpAddr,
    pub(crate) is_https: bool,
}

/// The last hops of a line, in the order of the line.
fn hops(line: &[u8]) -> Vec<Option<Hop>> {
    if !is_quoting_sound(line) {
        return vec![None];
    }
    let beyond = split(line, b',').count().saturating_sub(MAX_HOPS);
    split(line, b',').skip(beyond).map(hop).collect()
}

fn hop(element: &[u8]) -> Option<Hop> {
    let (mut node, mut scheme) = (None, None);
    for pair in split(element, b';').map(<[u8]>::trim_ascii) {
        // `[ forwarded-pair ]`: RFC 7239 §4 lets it be empty.
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_at_checked(pair.iter().position(|&byte| byte == b'=')?)?;
        if !is_token(name) {
            return None;
        }
        let value = value.strip_prefix(b"=")?;
        // "Each parameter MUST NOT occur more than once" (RFC 7239 §4).
        let is_repeated = name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some()
            || name.eq_ignore_ascii_case(b"proto") && scheme.replace(value).is_some();
        if is_repeated {
            return None;
        }
    }
    let is_https = scheme.is_some_and(|scheme| unquoted(scheme).eq_ignore_ascii_case(b"https"));
    address(&unquoted(node?)).map(|address| Hop { address, is_https })
}

/// An address with or without port (RFC 7239 §6). A bare or unquoted IPv6 is taken too, as many
/// proxies write it; a zone id is not, for it means something only on the host that wrote it.
fn address(node: &[u8]) -> Option<IpAddr> {
    let node = std::str::from_utf8(node).ok()?;
    if let Ok(ip) = node.parse() {
        return Some(canonical(ip));
    }
    let (ip, port): (IpAddr, _) = match node.strip_prefix('[') {
        Some(bracketed) => {
            let (ip, port) = bracketed.split_once(']')?;
            let ip: Ipv6Addr = ip.parse().ok()?;
            if port.is_empty() {
                return Some(canonical(ip.into()));
            }
            (ip.into(), port.strip_prefix(':')?)
        }
        None => {
            let (ip, port) = node.split_once(':')?;
            (ip.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then(|| canonical(ip))
}

/// The content of a quoted-string whose quoting is sound, or `value` as it is (RFC 9110 §5.6.4).
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = value else {
        return Cow::Borrowed(value);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut escaped = false;
    let plain = inner.iter().copied().filter(|&byte| {
        escaped = byte == b'\\' && !escaped;
        !escaped
    });
    Cow::Owned(plain.collect())
}

fn is_quoting_sound(line: &[u8]) -> bool {
    let end = line.iter().try_fold(Place::Bare, |place, &byte| place.after(byte));
    !matches!(end, None | Some(Place::Quoted | Place::Escaped))
}

/// Splits a text of sound quoting at each `separator` that is outside quotes.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut place = Place::Bare;
    text.split(move |&byte| {
        place = place.after(byte).unwrap_or(Place::Bare);
        byte == separator && place == Place::Bare
    })
}

/// Where in a `Forwarded` line the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Bare,
    Equals,
    Quoted,
    Escaped,
    Closed,
}

impl Place {
    /// `None` where a quote opens in the midst of a token, or something is glued to a closed one.
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::Quoted, b'"') | (Self::Closed, b' ' | b'\t') => Some(Self::Closed),
            (Self::Quoted | Self::Escaped, _) | (Self::Equals, b'"') => Some(Self::Quoted),
            (_, b',' | b';') => Some(Self::Bare),
            (Self::Closed, _) | (_, b'"') => None,
            (_, b'=') => Some(Self::Equals),
            (Self::Bare | Self::Equals, _) => Some(Self::Bare),
        }
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// More proxies than any chain has; a caller who sends thousands of entries buys no work with them.
const MAX_HOPS: usize = 64;

#[cfg(test)]
mod tests;
