//! A token in `Sec-WebSocket-Protocol`, because a script in a browser can set no other header of a WebSocket.
//!
//! `bearer, <token>` or `base64url.bearer.authorization.<name>.<token in base64url>`, among any other protocols. The
//! second form is that of the Kubernetes API server, for tokens with characters that no protocol has.
//!
//! The parser is our own because no crate reads this convention. It must find every token that it would otherwise leave
//! to the handler, so a list with two readings is an error.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderValue, Method, request};
use zeroize::Zeroizing;

use super::header_map::{append, mark_sensitive};
use super::websocket::asks_for_upgrade;

/// Why a list of protocols has no usable token. Both are a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebSocketTokenError {
    /// There is no protocol after the name, or the token is not in base64url.
    Malformed,
    /// There are two tokens.
    Repeated,
}

/// A token that was removed from the list of protocols.
pub(crate) struct WebSocketToken {
    token: Zeroizing<Vec<u8>>,
    /// The element of the list, if it is not the token itself.
    encoded: Option<Zeroizing<Vec<u8>>>,
}

/// A list of protocols with a token.
struct Offer<'a> {
    token: Element<'a>,
    /// All other elements, with the name.
    others: Vec<&'a [u8]>,
}

#[derive(Clone, Copy)]
enum Element<'a> {
    Token(&'a [u8]),
    /// The whole element, and the part that is in base64url.
    Encoded(&'a [u8], &'a [u8]),
}

/// Whether a request opens a WebSocket: by an upgrade, or by the extended CONNECT of HTTP/2 and HTTP/3.
///
/// A server keeps `:protocol` in an extension of its own. Without it, an extended CONNECT is recognized by its scheme,
/// which CONNECT to a host and port does not have, and one for a WebSocket by the version that RFC 8441 §5 requires.
pub(crate) fn opens_websocket(head: &request::Parts) -> bool {
    match head.method {
        Method::GET => asks_for_upgrade(&head.headers),
        Method::CONNECT => head.uri.scheme().is_some() && head.headers.contains_key(SEC_WEBSOCKET_VERSION),
        _ => false,
    }
}

impl WebSocketToken {
    /// Removes the token after the protocol `name` from the headers of a request. The name and all other protocols
    /// stay. Marks the header as sensitive, unless nothing secret is left in it.
    ///
    /// Returns `None` if no protocol announces a token.
    ///
    /// # Errors
    ///
    /// Returns [`WebSocketTokenError`] if a token is announced and missing or malformed, or if there are several, even
    /// equal ones.
    pub(crate) fn take(headers: &mut HeaderMap, name: &str) -> Result<Option<Self>, WebSocketTokenError> {
        mark_sensitive(headers, &SEC_WEBSOCKET_PROTOCOL);
        let Some(Offer { token, others }) = find(headers, name)? else { return Ok(None) };
        let token = match token {
            Element::Token(token) => Self { token: Zeroizing::new(token.to_vec()), encoded: None },
            Element::Encoded(element, encoded) => {
                let token = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| WebSocketTokenError::Malformed)?;
                Self { token: Zeroizing::new(token), encoded: Some(Zeroizing::new(element.to_vec())) }
            }
        };
        // Protocols are unique (RFC 6455 §4.1). The handler would see the second one.
        if others.contains(&token.as_bytes()) {
            return Err(WebSocketTokenError::Repeated);
        }
        // A token for another name, which another server reads.
        let has_other_token = others.iter().any(|element| element.starts_with(ENCODED));
        // The elements are parts of valid values, so only an empty list is left out.
        let others = HeaderValue::try_from(others.join(&b", "[..])).ok().filter(|value| !value.is_empty());
        headers.remove(&SEC_WEBSOCKET_PROTOCOL);
        if let Some(mut value) = others {
            value.set_sensitive(has_other_token);
            append(headers, &SEC_WEBSOCKET_PROTOCOL, value);
        }
        Ok(Some(token))
    }

    /// Whether [`take`](Self::take) finds a token or an error.
    pub(crate) fn is_announced(headers: &HeaderMap, name: &str) -> bool {
        !matches!(find(headers, name), Ok(None))
    }

    /// Returns the token, unchecked.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.token
    }

    /// Removes the protocols from the headers of a response if the token is among them.
    pub(crate) fn remove_from(&self, headers: &mut HeaderMap) {
        let is_token = |element: &[u8]| {
            element == self.token.as_slice()
                || self.encoded.as_ref().is_some_and(|encoded| element == encoded.as_slice())
        };
        if elements(headers).any(is_token) {
            headers.remove(&SEC_WEBSOCKET_PROTOCOL);
        }
    }
}

impl fmt::Debug for WebSocketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketToken").finish_non_exhaustive()
    }
}

/// Finds the token in a list of protocols; `None` if no protocol announces one.
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<Offer<'a>>, WebSocketTokenError> {
    let mut token = None;
    let mut others = Vec::new();
    let mut has_name = false;
    let mut is_after_name = false;
    for element in elements(headers) {
        let found = match encoded_part(element, name) {
            Some(encoded) => Element::Encoded(element, encoded),
            None if element == name.as_bytes() && is_after_name => return Err(WebSocketTokenError::Malformed),
            None if is_after_name => Element::Token(element),
            None => {
                is_after_name = element == name.as_bytes();
                has_name |= is_after_name;
                others.push(element);
                continue;
            }
        };
        is_after_name = false;
        if token.replace(found).is_some() {
            return Err(WebSocketTokenError::Repeated);
        }
    }
    match token {
        Some(token) => Ok(Some(Offer { token, others })),
        None if has_name => Err(WebSocketTokenError::Malformed),
        None => Ok(None),
    }
}

/// The elements of all lines, without whitespace around them and without empty ones (RFC 9110 §5.6.1).
fn elements(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(&SEC_WEBSOCKET_PROTOCOL).into_iter();
    let elements = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Returns what follows `base64url.bearer.authorization.<name>.`.
fn encoded_part<'a>(element: &'a [u8], name: &str) -> Option<&'a [u8]> {
    element.strip_prefix(ENCODED)?.strip_prefix(name.as_bytes())?.strip_prefix(b".")
}

const ENCODED: &[u8] = b"base64url.bearer.authorization.";

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
