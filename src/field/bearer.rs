//! The bearer token in an `Authorization` header (RFC 6750 §2.1, RFC 9110 §11).
//!
//! The parser is our own because the `headers` crate uses the first of several `Authorization` headers and does not
//! check the token's characters. This crate must reject such requests.
//!
//! The errors follow RFC 6750 §3.1: a malformed request is a 400, and a single word that cannot be a token is a 401, as
//! any other invalid token.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::authorization::split_scheme;
use super::header_map::mark_sensitive;
use super::token::is_token68;

/// Why an `Authorization` header with the `Bearer` scheme has no usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BearerError {
    /// 400: several `Authorization` headers, or a list of credentials.
    Repeated,
    /// 400: no token, anything but spaces between scheme and token, other whitespace, or a byte outside ASCII.
    Malformed,
    /// 401: one word of visible ASCII that is not token68.
    NotToken68,
}

/// The `Bearer` credentials of a request, before their grammar is checked.
#[derive(Clone, Copy)]
pub(crate) struct Bearer<'a> {
    /// Everything after the scheme.
    credentials: &'a [u8],
    /// Whether the value starts with whitespace, which RFC 9110 §5.5 excludes but some servers do not strip. Such a
    /// value is an error, and must not equal a cached token.
    is_indented: bool,
}

/// Returns the `Authorization` header and marks it as sensitive, so that its `Debug` does not show it.
///
/// # Errors
///
/// Returns [`BearerError::Repeated`] if there are several `Authorization` headers, whatever their schemes.
pub(crate) fn authorization(headers: &mut HeaderMap) -> Result<Option<&HeaderValue>, BearerError> {
    // If no header of the request is repeated, neither is this one. That saves a second lookup.
    let has_repeated = headers.len() > headers.keys_len();
    if has_repeated && headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        mark_sensitive(headers, &AUTHORIZATION);
        return Err(BearerError::Repeated);
    }
    let Some(value) = headers.get_mut(AUTHORIZATION) else { return Ok(None) };
    value.set_sensitive(true);
    Ok(Some(value))
}

impl<'a> Bearer<'a> {
    /// Returns the credentials in an `Authorization` header; `None` if it has another scheme.
    pub(crate) fn of(authorization: &'a HeaderValue) -> Option<Self> {
        let value = authorization.as_bytes();
        let is_indented = value.first().is_some_and(u8::is_ascii_whitespace);
        after_scheme(value).map(|credentials| Self { credentials, is_indented })
    }

    /// Returns the bytes of the token, unchecked. Use them only for a comparison with a token that was accepted before.
    pub(crate) fn raw_token(&self) -> &'a [u8] {
        if self.is_indented { b"" } else { after_spaces(self.credentials).unwrap_or_default() }
    }

    /// Returns the token.
    ///
    /// # Errors
    ///
    /// Returns [`BearerError`] if the credentials violate the grammar.
    pub(crate) fn token(self) -> Result<&'a str, BearerError> {
        match token(self.credentials) {
            // A valid token has no comma.
            Ok(token) if !self.is_indented => Ok(token),
            // A list is rejected as a whole (RFC 6750 §2): a proxy in front may use another item of it than this
            // parser.
            _ if self.credentials.contains(&b',') => Err(BearerError::Repeated),
            Ok(_) => Err(BearerError::Malformed),
            Err(error) => Err(error),
        }
    }
}

/// Returns everything after the scheme if the scheme is `Bearer`, in any letter case (RFC 9110 §11.1).
fn after_scheme(value: &[u8]) -> Option<&[u8]> {
    // Nearly all clients write it like this. The general path below has the same result.
    if value.starts_with(b"Bearer ") {
        return value.strip_prefix(SCHEME);
    }
    let (scheme, credentials) = split_scheme(value);
    scheme.eq_ignore_ascii_case(SCHEME).then_some(credentials)
}

/// Returns everything after one or more spaces; `None` if there is no space or nothing after it.
fn after_spaces(credentials: &[u8]) -> Option<&[u8]> {
    let spaces = credentials.iter().take_while(|&&byte| byte == b' ').count();
    credentials.get(spaces..).filter(|rest| spaces > 0 && !rest.is_empty())
}

/// Returns the token: `credentials = auth-scheme 1*SP token68` (RFC 6750 §2.1, RFC 9110 §11.4).
fn token(credentials: &[u8]) -> Result<&str, BearerError> {
    token68(after_spaces(credentials).ok_or(BearerError::Malformed)?)
}

/// Returns the word if it is token68.
fn token68(word: &[u8]) -> Result<&str, BearerError> {
    match std::str::from_utf8(word) {
        Ok(word) if is_token68(word) => Ok(word),
        Ok(word) if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(BearerError::NotToken68)
        }
        _ => Err(BearerError::Malformed),
    }
}

/// Returns the token if it is the whole text, as in a header without a scheme.
///
/// # Errors
///
/// Returns [`BearerError`] as for a token after a scheme.
#[cfg(feature = "jwt")]
pub(crate) fn whole_token(text: &[u8]) -> Result<&str, BearerError> {
    match token68(text) {
        Err(_) if text.contains(&b',') => Err(BearerError::Repeated),
        result => result,
    }
}

const SCHEME: &[u8] = b"Bearer";

#[cfg(test)]
mod tests;
