//! The route that a request matched, as the router left it in the request's extensions.

#[cfg(feature = "axum")]
use axum::extract::{MatchedPath, NestedPath};
use http::request;

/// The route as axum's router spells it; `None` where no router told.
#[cfg(feature = "axum")]
pub(crate) fn matched(head: &request::Parts) -> Option<&str> {
    head.extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// No router tells.
#[cfg(not(feature = "axum"))]
pub(crate) fn matched(_: &request::Parts) -> Option<&str> {
    None
}

/// The path at which the router is nested that the request came to last; empty where it is not.
#[cfg(feature = "axum")]
pub(crate) fn nested(head: &request::Parts) -> &str {
    head.extensions.get::<NestedPath>().map_or("", NestedPath::as_str)
}

/// No router tells.
#[cfg(not(feature = "axum"))]
pub(crate) fn nested(_: &request::Parts) -> &str {
    ""
}
