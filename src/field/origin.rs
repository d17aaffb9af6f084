//! Web origins as browsers serialize them (RFC 6454 §6.2, Fetch "serializing an origin").
//!
//! The parser is our own because a URL parser accepts and normalizes what must be rejected here: an upper-case host, a
//! default port, a path. A set of origins compares bytes, so an entry that is not written as browsers send it would
//! never match, and the app would look for the mistake elsewhere.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a text is not a serialized origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum OriginError {
    /// The host of an app's scheme, such as `app://…`, has other characters than those of a name.
    AppHost,
    DefaultPort,
    Fragment,
    Host,
    MissingScheme,
    Null,
    /// The pages of the scheme have no origin of their own, as those of `file:` and `data:`.
    Opaque,
    Path,
    Port,
    Query,
    /// The scheme is neither `http` nor `https`, where no other is allowed, or has no pages.
    Scheme,
    TooLong,
    TrailingSlash,
    UpperCase,
    Userinfo,
}

impl OriginError {
    /// Returns the reason for a `ConfigIssue`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::AppHost => "the host has other characters than lower-case letters, digits, dots and hyphens",
            Self::DefaultPort => "the port is the scheme's default, which browsers omit",
            Self::Fragment => "an origin has no fragment",
            Self::Host => "the host is neither a domain name nor an IP address in canonical form",
            Self::MissingScheme => "the scheme is missing, as in https://example.com",
            Self::Null => "null matches every opaque origin, such as that of any sandboxed frame",
            Self::Opaque => "the scheme identifies no page: browsers send null, or the same origin for every file",
            Self::Path => "an origin has no path",
            Self::Port => "the port is not a number from 1 to 65535 without leading zeros",
            Self::Query => "an origin has no query",
            Self::Scheme => "the scheme is neither http nor https",
            Self::TooLong => "an origin is at most 326 bytes long",
            Self::TrailingSlash => "an origin has no trailing slash",
            Self::UpperCase => "the scheme or host has upper-case letters",
            Self::Userinfo => "an origin has no user name or password",
        }
    }

    /// Returns the remedy for a `ConfigIssue`.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Null => "name the origin of the page",
            Self::AppHost => "write it as the web view sends it, such as tauri://localhost or app://example",
            Self::Opaque => "serve the page over https, or from a scheme of the app's own, such as app://example",
            Self::UpperCase => "write it in lower case, as browsers send it",
            Self::DefaultPort | Self::Fragment | Self::Path | Self::Query | Self::TrailingSlash | Self::Userinfo => {
                "remove it, as browsers do"
            }
            _ => "write it as browsers send it, such as https://app.example.com or http://localhost:5173",
        }
    }

    /// Returns the error of what follows the authority of a URL; `None` if nothing follows it.
    pub(crate) fn of_rest(rest: &str) -> Option<Self> {
        match rest.as_bytes() {
            [] => None,
            [b'/'] => Some(Self::TrailingSlash),
            [b'?', ..] => Some(Self::Query),
            [b'#', ..] => Some(Self::Fragment),
            _ => Some(Self::Path),
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
    /// Parses a text that consists of an origin only.
    ///
    /// # Errors
    ///
    /// Returns the first [`OriginError`] found.
    pub(crate) fn parse(text: &'a str) -> Result<Self, OriginError> {
        if text.len() > MAX_LEN {
            return Err(OriginError::TooLong);
        }
        let (origin, rest) = Self::of_url(text)?;
        // `of_url` leaves out a default port, so its parts are then shorter than the text.
        if origin.text.len() + rest.len() < text.len() {
            return Err(OriginError::DefaultPort);
        }
        OriginError::of_rest(rest).map_or(Ok(origin), Err)
    }

    /// Parses the origin of an absolute URL, and returns the rest of the URL unchecked.
    ///
    /// The rest is empty or starts with `/`, `?` or `#`. The origin omits a default port, as browsers do.
    ///
    /// # Errors
    ///
    /// Returns the first [`OriginError`] found before the path.
    pub(crate) fn of_url(url: &'a str) -> Result<(Self, &'a str), OriginError> {
        // "null" is what a browser sends for an opaque origin. It identifies no page, so no set may contain it.
        if url == "null" {
            return Err(OriginError::Null);
        }
        let (scheme, after) = url.split_once("://").ok_or(OriginError::MissingScheme)?;
        let is_https = is_https(scheme)?;
        // The authority ends at the first of these (RFC 3986 §3.2).
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        if url.len() - rest.len() > MAX_LEN {
            return Err(OriginError::TooLong);
        }
        // Checked before the port: in `https://app.example.com:443@evil.example`, the host is `evil.example`.
        if authority.contains('@') {
            return Err(OriginError::Userinfo);
        }
        let (host, port) = split_port(authority)?;
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(OriginError::UpperCase);
        }
        if !is_host(host) {
            return Err(OriginError::Host);
        }
        let port = port.map(|digits| number(digits).ok_or(OriginError::Port));
        let default = if is_https { 443 } else { 80 };
        let port = port.transpose()?.filter(|&port| port != default);
        let len = if port.is_some() { end } else { host.len() };
        let text = url.get(..url.len() - after.len() + len).ok_or(OriginError::Host)?;
        let origin = Self { text, is_https, host, port };
        Ok((origin, rest))
    }

    /// Returns the serialized origin.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether the scheme is `https`. It is `http` otherwise.
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the host as it is written, an IPv6 address with its brackets.
    pub(crate) fn host(&self) -> &'a str {
        self.host
    }

    /// Returns the port; `None` if it is the scheme's default.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns scheme and host.
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

