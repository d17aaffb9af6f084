//! `CredentialTable`: which gate reads which credential. It is built once; a request only compares.

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, request};

use crate::field::authorization::split_scheme;
use crate::field::cookie::{DuplicateCookie, cookie};
use crate::field::header_map::mark_sensitive;
#[cfg(feature = "jwt")]
use crate::field::websocket_token::{WebSocketToken, opens_websocket};
use crate::gate::credentials::source::{CredentialSource, Form, Source};
use crate::gate::denial::CredentialError;

/// The sources of several gates, each of which is known by its index.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialTable {
    schemes: Vec<Scheme>,
    headers: Vec<(HeaderName, usize)>,
    cookies: Vec<(Box<str>, usize)>,
    proxy_headers: Vec<(HeaderName, usize)>,
    websocket_protocols: Vec<(Box<str>, usize)>,
}

/// The gates that share a scheme.
#[derive(Clone, Debug)]
struct Scheme {
    name: Box<str>,
    /// No prefix begins with another one, so at most one matches.
    prefixes: Vec<(Box<str>, usize)>,
    jwt: Option<usize>,
    other: Option<usize>,
}

/// Two gates that read one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// What the second gate reads.
    pub(crate) source: CredentialSource,
}

/// The explicit credential of a request: the gate that reads it, and the header that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Explicit<'a> {
    pub(crate) gate: usize,
    /// `None` for `Authorization`.
    pub(crate) header: Option<&'a HeaderName>,
}

