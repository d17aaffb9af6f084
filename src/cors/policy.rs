//! `Policy`: the validated settings of a `Cors`, and its checks (Fetch standard, "HTTP-CORS protocol").

use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, GetAll, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, request};

use crate::context::OriginSet;
use crate::cors::names::Names;
use crate::field::list::tokens;
use crate::field::origin::MAX_LEN;
use crate::field::token::is_token;

/// What a `Cors` allows. Header values are rendered once, when the layer is built.
pub(super) struct Policy {
    pub(super) origins: AllowedOrigins,
    pub(super) allows_credentials: bool,
    pub(super) methods: AllowedMethods,
    pub(super) request_headers: AllowedHeaders,
    /// The value of `Access-Control-Expose-Headers`.
    pub(super) exposed_headers: Option<HeaderValue>,
    /// The value of `Access-Control-Max-Age`, in seconds.
    pub(super) max_age: HeaderValue,
    /// Whether to log why a preflight is denied.
    pub(super) is_debug: bool,
}

pub(super) enum AllowedOrigins {
    Any,
    Set(OriginSet),
}

pub(super) enum AllowedMethods {
    Any,
    /// These, and the [`SAFELISTED_METHODS`].
    List(Box<[Method]>),
}

pub(super) enum AllowedHeaders {
    Any,
    List(Names),
}

/// A request, as CORS classifies it.
pub(super) enum CorsRequest<'a> {
    /// The request has no `Origin`: it is not from a page, or it is a GET or HEAD from a page of the same origin.
    NoOrigin,
    /// The request is from a page of this origin. A POST from one of the app's own pages has the app's origin.
    Actual { origin: &'a HeaderValue },
    /// The browser checks whether a page may send a request (Fetch §4.8).
    Preflight { origin: &'a HeaderValue, method: &'a HeaderValue },
    /// The request has several `Origin` headers, which browsers never send.
    SeveralOrigins { is_preflight: bool },
}

/// Why a preflight is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreflightError {
    Origin,
    Method,
    Headers,
}

impl<'a> CorsRequest<'a> {
    /// Classifies a request (Fetch, "CORS-preflight fetch" and "`Origin` header").
    ///
    /// OPTIONS without `Access-Control-Request-Method` is a request of its own, which a page may send with
    /// `fetch(url, {method: "OPTIONS"})`, so the handler responds to it. So is OPTIONS with several lines of it: the
    /// header has one method (Fetch, "HTTP new-header syntax"), and a preflight asks about one request.
    pub(super) fn of(head: &'a request::Parts) -> Self {
        let requested_method = match head.method {
            Method::OPTIONS => only_line(head.headers.get_all(ACCESS_CONTROL_REQUEST_METHOD)),
            _ => None,
        };
        // A proxy might forward only one of several `Origin` headers, and which one is unknown. So none of them counts.
        let mut origins = head.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next(), requested_method) {
            (None, _, _) => Self::NoOrigin,
            (Some(_), Some(_), method) => Self::SeveralOrigins { is_preflight: method.is_some() },
            (Some(origin), None, Some(method)) => Self::Preflight { origin, method },
            (Some(origin), None, None) => Self::Actual { origin },
        }
    }
}

/// Returns the value of a header with one line; `None` if there are none or several.
fn only_line(lines: GetAll<'_, HeaderValue>) -> Option<&HeaderValue> {
    let mut lines = lines.into_iter();
    lines.next().filter(|_| lines.next().is_none())
}

impl PreflightError {
    /// Returns the name of the failed check, for the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Method => "method",
            Self::Headers => "headers",
        }
    }
}

impl Policy {
    /// Whether every origin is allowed. Responses then do not depend on the request's origin.
    pub(super) fn allows_any_origin(&self) -> bool {
        matches!(self.origins, AllowedOrigins::Any)
    }

    /// Whether pages of this origin may read responses (Fetch, "CORS check").
    pub(super) fn allows_origin(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            // Includes `null` and schemes of browser extensions. The bound keeps a policy without a list as strict
            // about sizes as one with a list.
            AllowedOrigins::Any => origin.len() <= MAX_LEN,
            AllowedOrigins::Set(set) => origin.to_str().is_ok_and(|origin| set.contains(origin)),
        }
    }

    /// Checks a preflight: its origin, then its method, then its headers (Fetch, "CORS-preflight fetch", step 7).
    ///
    /// The browser makes these checks too, with the lists in the response. They are repeated here so that the response
    /// can allow exactly what is requested, and nothing else about the policy is visible from outside.
    pub(super) fn check_preflight(
        &self,
        origin: &HeaderValue,
        method: &HeaderValue,
        headers: &HeaderMap,
    ) -> Result<(), PreflightError> {
        if !self.allows_origin(origin) {
            return Err(PreflightError::Origin);
        }
        if !self.allows_method(method.as_bytes()) {
            return Err(PreflightError::Method);
        }
        // `None` means an invalid name, or more names or bytes than the limits of a list.
        let mut names = tokens(headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS));
        let is_allowed = match &self.request_headers {
            AllowedHeaders::Any => names.all(|name| name.is_some()),
            AllowedHeaders::List(allowed) => names.all(|name| name.is_some_and(|name| allowed.contains(name))),
        };
        if is_allowed { Ok(()) } else { Err(PreflightError::Headers) }
    }

    /// Whether the method is allowed. The comparison is case-sensitive, as in Fetch.
    fn allows_method(&self, method: &[u8]) -> bool {
        match &self.methods {
            AllowedMethods::Any => is_token(method) && !is_forbidden_method(method),
            AllowedMethods::List(methods) => {
                SAFELISTED_METHODS.iter().any(|safe| safe.as_bytes() == method)
                    || methods.iter().any(|allowed| allowed.as_str().as_bytes() == method)
            }
        }
    }
}

/// Whether browsers never send the method, in any case (Fetch, "forbidden method").
pub(super) fn is_forbidden_method(method: &[u8]) -> bool {
    ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden.as_bytes()))
}

/// The methods that every page may use (Fetch, "CORS-safelisted method").
const SAFELISTED_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

#[cfg(test)]
mod tests;
