//! `TokenSources`: where a request has its token, and `RequestToken`: the token that was found there.

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, request};

use crate::csrf::gate::Csrf;
use crate::field::bearer::{Bearer, BearerError, authorization, whole_token};
use crate::field::cookie::cookie;
use crate::field::header_map::mark_sensitive;
use crate::field::websocket_token::{WebSocketToken, WebSocketTokenError, opens_websocket};
use crate::gate::{CredentialError, CredentialSource, DenialKind, TokenError};

/// Where a request may have its token.
#[derive(Debug)]
pub(crate) enum TokenSources {
    /// The scheme `Bearer` of `Authorization`, and the other places that the app has configured.
    Bearer {
        /// The cookie, and the check of requests that have the token there.
        cookie: Option<(String, Csrf)>,
        /// The subprotocol of WebSockets that announces a token.
        protocol: Option<Box<str>>,
    },
    /// A header that a proxy adds to each request of a browser, so these requests are checked too.
    Header(HeaderName, Csrf),
}

/// The token of a request, before its grammar is checked.
pub(crate) enum RequestToken<'a> {
    Bearer(Bearer<'a>),
    Cookie(&'a str),
    WebSocket(Box<WebSocketToken>),
    /// A text that has nothing but the token.
    Whole(&'a [u8]),
}

impl TokenSources {
    /// Reads the token of a request; `None` if it has none.
    ///
    /// Marks the headers with credentials as sensitive, so that their `Debug` does not show them: `Authorization`
    /// whatever its scheme, and the whole header of each other place. Removes a token from the list of protocols.
    ///
    /// # Errors
    ///
    /// Returns [`DenialKind::InvalidRequest`] (400) if there are several tokens or the place of one is malformed, and
    /// [`DenialKind::CrossSite`] (403) if the browser or a proxy has added the token, and a page of another site caused
    /// the request.
    #[inline]
    pub(crate) fn read<'a>(&self, head: &'a mut request::Parts) -> Result<Option<RequestToken<'a>>, DenialKind> {
        match self {
            Self::Bearer { cookie: None, protocol: None } => read_bearer(&mut head.headers),
            Self::Bearer { cookie, protocol } => read_any(head, cookie.as_ref(), protocol.as_deref()),
            Self::Header(name, csrf) => read_header(head, name, csrf),
        }
    }

    /// Returns the places, for the declaration of the gate.
    pub(crate) fn declared(&self) -> Vec<CredentialSource> {
        match self {
            Self::Bearer { cookie, protocol } => {
                let cookie = cookie.as_ref().map(|(name, _)| CredentialSource::cookie(name));
                let protocol = protocol.as_deref().map(CredentialSource::websocket_protocol);
                [CredentialSource::bearer_jwt()].into_iter().chain(cookie).chain(protocol).collect()
            }
            Self::Header(name, _) => vec![CredentialSource::proxy_header(name.clone())],
        }
    }

    /// Returns the response header from which a token must be removed, if there is one.
    pub(crate) fn response_header(&self) -> Option<HeaderName> {
        match self {
            Self::Bearer { protocol: Some(_), .. } => Some(SEC_WEBSOCKET_PROTOCOL),
            _ => None,
        }
    }
}

fn read_bearer(headers: &mut HeaderMap) -> Result<Option<RequestToken<'_>>, DenialKind> {
    let authorization = authorization(headers).map_err(bearer_denial)?;
    Ok(authorization.and_then(Bearer::of).map(RequestToken::Bearer))
}

