//! One cookie of a request (RFC 6265 §5.4, RFC 9113 §8.2.3).

use http::HeaderMap;
use http::header::COOKIE;

use super::token::is_token;

/// The same name stands more than once, so that which one counts depends on who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

/// The value of the cookie `name`, over all `Cookie` lines, without surrounding double quotes.
///
/// A value with bytes other than visible ASCII comes back as the empty string, which is never a
/// valid token: the cookie is present, and the caller refuses it rather than taking it for absent.
///
/// # Errors
///
/// [`Repeated`] if the name stands twice, even with equal values.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Repeated> {
    // Quotes do not shield a `;` (RFC 6265 §4.1.1): else a cookie set by a neighbour could swallow this one.
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b';'))
        .filter_map(|pair| value_of(name, pair));
    let first = values.next();
    match values.next() {
        Some(_) => Err(Repeated),
        None => Ok(first.map(visible)),
    }
}

/// `cookie-name = token` (RFC 6265 §4.1.1).
pub(crate) fn is_cookie_name(name: &str) -> bool {
    is_token(name.as_bytes())
}

/// Nothing is trimmed before the `=`: a server that reads `__Host-sid =x` as `__Host-sid` lets a
/// sibling domain past the prefix's guarantee.
fn value_of<'a>(name: &str, pair: &'a [u8]) -> Option<&'a [u8]> {
    pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn visible(value: &[u8]) -> &str {
    let bare = if let [b'"', inner @ .., b'"'] = value { inner } else { value };
    match std::str::from_utf8(bare) {
        Ok(text) if bare.iter().all(u8::is_ascii_graphic) => text,
        _ => "",
    }
}

#[cfg(test)]
mod tests;