/// Whether the host of an authority, such as the value of a `Host` header, is [loopback](is_loopback).
#[cfg(any(
    all(feature = "fetch", any(feature = "introspection", feature = "jwt", feature = "passwords")),
    feature = "headers"
))]
pub(crate) fn is_loopback_authority(authority: &str) -> bool {
    let host = split_port(authority).map(|(host, _)| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase());
    host.is_ok_and(|host| is_loopback(&host))
}

/// Whether a host is 127.0.0.0/8, `[::1]`, `localhost` or a subdomain of it.
///
/// Browsers never resolve these to another machine (W3C Secure Contexts §3.1).
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
}

/// Returns whether the scheme is `https`.
///
/// # Errors
///
/// Returns an [`OriginError`] unless the scheme is `http` or `https` in lower case.
fn is_https(scheme: &str) -> Result<bool, OriginError> {
    match scheme {
        // `example.com/?to=http://…` has a `://`, but no scheme before it.
        _ if !is_scheme(scheme) => Err(OriginError::MissingScheme),
        "https" => Ok(true),
        "http" => Ok(false),
        _ if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => Err(OriginError::UpperCase),
        _ => Err(OriginError::Scheme),
    }
}

/// Whether the text is a scheme, in any case (RFC 3986 §3.1).
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Splits an authority without user information at the colon of its port. The colons of an IPv6 address are in
/// brackets.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginError> {
    let end_of_brackets = authority.rfind(']').unwrap_or(0);
    let (brackets, tail) = authority.split_at_checked(end_of_brackets).ok_or(OriginError::Host)?;
    match tail.rsplit_once(':') {
        Some((name, port)) => {
            let host = authority.get(..brackets.len() + name.len());
            Ok((host.ok_or(OriginError::Host)?, Some(port)))
        }
        None => Ok((authority, None)),
    }
}

/// Parses a port as browsers write it. `u16::from_str` alone would accept a plus sign and leading zeros.
pub(crate) fn number(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// Whether the host is a domain name or an IP address as the URL Standard §3.5 serializes it.
///
/// International names have their ASCII form (`xn--`), as in an `Origin` header. An underscore is not legal in a host
/// name (RFC 1123 §2.1), but browsers accept it.
fn is_host(host: &str) -> bool {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.strip_suffix(']').is_some_and(is_ipv6);
    }
    let is_label = |label: &str| {
        let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        (1..=MAX_LABEL_LEN).contains(&label.len()) && label.bytes().all(is_legal)
    };
    let last = host.rsplit('.').next().unwrap_or(host);
    // Browsers parse such a host as an IPv4 address in any notation and send it in dotted-decimal form.
    if is_numeric(last) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= MAX_HOST_LEN && host.split('.').all(is_label)
}

/// Whether a host with this last label can only be an IPv4 address, for example `0x7f.1` (URL Standard §3.5, "ends in a
/// number").
fn is_numeric(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Whether `text` is an address as the URL Standard §3.5 serializes it: as std does, but never with a dotted IPv4 tail.
fn is_ipv6(text: &str) -> bool {
    let Ok(ip) = text.parse::<Ipv6Addr>() else {
        return false;
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => text == format!("::ffff:{high:x}:{low:x}"),
        _ => text == ip.to_string(),
    }
}

/// The longest domain name and the longest label as text (RFC 1035 §2.3.4).
const MAX_HOST_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// The longest origin of any scheme: a scheme of 64 bytes, `://`, the longest host, `:65535`.
pub(crate) const MAX_LEN: usize = 64 + 3 + MAX_HOST_LEN + 6;

#[cfg(test)]
mod tests;