/// Reads the token of a request that may have it in several places.
fn read_any<'a>(
    head: &'a mut request::Parts,
    cookie: Option<&(String, Csrf)>,
    protocol: Option<&str>,
) -> Result<Option<RequestToken<'a>>, DenialKind> {
    // First of all, because a caller of `AuthGate::authenticate` keeps the head after an error.
    if cookie.is_some() {
        mark_sensitive(&mut head.headers, &COOKIE);
    }
    if protocol.is_some() {
        mark_sensitive(&mut head.headers, &SEC_WEBSOCKET_PROTOCOL);
    }
    let has_authorization = authorization(&mut head.headers).map_err(bearer_denial)?.is_some();
    let from_protocol = match protocol {
        Some(name) => take_from_protocols(head, name)?,
        None => None,
    };
    let head = &*head;
    let from_cookie = match cookie {
        Some((name, csrf)) => read_cookie(&head.headers, name)?.map(|token| (token, csrf)),
        None => None,
    };
    let from_header = head.headers.get(AUTHORIZATION).and_then(Bearer::of);
    match (from_header, from_cookie, from_protocol) {
        (None, None, Some(token)) if !has_authorization => Ok(Some(RequestToken::WebSocket(token))),
        // RFC 6750 §2: a request must not use more than one method. A page that passes a token sends no other
        // credential on purpose.
        (_, _, Some(_)) | (Some(_), Some(_), None) => Err(MULTIPLE),
        (Some(bearer), None, None) => Ok(Some(RequestToken::Bearer(bearer))),
        (None, Some((token, csrf)), None) => {
            csrf.check(head)?;
            Ok(Some(RequestToken::Cookie(token)))
        }
        (None, None, None) => Ok(None),
    }
}

fn read_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, DenialKind> {
    let token = cookie(headers, name).map_err(|_| MULTIPLE)?;
    // Apps empty a cookie when a user logs out, so an empty one is no token.
    Ok(token.filter(|token| !token.is_empty()))
}

/// Removes a token from the protocols of a request that opens a WebSocket.
fn take_from_protocols(head: &mut request::Parts, name: &str) -> Result<Option<Box<WebSocketToken>>, DenialKind> {
    if !opens_websocket(head) {
        return Ok(None);
    }
    match WebSocketToken::take(&mut head.headers, name) {
        Ok(token) => Ok(token.map(Box::new)),
        Err(WebSocketTokenError::Malformed) => Err(DenialKind::InvalidRequest(CredentialError::Malformed)),
        Err(WebSocketTokenError::Repeated) => Err(MULTIPLE),
    }
}

/// Reads the token from a header that has nothing else.
fn read_header<'a>(
    head: &'a mut request::Parts,
    name: &HeaderName,
    csrf: &Csrf,
) -> Result<Option<RequestToken<'a>>, DenialKind> {
    mark_sensitive(&mut head.headers, name);
    let head = &*head;
    let mut lines = head.headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(MULTIPLE);
    }
    csrf.check(head)?;
    Ok(Some(RequestToken::Whole(value.as_bytes())))
}

impl RequestToken<'_> {
    /// Returns the bytes of the token, unchecked. Use them only for a comparison with a token that was accepted before.
    pub(crate) fn raw(&self) -> &[u8] {
        match self {
            Self::Bearer(bearer) => bearer.raw_token(),
            Self::Cookie(token) => token.as_bytes(),
            Self::WebSocket(token) => token.as_bytes(),
            Self::Whole(token) => token,
        }
    }

    /// Returns the token.
    ///
    /// # Errors
    ///
    /// Returns [`DenialKind::InvalidRequest`] (400) if the place of the token is malformed or has several tokens, and
    /// [`DenialKind::InvalidToken`] (401) if it has one word that cannot be a token.
    pub(crate) fn text(&self) -> Result<&str, DenialKind> {
        match self {
            Self::Bearer(bearer) => bearer.token().map_err(bearer_denial),
            // The grammar of a cookie excludes most, and the parser of tokens the rest.
            Self::Cookie(token) => Ok(token),
            Self::WebSocket(token) => whole_token(token.as_bytes()).map_err(bearer_denial),
            Self::Whole(token) => whole_token(token).map_err(bearer_denial),
        }
    }

    /// Returns the token if it must be removed from the response.
    pub(crate) fn into_websocket_token(self) -> Option<Box<WebSocketToken>> {
        match self {
            Self::WebSocket(token) => Some(token),
            _ => None,
        }
    }
}

fn bearer_denial(error: BearerError) -> DenialKind {
    match error {
        BearerError::Malformed => DenialKind::InvalidRequest(CredentialError::Malformed),
        BearerError::NotToken68 => DenialKind::InvalidToken(TokenError::Charset),
        BearerError::Repeated => MULTIPLE,
    }
}

const MULTIPLE: DenialKind = DenialKind::InvalidRequest(CredentialError::Multiple);
