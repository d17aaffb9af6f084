//! Reading one cookie of a request (RFC 6265 §5.4, RFC 9113 §8.2.3).
//!
//! The parser is our own because a cookie may carry a token: general-purpose parsers take the first or last of several
//! cookies of a name and trim around the name. This crate must reject such requests.

use http::HeaderMap;
use http::header::COOKIE;

use super::token::is_token;

/// The request has several cookies of one name, and servers differ in which one they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DuplicateCookie;

/// Returns the value of the cookie `name`, from all `Cookie` headers and without surrounding double quotes.
///
/// A value with a character outside visible ASCII is returned as `?`. That is never a valid token, so the request is
/// rejected, and not treated as one without the cookie or with an empty one.
///
/// # Errors
///
/// Returns [`DuplicateCookie`] if there are several cookies of this name, even with equal values.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, DuplicateCookie> {
    // Quotes do not protect a `;` (RFC 6265 §4.1.1). Otherwise, a cookie of a sibling domain could hide this one.
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b';'))
        .filter_map(|pair| value_of(name, pair));
    let first = values.next();
    match values.next() {
        Some(_) => Err(DuplicateCookie),
        None => Ok(first.map(visible)),
    }
}

/// `cookie-name = token` (RFC 6265 §4.1.1).
pub(crate) fn is_cookie_name(name: &str) -> bool {
    is_token(name.as_bytes())
}

/// Returns the value if the pair has this name.
///
/// Whitespace before the `=` is not trimmed. A server that reads `__Host-sid =x` as `__Host-sid` lets a sibling domain
/// bypass the guarantee of the prefix.
fn value_of<'a>(name: &str, pair: &'a [u8]) -> Option<&'a [u8]> {
    pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// Returns the value without its quotes, or `?` if it has a character outside visible ASCII.
///
/// `cookie-value` allows surrounding quotes (RFC 6265 §4.1.1), and frameworks differ in whether they strip them. A
/// token has none of its own.
fn visible(value: &[u8]) -> &str {
    let bare = if let [b'"', inner @ .., b'"'] = value { inner } else { value };
    let is_visible = bare.iter().fold(true, |is_visible, byte| is_visible & byte.is_ascii_graphic());
    std::str::from_utf8(bare).ok().filter(|_| is_visible).unwrap_or("?")
}

#[cfg(test)]
mod tests;