impl CredentialTable {
    /// Creates the table of these gates, each with its sources. If gates conflict, the table has the first of them.
    pub(crate) fn new<'a>(gates: impl IntoIterator<Item = &'a [CredentialSource]>) -> (Self, Vec<Conflict>) {
        let mut table = Self::default();
        let mut conflicts = Vec::new();
        let mut known: Vec<(usize, &CredentialSource)> = Vec::new();
        for (gate, sources) in gates.into_iter().enumerate() {
            for source in sources {
                if let Some((first, _)) = known.iter().find(|(_, other)| source.overlaps(other)) {
                    conflicts.push(Conflict { first: *first, second: gate, source: source.clone() });
                } else {
                    known.push((gate, source));
                    table.add(source, gate);
                }
            }
        }
        for scheme in &mut table.schemes {
            // A malformed token is rejected by the gate of tokens, and a JWT is also any text.
            (scheme.jwt, scheme.other) = (scheme.jwt.or(scheme.other), scheme.other.or(scheme.jwt));
        }
        (table, conflicts)
    }

    fn add(&mut self, source: &CredentialSource, gate: usize) {
        match &source.0 {
            Source::Header(name) => self.headers.push((name.clone(), gate)),
            Source::Cookie(name) => self.cookies.push((name.clone(), gate)),
            Source::ProxyHeader(name) => self.proxy_headers.push((name.clone(), gate)),
            Source::WebSocketProtocol(name) => self.websocket_protocols.push((name.clone(), gate)),
            Source::Scheme { name, form } => {
                let index = self.schemes.iter().position(|scheme| scheme.name.eq_ignore_ascii_case(name));
                let index = index.unwrap_or_else(|| {
                    self.schemes.push(Scheme { name: name.clone(), prefixes: Vec::new(), jwt: None, other: None });
                    self.schemes.len() - 1
                });
                let Some(scheme) = self.schemes.get_mut(index) else { return };
                match form {
                    Form::Any => scheme.other = Some(gate),
                    Form::Jwt => scheme.jwt = Some(gate),
                    Form::Prefix(prefix) => scheme.prefixes.push((prefix.clone(), gate)),
                }
            }
        }
    }

    /// Returns the gate that reads the explicit credential of a request, if there is one. Marks all headers with
    /// credentials as sensitive.
    ///
    /// # Errors
    ///
    /// Returns [`CredentialError::Multiple`] if there are several, even if no gate reads one of them (RFC 6750 §2).
    pub(crate) fn find_gate(&self, head: &mut request::Parts) -> Result<Option<usize>, CredentialError> {
        if !self.websocket_protocols.is_empty() {
            mark_sensitive(&mut head.headers, &SEC_WEBSOCKET_PROTOCOL);
        }
        let explicit = self.find_explicit(&mut head.headers)?.map(|explicit| explicit.gate);
        if self.websocket_protocols.is_empty() {
            return Ok(explicit);
        }
        let mut announced = self.announced_tokens(head);
        match (announced.next(), announced.next()) {
            (None, _) => Ok(explicit),
            (Some(gate), None) if explicit.is_none() && !head.headers.contains_key(AUTHORIZATION) => Ok(Some(gate)),
            _ => Err(CredentialError::Multiple),
        }
    }

    /// The gates for which a subprotocol of a WebSocket announces a token.
    #[cfg(feature = "jwt")]
    fn announced_tokens(&self, head: &request::Parts) -> impl Iterator<Item = usize> {
        let protocols = if opens_websocket(head) { &*self.websocket_protocols } else { &[] };
        let announced = protocols.iter().filter(|(name, _)| WebSocketToken::is_announced(&head.headers, name));
        announced.map(|(_, gate)| *gate)
    }

    /// Without tokens, no gate reads a subprotocol.
    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "only `jwt` reads a subprotocol")]
    fn announced_tokens(&self, _: &request::Parts) -> impl Iterator<Item = usize> {
        std::iter::empty()
    }

    /// Returns the explicit credential in a header, if a gate reads it.
    ///
    /// Marks all headers with credentials as sensitive, so that their `Debug` does not show them: `Authorization`
    /// whatever its scheme, the headers that a gate reads, and `Cookie` if a gate reads a cookie.
    ///
    /// # Errors
    ///
    /// Returns [`CredentialError::Multiple`] if there are several, even if no gate reads one of them (RFC 6750 §2).
    pub(crate) fn find_explicit(&self, headers: &mut HeaderMap) -> Result<Option<Explicit<'_>>, CredentialError> {
        let mut found = None;
        let mut credentials: usize = 0;
        if let Some(value) = headers.get_mut(&AUTHORIZATION) {
            value.set_sensitive(true);
            credentials += 1;
            found = self.gate_of(value.as_bytes()).map(|gate| Explicit { gate, header: None });
        }
        for (name, gate) in &self.headers {
            if let Some(value) = headers.get_mut(name) {
                value.set_sensitive(true);
                credentials += 1;
                found = Some(Explicit { gate: *gate, header: Some(name) });
            }
        }
        if !self.cookies.is_empty()
            && let Some(value) = headers.get_mut(&COOKIE)
        {
            value.set_sensitive(true);
        }
        for (name, _) in &self.proxy_headers {
            mark_sensitive(headers, name);
        }
        // If no header of the request is repeated, neither is one of these. That saves lookups.
        if headers.len() > headers.keys_len() {
            credentials += self.mark_repeated(headers);
        }
        if credentials > 1 { Err(CredentialError::Multiple) } else { Ok(found) }
    }

    /// Marks all values of repeated headers, and returns the number of explicit credentials beyond the first values.
    fn mark_repeated(&self, headers: &mut HeaderMap) -> usize {
        if !self.cookies.is_empty() {
            mark_sensitive(headers, &COOKIE);
        }
        let mut repeated = 0;
        for name in std::iter::once(&AUTHORIZATION).chain(self.headers.iter().map(|(name, _)| name)) {
            let values = headers.get_all(name).iter().count();
            if values > 1 {
                mark_sensitive(headers, name);
                repeated += values - 1;
            }
        }
        repeated
    }

    /// Returns the gate that reads the value of an `Authorization` header.
    fn gate_of(&self, authorization: &[u8]) -> Option<usize> {
        // Nearly all clients write the scheme as the gate does, and one space. The general path below has the same
        // result, and costs 260 instructions more (a cached token costs 2,740 in all).
        for scheme in &self.schemes {
            if let Some([b' ', credentials @ ..]) = authorization.strip_prefix(scheme.name.as_bytes()) {
                return scheme.gate_of(credentials.trim_ascii_start());
            }
        }
        let (name, credentials) = split_scheme(authorization);
        let scheme = self.schemes.iter().find(|scheme| scheme.name.as_bytes().eq_ignore_ascii_case(name))?;
        scheme.gate_of(credentials.trim_ascii_start())
    }

    /// Returns the cookie that one of the gates reads, if it is not empty.
    ///
    /// # Errors
    ///
    /// Returns [`CredentialError::Multiple`] if there are several.
    pub(crate) fn find_cookie<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, CredentialError> {
        let mut found = None;
        for (name, _) in &self.cookies {
            let value = cookie(headers, name).map_err(|DuplicateCookie| CredentialError::Multiple)?;
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            if found.replace(value).is_some() {
                return Err(CredentialError::Multiple);
            }
        }
        Ok(found)
    }

    /// Whether the request has a cookie or a header of a proxy that this gate reads. Several of one name count too: the
    /// gate rejects them.
    pub(crate) fn has_ambient(&self, gate: usize, headers: &HeaderMap) -> bool {
        let mut cookies = self.cookies.iter().filter(|(_, reader)| *reader == gate);
        let mut proxy_headers = self.proxy_headers.iter().filter(|(_, reader)| *reader == gate);
        cookies.any(|(name, _)| is_present(headers, name)) || proxy_headers.any(|(name, _)| headers.contains_key(name))
    }

    /// Returns how many of the cookies and headers of proxies that gates read the request has. Several of one name
    /// count once.
    pub(crate) fn count_ambient(&self, headers: &HeaderMap) -> usize {
        let cookies = self.cookies.iter().filter(|(name, _)| is_present(headers, name));
        let proxy_headers = self.proxy_headers.iter().filter(|(name, _)| headers.contains_key(name));
        cookies.count() + proxy_headers.count()
    }
}

impl Scheme {
    /// Returns the gate that reads this text: first by its prefix, then as a JWT, then any other.
    fn gate_of(&self, text: &[u8]) -> Option<usize> {
        if let Some((_, gate)) = self.prefixes.iter().find(|(prefix, _)| text.starts_with(prefix.as_bytes())) {
            return Some(*gate);
        }
        if self.jwt == self.other || has_three_segments(text) { self.jwt } else { self.other }
    }
}

/// Whether the request has a cookie of this name that is not empty, or several.
fn is_present(headers: &HeaderMap, name: &str) -> bool {
    !matches!(cookie(headers, name), Ok(None | Some("")))
}

/// Whether the text has the form of a JWT (RFC 7515 §7.1).
fn has_three_segments(text: &[u8]) -> bool {
    // Without a branch for each byte, the compiler vectorizes the loop.
    text.iter().fold(0_usize, |dots, byte| dots + usize::from(*byte == b'.')) == 2
}

#[cfg(test)]
mod tests;
