//! `CredentialSource`: one place in a request where a gate reads a credential.

use std::fmt;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};

use crate::error::{ConfigIssue, IssueKind};
use crate::field::cookie::is_cookie_name;
use crate::field::token::{is_token, is_token68};

/// One place in a request where a gate reads a credential: a scheme of `Authorization`, another header, or a cookie.
///
/// Several gates may share the scheme `Bearer` by the form of the text after it: a
/// [prefix](Self::bearer_with_prefix), a [JWT](Self::bearer_jwt), or [any other](Self::scheme).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSource(pub(super) Source);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Scheme {
        name: Box<str>,
        form: Form,
    },
    Header(HeaderName),
    Cookie(Box<str>),
    /// A header that a proxy adds to requests, so it is ambient.
    #[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only `jwt` reads it"))]
    ProxyHeader(HeaderName),
    /// The subprotocol of WebSockets that announces a token.
    #[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only `jwt` reads it"))]
    WebSocketProtocol(Box<str>),
}

/// The form of the text after a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Every text that is not of another gate's form.
    Any,
    Jwt,
    Prefix(Box<str>),
}

impl CredentialSource {
    /// Reads the text after this scheme in `Authorization`, for example after `ApiKey`, in any letter case.
    ///
    /// After `Bearer`, it reads every text that does not have the form that another gate of an
    /// [`AnyOf`](crate::AnyOf) reads.
    #[must_use]
    pub fn scheme(name: &str) -> Self {
        Self(Source::Scheme { name: name.into(), form: Form::Any })
    }

    /// Reads a JWT after `Bearer`: a text of three segments, separated by dots (RFC 7515 §7.1).
    ///
    /// If no gate reads [any other](Self::scheme) text after `Bearer`, it reads those too, so that the gate rejects
    /// malformed tokens.
    #[must_use]
    pub fn bearer_jwt() -> Self {
        Self(Source::Scheme { name: BEARER.into(), form: Form::Jwt })
    }

    /// Reads a text after `Bearer` that begins with this prefix, for example `acme_live_`.
    #[must_use]
    pub fn bearer_with_prefix(prefix: &str) -> Self {
        Self(Source::Scheme { name: BEARER.into(), form: Form::Prefix(prefix.into()) })
    }

    /// Reads a header that has only the credential, for example `x-api-key`.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self(Source::Header(name))
    }

    /// Reads the cookie of this name. An empty cookie is no credential.
    ///
    /// A cookie is ambient: a browser adds it to requests by itself. So in an [`AnyOf`](crate::AnyOf), it counts only if
    /// the request has no explicit credential.
    #[must_use]
    pub fn cookie(name: &str) -> Self {
        Self(Source::Cookie(name.into()))
    }

    /// Reads a header that has only the credential, and that a proxy adds to requests. It is ambient, like a cookie.
    #[cfg(feature = "jwt")]
    pub(crate) fn proxy_header(name: HeaderName) -> Self {
        Self(Source::ProxyHeader(name))
    }

    /// Reads the token that this subprotocol of a WebSocket announces.
    #[cfg(feature = "jwt")]
    pub(crate) fn websocket_protocol(name: &str) -> Self {
        Self(Source::WebSocketProtocol(name.into()))
    }

    /// Returns the name of the header; `None` for a scheme or a cookie.
    pub(super) fn header_name(&self) -> Option<HeaderName> {
        match &self.0 {
            Source::Header(name) | Source::ProxyHeader(name) => Some(name.clone()),
            Source::WebSocketProtocol(_) => Some(SEC_WEBSOCKET_PROTOCOL),
            Source::Scheme { .. } | Source::Cookie(_) => None,
        }
    }

    /// Whether a request may have a credential that both sources read.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (
                Source::Scheme { name: a, form: Form::Prefix(one) },
                Source::Scheme { name: b, form: Form::Prefix(two) },
            ) => a.eq_ignore_ascii_case(b) && (one.starts_with(&**two) || two.starts_with(&**one)),
            (Source::Scheme { name: a, form }, Source::Scheme { name: b, form: other }) => {
                a.eq_ignore_ascii_case(b) && form == other
            }
            (Source::Header(one), Source::ProxyHeader(two)) | (Source::ProxyHeader(one), Source::Header(two)) => {
                one == two
            }
            (one, other) => one == other,
        }
    }

    /// Returns what is wrong with the source, if anything.
    pub(super) fn issue(&self, setting: &'static str) -> Option<ConfigIssue> {
        let (reason, remedy) = match &self.0 {
            Source::Scheme { name, .. } if !is_token(name.as_bytes()) => {
                ("not the name of a scheme", "use a token, for example ApiKey")
            }
            Source::Scheme { form: Form::Prefix(prefix), .. } if prefix.is_empty() => {
                ("the prefix is empty", "use the text that all keys begin with, for example acme_live_")
            }
            Source::Scheme { form: Form::Prefix(prefix), .. } if !is_token68(prefix) => {
                ("the prefix has a character that no token has", "use letters, digits and _")
            }
            Source::Header(name) if name == AUTHORIZATION => {
                ("this header has a scheme", "use CredentialSource::scheme")
            }
            Source::Header(name) if name == COOKIE => ("this header has all cookies", "use CredentialSource::cookie"),
            Source::Cookie(name) if !is_cookie_name(name) => {
                ("not a cookie name (RFC 6265 §4.1.1)", "use a token, for example __Host-session")
            }
            _ => return None,
        };
        Some(ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy).with_value(self.to_string()))
    }
}

/// Writes the place, for example `Bearer acme_live_...`.
impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Scheme { name, form: Form::Any } => f.write_str(name),
            Source::Scheme { name, form: Form::Jwt } => write!(f, "{name} <JWT>"),
            Source::Scheme { name, form: Form::Prefix(prefix) } => write!(f, "{name} {prefix}..."),
            Source::Header(name) | Source::ProxyHeader(name) => write!(f, "header {name}"),
            Source::Cookie(name) => write!(f, "cookie {name}"),
            Source::WebSocketProtocol(name) => write!(f, "subprotocol {name}"),
        }
    }
}

const BEARER: &str = "Bearer";
