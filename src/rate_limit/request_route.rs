//! `RequestRoute`: the route that a request matched, compared with the routes of the configuration.

use http::request;

use crate::context::route::{matched_path, nested_path};

/// The route of a request. It is looked up once, however many settings are compared with it.
///
/// A route is what the router matched. Comparing paths instead would need the router's own rules for decoding, slashes
/// and parameters, and each difference would be a way to evade a limit.
#[derive(Clone, Copy)]
pub(super) struct RequestRoute<'a> {
    head: &'a request::Parts,
    matched: Option<&'a str>,
}

impl<'a> RequestRoute<'a> {
    pub(super) fn of(head: &'a request::Parts) -> Self {
        Self { head, matched: matched_path(head) }
    }

    /// Returns the matched route; empty if the request matched none.
    ///
    /// Unmatched paths are one route together: their number is up to the caller.
    pub(super) fn name(self) -> &'a str {
        self.matched.unwrap_or_default()
    }

    /// Whether the request matched one of these routes. Without a matched route, its path is compared.
    pub(super) fn is_any_of(self, routes: &[Box<str>]) -> bool {
        match self.matched {
            Some(route) => routes.iter().any(|known| **known == *route),
            None => self.has_path_in(routes),
        }
    }

    /// Whether the path of the request is one of these. Inside of a nested router, the prefix is no longer in the path.
    pub(super) fn has_path_in(self, routes: &[Box<str>]) -> bool {
        routes.iter().any(|known| known.strip_prefix(nested_path(self.head)) == Some(self.head.uri.path()))
    }
}
