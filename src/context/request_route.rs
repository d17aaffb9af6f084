//! `RequestRoute`: the route of a request, compared with the routes of the configuration.

// What is known depends on where a layer runs (axum 0.8):
//
// | place of the layer                             | matched route  | nested path | path                    |
// |------------------------------------------------|----------------|-------------|-------------------------|
// | `Router::layer` and `route_layer`, on a route  | full pattern   | -           | full                    |
// | the same, in a nested router                   | full pattern   | pattern     | without the nested path |
// | `Router::layer`, on the fallback               | -              | -           | full                    |
// | the same, in a nested router                   | -              | pattern     | without the nested path |
// | around a service of `nest_service`             | - (1)          | pattern     | without the nested path |
// | around a router, or without a router           | -              | -           | full                    |
//
// (1) For the nested path itself, with or without a slash at the end, the outer router reports a match.
//
// Where axum removes the nested path, it also removes an extra slash: `/api/health` and `/api//health` both become
// `/health`. So the original path must match too.

use std::borrow::Cow;

use http::request;
use percent_encoding::percent_decode_str;

use crate::context::route::{matched_path, nested_path, original_path};
use crate::context::route_pattern::{RoutePattern, has_parameters, split_at_parameter};

/// The route of a request. It is looked up once, however many settings are compared with it.
#[derive(Clone, Copy)]
pub(crate) struct RequestRoute<'a> {
    head: &'a request::Parts,
    matched: Option<&'a str>,
}

impl<'a> RequestRoute<'a> {
    pub(crate) fn of(head: &'a request::Parts) -> Self {
        Self { head, matched: matched_path(head) }
    }

    /// Returns the pattern of the matched route; `None` if no router has matched one.
    pub(crate) fn matched(self) -> Option<&'a str> {
        self.matched
    }

    /// Whether the request has passed a router, which knows its route if it has one.
    pub(crate) fn has_passed_router(self) -> bool {
        self.matched.is_some() || original_path(self.head).is_some()
    }

    /// Whether the request is certainly for one of these routes. Use it for what opens or exempts a route.
    ///
    /// The matched route decides. Without one, only a route without parameters can be that of the request, and its path
    /// must be exactly that: every other comparison would need the rules by which some service decodes and cleans
    /// paths, and each difference would be a way around a check.
    pub(crate) fn is_any_of(self, routes: &[RoutePattern]) -> bool {
        let mut routes = routes.iter().filter(|route| route.has_method(&self.head.method));
        match self.matched {
            Some(matched) => routes.any(|route| route.is_route(matched)),
            None => routes.any(|route| self.has_path(route.path())),
        }
    }

    /// Returns the first of these routes that the request may be for. Use it for what restricts a route.
    ///
    /// A false match is safe here. So without a matched route, the path is compared with the patterns, once as it is
    /// and once decoded and cleaned. The path of a request that a catch-all route matched is compared too, because the
    /// handler of such a route distinguishes paths on its own. The handler of a route with other parameters
    /// distinguishes only their values, which are decoded. So such a path is compared with routes without parameters.
    /// A slash at the end of a matched route makes no difference, because `nest_service("/a", ..)` serves `/a/` too.
    pub(crate) fn first_possible(self, routes: &[RoutePattern]) -> Option<&str> {
        let is_possible = |route: &RoutePattern| match self.matched {
            Some(matched) if route.is_route_with_or_without_slash(matched) => true,
            Some(matched) if !has_parameters(matched) => self.has_path(route.path()),
            Some(matched) if !matched.contains("{*") => {
                !has_parameters(route.path()) && self.may_have_path(route.path())
            }
            _ => self.may_have_path(route.path()),
        };
        let mut routes = routes.iter().filter(|route| route.has_method(&self.head.method));
        routes.find(|route| is_possible(route)).map(RoutePattern::path)
    }

    /// Whether the path of the request is exactly this route, which must have no parameters.
    fn has_path(self, route: &str) -> bool {
        let path = self.head.uri.path();
        let original = original_path(self.head);
        let is_path = is_literal(route, original.unwrap_or(path));
        match nested_path(self.head) {
            // If a middleware rewrote the path since, it is not certain what the path is for.
            None => is_path && original.is_none_or(|original| original == path),
            // Without the original path, an extra slash would go unnoticed.
            Some(nested) => is_path && original.is_some() && is_rest(route, nested, |rest| is_literal(rest, path)),
        }
    }

    /// Whether the path of the request may match this route.
    fn may_have_path(self, route: &str) -> bool {
        let path = self.head.uri.path();
        let is_original = original_path(self.head).is_some_and(|original| may_match(route, original));
        // The path may have been rewritten since, so both are compared.
        is_original
            || match nested_path(self.head) {
                None => may_match(route, path),
                Some(nested) => is_rest(route, nested, |rest| may_match(rest, path)),
            }
    }
}

/// Whether a route has no parameters, and is this path.
fn is_literal(route: &str, path: &str) -> bool {
    let (literal, parameter) = split_at_parameter(route);
    parameter.is_none() && *unescape(literal) == *path
}

/// Whether a route begins with the nested path, and the rest of it fulfills the condition.
fn is_rest(route: &str, nested: &str, condition: impl Fn(&str) -> bool) -> bool {
    let rest = route.strip_prefix(nested.trim_end_matches('/'));
    // For the nested path itself, axum leaves the path `/`.
    rest.is_some_and(|rest| condition(if rest.is_empty() { "/" } else { rest }))
}

/// Whether a path matches the pattern of a route, as it is or once it is decoded and cleaned.
fn may_match(route: &str, path: &str) -> bool {
    let is_match = |path: &str| matches(route.trim_end_matches('/'), path);
    matches(route, path) || cleaned(path).map_or_else(|| is_match(path), |path| is_match(&path))
}

/// Whether a path matches the pattern of a route by the rules of axum's router.
fn matches(route: &str, path: &str) -> bool {
    let mut path = path;
    let mut rest = route;
    loop {
        let (literal, parameter) = split_at_parameter(rest);
        let literal = unescape(literal);
        let Some((name, after)) = parameter else { return *literal == *path };
        let Some(value) = path.strip_prefix(&*literal) else { return false };
        if name.starts_with('*') {
            return !value.is_empty();
        }
        let length = value.find('/').unwrap_or(value.len());
        // Like axum, accept an empty value only within the path.
        if value.is_empty() {
            return false;
        }
        path = value.get(length..).unwrap_or_default();
        rest = after;
        if rest.is_empty() {
            return path.is_empty();
        }
    }
}

/// Returns the path decoded, and without the segments that a service may remove: empty ones, `.`, and `..` together
/// with the segment before it. `None` if nothing changes.
fn cleaned(path: &str) -> Option<String> {
    let is_clean = !path.contains('%') && path.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."));
    if is_clean {
        return None;
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    Some(segments.into_iter().flat_map(|segment| ["/", segment]).collect())
}

/// Returns the text that a literal part of a route stands for: braces are doubled in routes.
fn unescape(literal: &str) -> Cow<'_, str> {
    if literal.contains(['{', '}']) {
        Cow::Owned(literal.replace("{{", "{").replace("}}", "}"))
    } else {
        Cow::Borrowed(literal)
    }
}

#[cfg(test)]
mod tests;
