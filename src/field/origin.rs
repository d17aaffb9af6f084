//! Web origins in their serialised form (RFC 6454 §6.2, Fetch "serialising an origin").

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a text is no serialised origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum OriginFault {
    DefaultPort,
    Fragment,
    Host,
    MissingScheme,
    Null,
    Path,
    Port,
    Query,
    /// Neither `http` nor `https`.
    Scheme,
    TooLong,
    TrailingSlash,
    UpperCase,
    Userinfo,
}

impl OriginFault {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::DefaultPort => "the port is the scheme's default, which browsers leave out",
            Self::Fragment => "an origin has no fragment",
            Self::Host => "the host is neither a domain name nor an IP address in canonical form",
            Self::MissingScheme => "the scheme is missing, as in https://example.com",
            Self::Null => "null stands for any opaque origin, a sandboxed frame's among them",
            Self::Path => "an origin has no path",
            Self::Port => "the port is not a number from 1 to 65535 without leading zeros",
            Self::Query => "an origin has no query",
            Self::Scheme => "the scheme is neither http nor https",
            Self::TooLong => "an origin is at most 326 bytes long",
            Self::TrailingSlash => "an origin has no trailing slash",
            Self::UpperCase => "scheme and host are written in lower case",
            Self::Userinfo => "a user name or password before the host is not allowed",
        }
    }
}

impl OriginFault {
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Null => "name the origin of the page",
            Self::UpperCase => "write it in lower case, as browsers send it",
            Self::DefaultPort | Self::Fragment | Self::Path | Self::Query | Self::TrailingSlash | Self::Userinfo => {
                "leave it out, as browsers do"
            }
            _ => "write it as browsers send it, as https://app.example.com or http://localhost:5173",
        }
    }
}

/// An `http` or `https` origin, byte for byte as browsers send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    text: &'a str,
    is_https: bool,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Exactly an origin, nothing more.
    ///
    /// # Errors
    ///
    /// The first [`OriginFault`] found.
    pub(crate) fn parse(text: &'a str) -> Result<Self, OriginFault> {
        if text.len() > MAX_LEN {
            return Err(OriginFault::TooLong);
        }
        let (origin, rest) = Self::of_url(text)?;
        if origin.text.len() + rest.len() < text.len() {
            return Err(OriginFault::DefaultPort);
        }
        match rest.as_bytes() {
            [] => Ok(origin),
            [b'/'] => Err(OriginFault::TrailingSlash),
            [b'?', ..] => Err(OriginFault::Query),
            [b'#', ..] => Err(OriginFault::Fragment),
            _ => Err(OriginFault::Path),
        }
    }

    /// The origin of an absolute URL, and what follows it unjudged: empty, or from a `/`, `?` or `#` on.
    ///
    /// A default port is left out of the origin, as browsers leave it out.
    ///
    /// # Errors
    ///
    /// The first [`OriginFault`] found before the path.
    pub(crate) fn of_url(url: &'a str) -> Result<(Self, &'a str), OriginFault> {
        if url == "null" {
            return Err(OriginFault::Null);
        }
        let (scheme, after) = url.split_once("://").ok_or(OriginFault::MissingScheme)?;
        let is_https = is_https(scheme)?;
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        if url.len() - rest.len() > MAX_LEN {
            return Err(OriginFault::TooLong);
        }
        if authority.contains('@') {
            return Err(OriginFault::Userinfo);
        }
        let (host, port) = split_port(authority)?;
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(OriginFault::UpperCase);
        }
        if !is_host(host) {
            return Err(OriginFault::Host);
        }
        let port = port.map(|digits| number(digits).ok_or(OriginFault::Port));
        let default = if is_https { 443 } else { 80 };
        let port = port.transpose()?.filter(|&port| port != default);
        let shown = if port.is_some() { end } else { host.len() };
        let text = url.get(..url.len() - after.len() + shown).ok_or(OriginFault::Host)?;
        let origin = Self { text, is_https, host, port };
        Ok((origin, rest))
    }

    /// The serialised origin.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// As it is written, an IPv6 address in its brackets.
    pub(crate) fn host(&self) -> &'a str {
        self.host
    }

    /// `None` where it is the scheme's default.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Scheme and host.
    pub(crate) fn without_port(&self) -> &'a str {
        let scheme = if self.is_https { "https://" } else { "http://" };
        self.text.get(..scheme.len() + self.host.len()).unwrap_or(self.text)
    }

    /// Whether the host is an IP address.
    pub(crate) fn is_address(&self) -> bool {
        self.host.starts_with('[') || self.host.parse::<Ipv4Addr>().is_ok()
    }

    /// Whether the host is [loopback](is_loopback).
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.host)
    }
}

/// Whether an authority, as a `Host` field has it, is of a [loopback](is_loopback) host.
pub(crate) fn is_loopback_authority(authority: &str) -> bool {
    let host = split_port(authority).map(|(host, _)| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase());
    host.is_ok_and(|host| is_loopback(&host))
}

/// 127.0.0.0/8, `[::1]`, `localhost` or a name under it, which browsers never resolve elsewhere (W3C Secure Contexts §3.1).
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
}

fn is_https(scheme: &str) -> Result<bool, OriginFault> {
    // `example.com/?to=http://…` has a `://`, but no scheme before it (RFC 3986 §3.1).
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    match scheme {
        _ if !is_scheme => Err(OriginFault::MissingScheme),
        "https" => Ok(true),
        "http" => Ok(false),
        _ if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => Err(OriginFault::UpperCase),
        _ => Err(OriginFault::Scheme),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginFault> {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    let (brackets, tail) = authority.split_at_checked(after_brackets).ok_or(OriginFault::Host)?;
    match tail.rsplit_once(':') {
        Some((name, port)) => {
            let host = authority.get(..brackets.len() + name.len());
            Ok((host.ok_or(OriginFault::Host)?, Some(port)))
        }
        None => Ok((authority, None)),
    }
}

fn number(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    is_plain.then(|| digits.parse().ok()).flatten()
}

fn is_host(host: &str) -> bool {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.strip_suffix(']').is_some_and(is_ipv6);
    }
    let is_label = |label: &str| {
        let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        (1..=MAX_LABEL_LEN).contains(&label.len()) && label.bytes().all(is_legal)
    };
    let last = host.rsplit('.').next().unwrap_or(host);
    if is_numeric(last) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= MAX_HOST_LEN && host.split('.').all(is_label)
}

/// A host that ends so is an IPv4 address or nothing, `0x7f.1` too (URL Standard §3.5, "ends in a number").
fn is_numeric(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Whether `text` is an address as the URL Standard §3.5 serialises it: as std does, but never with a dotted tail.
fn is_ipv6(text: &str) -> bool {
    let Ok(ip) = text.parse::<Ipv6Addr>() else {
        return false;
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => text == format!("::ffff:{high:x}:{low:x}"),
        _ => text == ip.to_string(),
    }
}

/// A domain name and a label of it in text (RFC 1035 §2.3.4).
const MAX_HOST_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// The longest origin of any scheme: 64 bytes of scheme, `://`, the longest host, `:65535`.
pub(crate) const MAX_LEN: usize = 64 + 3 + MAX_HOST_LEN + 6;

#[cfg(test)]
mod tests;
