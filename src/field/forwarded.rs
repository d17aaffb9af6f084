//! The hops of a forwarded request: `Forwarded` (RFC 7239), `X-Forwarded-For` and `X-Forwarded-Proto`.
//!
//! The parsers are our own because they read from the right, stop at a bound, and report a malformed entry instead of
//! skipping it. A skipped entry would let a client choose the address that it appears to have.
//!
//! Each proxy appends what it knows about the connection from which it received the request. So the entries on the
//! right are from the proxies closest to the app, and those on the left may be from the client itself. These functions
//! only read the entries. How far they can be trusted is decided by `TrustedProxies`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use super::token::is_token;

/// Returns the addresses of `X-Forwarded-For` from the right, at most 64; `None` for an entry that is not an address.
///
/// Several header lines are one list (RFC 9110 §5.3), so the last line is read first. Nothing is allocated.
pub(crate) fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(|entry| address(entry.trim_ascii()))
        .take(MAX_HOPS)
}

/// Converts an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) to IPv4.
///
/// A server that listens on `[::]` sees IPv4 peers in mapped form. Without the conversion, they would match no IPv4
/// network, and one client would have two addresses.
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Returns the elements of `Forwarded` from the right, at most 64; `None` for an element that is malformed, or whose
/// `for` parameter is missing or not an address.
///
/// A header line with malformed quoting counts as one such element, because it is unclear where its elements end.
pub(crate) fn forwarded_hops(headers: &HeaderMap) -> impl Iterator<Item = Option<Hop>> {
    headers.get_all(FORWARDED).iter().rev().flat_map(|line| hops(line.as_bytes()).into_iter().rev()).take(MAX_HOPS)
}

/// Whether the last value of `X-Forwarded-Proto` is `https`.
///
/// The last value is from the proxy closest to the app. Unlike `Forwarded`, the header does not say which hop a value
/// belongs to, so the values further left cannot be assigned to the client.
pub(crate) fn is_x_forwarded_https(headers: &HeaderMap) -> bool {
    let last_line = headers.get_all(X_FORWARDED_PROTO).iter().next_back();
    let last = last_line.and_then(|line| line.as_bytes().rsplit(|&byte| byte == b',').next());
    last.is_some_and(|scheme| scheme.trim_ascii().eq_ignore_ascii_case(b"https"))
}

/// One element of `Forwarded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    /// The sender of the request that the proxy received.
    pub(crate) address: IpAddr,
    /// Whether that request used https, according to the `proto` parameter (RFC 7239 §5.4).
    pub(crate) is_https: bool,
}

/// The last elements of a header line, in the order of the line.
///
/// Quotes can only be matched from the left, so a line is split as a whole, and only the last elements are parsed.
fn hops(line: &[u8]) -> Vec<Option<Hop>> {
    if !has_valid_quoting(line) {
        return vec![None];
    }
    let excess = split(line, b',').count().saturating_sub(MAX_HOPS);
    split(line, b',').skip(excess).map(hop).collect()
}

/// Parses one element: `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )` (RFC 7239 §4).
///
/// Other parameters than `for` and `proto` are ignored, but each must have a name. An obfuscated or unknown node, such
/// as `_hidden`, is not an address, so the element is `None` (RFC 7239 §6.2, §6.3).
fn hop(element: &[u8]) -> Option<Hop> {
    let mut node = None;
    let mut scheme = None;
    for pair in split(element, b';').map(<[u8]>::trim_ascii) {
        // `[ forwarded-pair ]`: RFC 7239 §4 allows an empty one.
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

/// Parses an address with or without a port (RFC 7239 §6).
///
/// An IPv6 address without brackets or quotes is accepted, because many proxies write it like this. A zone id is not:
/// it has a meaning only on the host that wrote it.
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
    // The port is only checked for its syntax. Behind NAT it may be anything.
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then(|| canonical(ip))
}

/// The content of a quoted-string with valid quoting, or `value` unchanged if it is not quoted (RFC 9110 §5.6.4).
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = value else {
        return Cow::Borrowed(value);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut is_escape = false;
    let plain = inner.iter().copied().filter(|&byte| {
        is_escape = byte == b'\\' && !is_escape;
        !is_escape
    });
    Cow::Owned(plain.collect())
}

/// Whether every quote in the line opens where a value starts and is closed.
fn has_valid_quoting(line: &[u8]) -> bool {
    let end = line.iter().try_fold(State::Bare, |state, &byte| state.after(byte));
    !matches!(end, None | Some(State::Quoted | State::Escaped))
}

/// Splits a text with valid quoting at each `separator` outside quotes.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = State::Bare;
    text.split(move |&byte| {
        state = state.after(byte).unwrap_or(State::Bare);
        byte == separator && state == State::Bare
    })
}

/// The state of the reader of a `Forwarded` line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside quotes.
    Bare,
    /// After an equals sign, where a quoted-string may start.
    Equals,
    /// Inside quotes.
    Quoted,
    /// After a backslash inside quotes.
    Escaped,
    /// After the closing quote.
    Closed,
}

impl State {
    /// The state after a byte; `None` if a quote opens inside a token, or if anything but whitespace or a separator
    /// follows a closing quote.
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
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// More proxies than any real chain has, and few enough that a caller who sends thousands of entries causes no work.
pub(crate) const MAX_HOPS: usize = 64;

#[cfg(test)]
mod tests;
