//! What is true of a `Cors` once it is built, and what it says of a request (Fetch standard, "HTTP-CORS protocol").

use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, request};

use crate::context::OriginSet;
use crate::cors::names::Names;
use crate::field::list::tokens;
use crate::field::origin::MAX_LEN;
use crate::field::token::is_token;

pub(super) struct Policy {
    pub(super) origins: Origins,
    pub(super) has_credentials: bool,
    /// Beside GET, HEAD and POST, which need no leave.
    pub(super) methods: Methods,
    pub(super) request_headers: RequestHeaders,
    pub(super) exposed: Option<HeaderValue>,
    pub(super) max_age: HeaderValue,
    pub(super) is_debug: bool,
}

pub(super) enum Origins {
    Any,
    Of(OriginSet),
}

pub(super) enum Methods {
    Any,
    Of(Box<[Method]>),
}

pub(super) enum RequestHeaders {
    Any,
    Of(Names),
}

/// What a request is to CORS.
pub(super) enum Visit<'a> {
    /// No page of another origin asks.
    SameOrigin,
    /// Asked on behalf of a page of this origin.
    Actual(&'a HeaderValue),
    /// A browser asks for leave (Fetch 4.8): the origin and the method.
    Preflight(&'a HeaderValue, &'a HeaderValue),
    /// More than one origin is named, which no browser does.
    Unclear { is_preflight: bool },
}

/// The step at which a preflight failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Origin,
    Method,
    Headers,
}

impl<'a> Visit<'a> {
    pub(super) fn of(head: &'a request::Parts) -> Self {
        let method = match head.method {
            Method::OPTIONS => head.headers.get(ACCESS_CONTROL_REQUEST_METHOD),
            _ => None,
        };
        let mut origins = head.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next(), method) {
            (None, _, _) => Self::SameOrigin,
            (Some(_), Some(_), method) => Self::Unclear { is_preflight: method.is_some() },
            (Some(origin), None, Some(method)) => Self::Preflight(origin, method),
            (Some(origin), None, None) => Self::Actual(origin),
        }
    }
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Method => "method",
            Self::Headers => "headers",
        }
    }
}

impl Policy {
    /// Whether every origin may read, and so none needs to be named.
    pub(super) fn is_any(&self) -> bool {
        !self.varies()
    }

    pub(super) fn admits_origin(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => origin.len() <= MAX_LEN,
            Origins::Of(set) => origin.to_str().is_ok_and(|origin| set.contains(origin)),
        }
    }

    /// Whether an answer depends on the origin that asks.
    pub(super) fn varies(&self) -> bool {
        matches!(self.origins, Origins::Of(_))
    }

    /// Judges a preflight, step by step.
    pub(super) fn judge(&self, origin: &HeaderValue, method: &HeaderValue, headers: &HeaderMap) -> Result<(), Step> {
        if !self.admits_origin(origin) {
            return Err(Step::Origin);
        }
        if !self.admits_method(method.as_bytes()) {
            return Err(Step::Method);
        }
        let mut names = tokens(headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS));
        let is_allowed = match &self.request_headers {
            RequestHeaders::Any => names.all(|name| name.is_some()),
            RequestHeaders::Of(allowed) => names.all(|name| name.is_some_and(|name| allowed.contains(name))),
        };
        if is_allowed { Ok(()) } else { Err(Step::Headers) }
    }

    fn admits_method(&self, method: &[u8]) -> bool {
        match &self.methods {
            Methods::Any => is_token(method) && !is_forbidden(method),
            Methods::Of(methods) => {
                SAFELISTED.iter().any(|safe| safe.as_bytes() == method)
                    || methods.iter().any(|allowed| allowed.as_str().as_bytes() == method)
            }
        }
    }
}

/// Fetch, "forbidden method": no browser sends one, in any case of letters.
pub(super) fn is_forbidden(method: &[u8]) -> bool {
    ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden.as_bytes()))
}

