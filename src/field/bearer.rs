//! The bearer token of an `Authorization` header (RFC 6750 §2.1, RFC 9110 §11).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::token::is_tchar;

/// Why an `Authorization` header that names the `Bearer` scheme carries no usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BearerFault {
    /// 400: several `Authorization` lines, or credentials joined by a comma.
    Repeated,
    /// 400: no token, anything but SP between scheme and token, whitespace around either, or non-ASCII.
    Malformed,
    /// 401: one unbroken word of visible ASCII that is not token68.
    NotToken68,
}

/// The `Bearer` credentials of a request, their grammar not judged yet.
#[derive(Clone, Copy)]
pub(crate) struct Bearer<'a> {
    /// What follows the scheme.
    credentials: &'a [u8],
    /// A server may hand on the whitespace that RFC 9110 §5.5 takes off a field's ends.
    is_indented: bool,
}

impl<'a> Bearer<'a> {
    /// The credentials; `Ok(None)` where there is no `Authorization`, or one of another scheme.
    ///
    /// # Errors
    ///
    /// [`BearerFault::Repeated`]: several lines, whatever their schemes.
    pub(crate) fn of(headers: &'a HeaderMap) -> Result<Option<Self>, BearerFault> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let Some(line) = lines.next().map(HeaderValue::as_bytes) else {
            return Ok(None);
        };
        if lines.next().is_some() {
            return Err(BearerFault::Repeated);
        }
        let is_indented = line.first().is_some_and(u8::is_ascii_whitespace);
        Ok(after_scheme(line).map(|credentials| Self { credentials, is_indented }))
    }

    /// What stands where a token should: its bytes, to be compared with those of one whose grammar was judged.
    pub(crate) fn word(&self) -> &'a [u8] {
        if self.is_indented { b"" } else { after_spaces(self.credentials).unwrap_or_default() }
    }

    /// The token.
    ///
    /// # Errors
    ///
    /// A [`BearerFault`] where the credentials break the grammar.
    pub(crate) fn token(self) -> Result<&'a str, BearerFault> {
        match token(self.credentials) {
            // A sound token has no comma.
            Ok(token) if !self.is_indented => Ok(token),
            // A list is refused whole (RFC 6750 §2): whoever takes its first or last item may differ from the proxy before it.
            _ if self.credentials.contains(&b',') => Err(BearerFault::Repeated),
            Ok(_) => Err(BearerFault::Malformed),
            Err(fault) => Err(fault),
        }
    }
}

/// `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 §11.2).
pub(crate) fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=').as_bytes();
    // Without a branch for each byte, a compiler judges many at once: tokens are long.
    !body.is_empty() && body.iter().fold(true, |is_sound, byte| is_sound & is_of_token68(*byte))
}

fn is_of_token68(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // The dot, the slash and the digits stand side by side.
    let is_digit_or_near = byte.wrapping_sub(b'.') < 12;
    is_letter | is_digit_or_near | (byte == b'-') | (byte == b'_') | (byte == b'~') | (byte == b'+')
}

/// What follows the scheme, where that is `Bearer` in any case (RFC 9110 §11.1).
fn after_scheme(line: &[u8]) -> Option<&[u8]> {
    // As nearly all clients write it.
    if line.starts_with(b"Bearer ") {
        return line.strip_prefix(SCHEME);
    }
    let line = line.trim_ascii_start();
    let end = line.iter().position(|&byte| !is_tchar(byte));
    let (scheme, credentials) = line.split_at_checked(end.unwrap_or(line.len()))?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(credentials)
}

/// The word behind one space or more.
fn after_spaces(credentials: &[u8]) -> Option<&[u8]> {
    let spaces = credentials.iter().take_while(|&&byte| byte == b' ').count();
    credentials.get(spaces..).filter(|word| spaces > 0 && !word.is_empty())
}

fn token(credentials: &[u8]) -> Result<&str, BearerFault> {
    let word = after_spaces(credentials).ok_or(BearerFault::Malformed)?;
    match std::str::from_utf8(word) {
        Ok(word) if is_token68(word) => Ok(word),
        Ok(word) if word.bytes().all(|byte| byte.is_ascii_graphic()) => Err(BearerFault::NotToken68),
        _ => Err(BearerFault::Malformed),
    }
}

const SCHEME: &[u8] = b"Bearer";

#[cfg(test)]
mod tests;
