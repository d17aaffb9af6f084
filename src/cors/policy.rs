//! `Policy`: the validated settings of a `Cors`, and its checks (Fetch standard, "HTTP-CORS protocol").

use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, request};

use crate::context::OriginSet;
use crate::cors::names::Names;
use crate::field::list::tokens;
use crate::field::origin::MAX_LEN;
use crate::field::token::is_token;

pub(super) struct Policy {
    pub(super) origins: AllowedOrigins,
    pub(super) allows_credentials: bool,
    pub(super) methods: AllowedMethods,
    pub(super) request_headers: AllowedHeaders,
    pub(super) exposed_headers: Option<HeaderValue>,
    pub(super) max_age: HeaderValue,
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
    pub(super) fn of(head: &'a request::Parts) -> Self {
        let requested_method = match head.method {
            Method::OPTIONS => head.headers.get(ACCESS_CONTROL_REQUEST_METHOD),
            _ => None,
        };
        let mut origins = head.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next(), requested_method) {
            (None, _, _) => Self::NoOrigin,
            (Some(_), Some(_), method) => Self::SeveralOrigins { is_preflight: method.is_some() },
            (Some(origin), None, Some(method)) => Self::Preflight { origin, method },
            (Some(origin), None, None) => Self::Actual { origin },
        }
    }
}

impl PreflightError {
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

    pub(super) fn allows_origin(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            AllowedOrigins::Any => origin.len() <= MAX_LEN,
            AllowedOrigins::Set(set) => origin.to_str().is_ok_and(|origin| set.contains(origin)),
        }
    }

    /// Checks a preflight: its origin, then its method, then its headers.
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
mod tests {
    use http::{HeaderName, Request};

    use super::*;

    const PAGE: &str = "https://app.example.com";

    fn head(method: &str, fields: &[(HeaderName, &'static str)]) -> request::Parts {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn one_origin() -> Policy {
        Policy {
            origins: AllowedOrigins::Set(OriginSet::new([PAGE]).unwrap()),
            allows_credentials: false,
            methods: AllowedMethods::List([Method::PUT, Method::PATCH].into()),
            request_headers: AllowedHeaders::List(Names::new(["x-a", "x-b"])),
            exposed_headers: None,
            max_age: HeaderValue::from_static("600"),
            is_debug: false,
        }
    }

    fn anything() -> Policy {
        Policy {
            origins: AllowedOrigins::Any,
            methods: AllowedMethods::Any,
            request_headers: AllowedHeaders::Any,
            ..one_origin()
        }
    }

    fn check(
        policy: &Policy,
        origin: &'static str,
        method: &'static str,
        names: &'static str,
    ) -> Result<(), PreflightError> {
        let head = head("OPTIONS", &[(ACCESS_CONTROL_REQUEST_HEADERS, names)]);
        policy.check_preflight(&HeaderValue::from_static(origin), &HeaderValue::from_static(method), &head.headers)
    }

    #[test]
    fn a_preflight_is_options_with_an_origin_and_a_method() {
        let origin = (ORIGIN, PAGE);
        let requested_method = (ACCESS_CONTROL_REQUEST_METHOD, "PUT");
        let kind = |method: &str, fields: &[_]| match CorsRequest::of(&head(method, fields)) {
            CorsRequest::NoOrigin => "no origin",
            CorsRequest::Actual { origin } => {
                assert_eq!(origin, PAGE);
                "actual"
            }
            CorsRequest::Preflight { origin, method } => {
                assert_eq!((origin.as_bytes(), method.as_bytes()), (PAGE.as_bytes(), b"PUT".as_slice()));
                "preflight"
            }
            CorsRequest::SeveralOrigins { is_preflight: true } => "several origins, preflight",
            CorsRequest::SeveralOrigins { is_preflight: false } => "several origins",
        };
        assert_eq!(kind("OPTIONS", &[origin.clone(), requested_method.clone()]), "preflight");
        for method in ["GET", "PUT", "options", "OPTIONSX"] {
            assert_eq!(kind(method, &[origin.clone(), requested_method.clone()]), "actual", "{method}");
        }
        assert_eq!(kind("OPTIONS", std::slice::from_ref(&origin)), "actual");
        assert_eq!(kind("OPTIONS", std::slice::from_ref(&requested_method)), "no origin");
        assert_eq!(kind("GET", &[]), "no origin");
        assert_eq!(
            kind("OPTIONS", &[origin.clone(), origin.clone(), requested_method.clone()]),
            "several origins, preflight"
        );
        assert_eq!(kind("GET", &[origin.clone(), origin, requested_method]), "several origins");
    }

    #[test]
    fn the_first_failed_check_is_reported() {
        let policy = one_origin();
        for (origin, method, names, expected) in [
            (PAGE, "PUT", "x-b,x-a", Ok(())),
            (PAGE, "GET", "", Ok(())),
            ("https://b.example", "DELETE", "x-c", Err(PreflightError::Origin)),
            (PAGE, "DELETE", "x-c", Err(PreflightError::Method)),
            (PAGE, "put", "x-a", Err(PreflightError::Method)),
            (PAGE, "PUT", "x-c", Err(PreflightError::Headers)),
            (PAGE, "PUT", "x-a,x a", Err(PreflightError::Headers)),
        ] {
            assert_eq!(check(&policy, origin, method, names), expected, "{origin} {method} {names}");
        }
    }

    #[test]
    fn any_method_and_any_header_exclude_what_browsers_never_send() {
        let policy = anything();
        for (origin, method, names, expected) in [
            ("null", "PURGE", "x-a", Ok(())),
            ("chrome-extension://a", "get", "*", Ok(())),
            (PAGE, "trace", "", Err(PreflightError::Method)),
            (PAGE, "CONNECT", "", Err(PreflightError::Method)),
            (PAGE, "a b", "", Err(PreflightError::Method)),
            (PAGE, "", "", Err(PreflightError::Method)),
            (PAGE, "GET", "x a", Err(PreflightError::Headers)),
        ] {
            assert_eq!(check(&policy, origin, method, names), expected, "{origin} {method} {names}");
        }
        assert!(policy.allows_origin(&HeaderValue::try_from("a".repeat(MAX_LEN)).unwrap()));
        assert!(!policy.allows_origin(&HeaderValue::try_from("a".repeat(MAX_LEN + 1)).unwrap()));
    }

    #[test]
    fn an_origin_that_is_not_text_is_not_allowed() {
        let origin = HeaderValue::from_bytes(b"https://app.example.com\xff").unwrap();
        assert!(!one_origin().allows_origin(&origin));
    }

    #[test]
    fn only_a_policy_without_an_origin_set_allows_any_origin() {
        assert!(!one_origin().allows_any_origin());
        assert!(anything().allows_any_origin());
    }
}