/// Fetch, "CORS-safelisted method".
pub(super) const SAFELISTED: [&str; 3] = ["GET", "HEAD", "POST"];

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

    fn named() -> Policy {
        Policy {
            origins: Origins::Of(OriginSet::new([PAGE]).unwrap()),
            has_credentials: false,
            methods: Methods::Of([Method::PUT, Method::PATCH].into()),
            request_headers: RequestHeaders::Of(Names::new(["x-a", "x-b"])),
            exposed: None,
            max_age: HeaderValue::from_static("600"),
            is_debug: false,
        }
    }

    fn any() -> Policy {
        Policy { origins: Origins::Any, methods: Methods::Any, request_headers: RequestHeaders::Any, ..named() }
    }

    fn judged(policy: &Policy, origin: &'static str, method: &'static str, names: &'static str) -> Result<(), Step> {
        let head = head("OPTIONS", &[(ACCESS_CONTROL_REQUEST_HEADERS, names)]);
        policy.judge(&HeaderValue::from_static(origin), &HeaderValue::from_static(method), &head.headers)
    }

    #[test]
    fn a_preflight_is_options_with_an_origin_and_a_method() {
        let (origin, asked) = ((ORIGIN, PAGE), (ACCESS_CONTROL_REQUEST_METHOD, "PUT"));
        let told = |method: &str, fields: &[_]| match Visit::of(&head(method, fields)) {
            Visit::SameOrigin => "same origin",
            Visit::Actual(origin) => {
                assert_eq!(origin, PAGE);
                "actual"
            }
            Visit::Preflight(origin, method) => {
                assert_eq!((origin.as_bytes(), method.as_bytes()), (PAGE.as_bytes(), b"PUT".as_slice()));
                "preflight"
            }
            Visit::Unclear { is_preflight: true } => "unclear preflight",
            Visit::Unclear { is_preflight: false } => "unclear",
        };
        assert_eq!(told("OPTIONS", &[origin.clone(), asked.clone()]), "preflight");
        for method in ["GET", "PUT", "options", "OPTIONSX"] {
            assert_eq!(told(method, &[origin.clone(), asked.clone()]), "actual", "{method}");
        }
        assert_eq!(told("OPTIONS", std::slice::from_ref(&origin)), "actual");
        assert_eq!(told("OPTIONS", std::slice::from_ref(&asked)), "same origin");
        assert_eq!(told("GET", &[]), "same origin");
        assert_eq!(told("OPTIONS", &[origin.clone(), origin.clone(), asked.clone()]), "unclear preflight");
        assert_eq!(told("GET", &[origin.clone(), origin, asked]), "unclear");
    }

    #[test]
    fn the_first_step_that_fails_is_told() {
        let policy = named();
        for (origin, method, names, expected) in [
            (PAGE, "PUT", "x-b,x-a", Ok(())),
            (PAGE, "GET", "", Ok(())),
            ("https://b.example", "DELETE", "x-c", Err(Step::Origin)),
            (PAGE, "DELETE", "x-c", Err(Step::Method)),
            (PAGE, "put", "x-a", Err(Step::Method)),
            (PAGE, "PUT", "x-c", Err(Step::Headers)),
            (PAGE, "PUT", "x-a,x a", Err(Step::Headers)),
        ] {
            assert_eq!(judged(&policy, origin, method, names), expected, "{origin} {method} {names}");
        }
    }

    #[test]
    fn what_admits_any_admits_nothing_that_no_browser_sends() {
        let policy = any();
        for (origin, method, names, expected) in [
            ("null", "PURGE", "x-a", Ok(())),
            ("chrome-extension://a", "get", "*", Ok(())),
            (PAGE, "trace", "", Err(Step::Method)),
            (PAGE, "CONNECT", "", Err(Step::Method)),
            (PAGE, "a b", "", Err(Step::Method)),
            (PAGE, "", "", Err(Step::Method)),
            (PAGE, "GET", "x a", Err(Step::Headers)),
        ] {
            assert_eq!(judged(&policy, origin, method, names), expected, "{origin} {method} {names}");
        }
        assert!(policy.admits_origin(&HeaderValue::try_from("a".repeat(MAX_LEN)).unwrap()));
        assert!(!policy.admits_origin(&HeaderValue::try_from("a".repeat(MAX_LEN + 1)).unwrap()));
    }

    #[test]
    fn an_origin_that_is_no_text_is_foreign() {
        let origin = HeaderValue::from_bytes(b"https://app.example.com\xff").unwrap();
        assert!(!named().admits_origin(&origin));
    }

    #[test]
    fn answers_vary_where_origins_are_named() {
        assert!(named().varies() && !named().is_any());
        assert!(any().is_any() && !any().varies());
    }
}
