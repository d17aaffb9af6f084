//! `RoutePattern`: a route of the configuration, for one method or for all.

use std::fmt;

use http::Method;

/// A route as settings name it: `/reports/{id}` for every method, or `GET /reports/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoutePattern {
    method: Option<Box<str>>,
    path: Box<str>,
}

impl RoutePattern {
    /// Creates a route from its text, whether or not the text is [valid](Self::mistake).
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        match text.split_once(' ') {
            // A route begins with a slash, and a method does not.
            Some((method, path)) if !method.starts_with('/') => Self { method: Some(method.into()), path: path.into() },
            _ => Self { method: None, path: text.into() },
        }
    }

    pub(crate) fn all(texts: impl IntoIterator<Item: Into<String>>) -> Vec<Self> {
        texts.into_iter().map(Self::new).collect()
    }

    /// Returns the reason and the remedy if the route would match no request, which would silently disable what is
    /// configured for it.
    pub(crate) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        if self.method.as_deref().is_some_and(|method| !METHODS.contains(&method)) {
            let remedy = "write one method in upper case before the route, as in GET /reports/{id}, or only the route";
            return Some(("it does not begin with a method that axum routes", remedy));
        }
        let remedy = "write the route as in the router: /reports/{id}, or GET /reports/{id} for one method";
        (!is_valid_route(&self.path)).then_some(("not a route of axum 0.8", remedy))
    }

    /// Returns the route without the method.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether the pattern is for requests with this method. As in axum, what is for GET is for HEAD too.
    pub(crate) fn has_method(&self, method: &Method) -> bool {
        self.method.as_deref().is_none_or(|own| own == method.as_str() || (own == "GET" && *method == Method::HEAD))
    }

    /// Whether this is the route that a router matched, whatever the method.
    pub(crate) fn is_route(&self, matched: &str) -> bool {
        is_same_route(&self.path, matched)
    }

    /// As [`is_route`](Self::is_route), whether or not either of the two ends with a slash.
    pub(crate) fn is_route_with_or_without_slash(&self, matched: &str) -> bool {
        is_same_route(self.path.trim_end_matches('/'), matched.trim_end_matches('/'))
    }

    /// Whether every request for the other route is also one for this route.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covers_method = match (self.method.as_deref(), other.method.as_deref()) {
            (None, _) | (Some("GET"), Some("HEAD")) => true,
            (own, other) => own == other,
        };
        covers_method && is_same_route(&self.path, &other.path)
    }

    /// Whether a request may be for both routes.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether the route matches more than one path.
    #[cfg(feature = "rate_limit")]
    pub(crate) fn has_parameters(&self) -> bool {
        has_parameters(&self.path)
    }
}

/// Whether a route matches more than one path.
pub(crate) fn has_parameters(route: &str) -> bool {
    split_at_parameter(route).1.is_some()
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.method {
            Some(method) => write!(f, "{method} {}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// Whether axum 0.8 accepts the route. Any other would match no request, and silently disable what is configured for
/// it.
fn is_valid_route(route: &str) -> bool {
    // Segments that begin with a colon or a star are the syntax of older versions.
    let Some(segments) = route.strip_prefix('/') else { return false };
    if segments.split('/').any(|segment| segment.starts_with([':', '*'])) {
        return false;
    }
    let mut rest = route;
    loop {
        let (literal, parameter) = split_at_parameter(rest);
        if literal.replace("{{", "").replace("}}", "").contains(['{', '}']) {
            return false;
        }
        let Some((name, after)) = parameter else { return true };
        let catch_all = name.strip_prefix('*');
        let name = catch_all.unwrap_or(name);
        let ends_segment = after.is_empty() || (after.starts_with('/') && catch_all.is_none());
        if name.is_empty() || name.contains(['*', '/']) || !ends_segment {
            return false;
        }
        rest = after;
    }
}

/// Whether two routes are the same for a router, which ignores the names of parameters.
fn is_same_route(route: &str, matched: &str) -> bool {
    fn kind(segment: &str) -> (&str, Option<bool>) {
        let (literal, parameter) = split_at_parameter(segment);
        (literal, parameter.map(|(name, _)| name.starts_with('*')))
    }
    route == matched || (matched.contains('{') && route.split('/').map(kind).eq(matched.split('/').map(kind)))
}

/// Splits a route into the text before its first parameter, and that parameter's name with the text after it.
pub(super) fn split_at_parameter(route: &str) -> (&str, Option<(&str, &str)>) {
    let mut from = 0;
    while let Some(brace) = route.get(from..).and_then(|rest| rest.find('{')) {
        let start = from + brace;
        let Some((literal, parameter)) = route.split_at_checked(start) else { break };
        if parameter.starts_with("{{") {
            from = start + 2;
            continue;
        }
        return match parameter.strip_prefix('{').and_then(|parameter| parameter.split_once('}')) {
            Some((name, after)) => (literal, Some((name, after))),
            None => break,
        };
    }
    (route, None)
}

/// The methods of a `MethodRouter`. A pattern with another one, such as a misspelled one, would match nothing.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_known_method_or_none() {
        for text in ["/", "/a/{id}", "GET /", "DELETE /a/{id}", "HEAD /{*path}", "/a b"] {
            assert_eq!(RoutePattern::new(text).mistake(), None, "{text}");
            assert_eq!(RoutePattern::new(text).to_string(), text);
        }
        for text in ["get /a", "Get /a", "PSOT /a", "GET,POST /a", "* /a", " /a", "PROPFIND /a", "https://a.example /a"]
        {
            let (reason, _) = RoutePattern::new(text).mistake().unwrap();
            assert!(reason.contains("method"), "{text}: {reason}");
        }
        for text in ["", "a", "GET", "GET a", "GET  /a", "GET\t/a", "GET POST /a", "GET /:id"] {
            let (reason, _) = RoutePattern::new(text).mistake().unwrap();
            assert!(reason.contains("route of axum"), "{text}: {reason}");
        }
    }

    #[test]
    fn get_includes_head_and_nothing_else() {
        for (text, methods) in [
            ("/a", &["GET", "HEAD", "POST", "DELETE", "PROPFIND", "get"][..]),
            ("GET /a", &["GET", "HEAD"]),
            ("HEAD /a", &["HEAD"]),
            ("POST /a", &["POST"]),
        ] {
            for method in ["GET", "HEAD", "POST", "DELETE", "PROPFIND", "get"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                assert_eq!(RoutePattern::new(text).has_method(&method), methods.contains(&method.as_str()), "{text}");
            }
        }
    }

    #[test]
    fn a_pattern_covers_patterns_for_fewer_requests() {
        for (pattern, other, covers, overlaps) in [
            ("/a", "/a", true, true),
            ("/a", "GET /a", true, true),
            ("GET /a", "/a", false, true),
            ("GET /a", "HEAD /a", true, true),
            ("HEAD /a", "GET /a", false, true),
            ("GET /a", "POST /a", false, false),
            ("/a/{id}", "GET /a/{name}", true, true),
            ("/a", "GET /b", false, false),
        ] {
            let (pattern, other) = (RoutePattern::new(pattern), RoutePattern::new(other));
            assert_eq!((pattern.covers(&other), pattern.overlaps(&other)), (covers, overlaps), "{pattern}, {other}");
        }
    }
}
