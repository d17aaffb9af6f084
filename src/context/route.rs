//! The route that axum's router matched, from the request's extensions.

#[cfg(feature = "axum")]
use axum::extract::{MatchedPath, NestedPath};
use http::request;

/// The pattern of the matched route, such as `/users/{id}`; `None` if no router has matched yet.
#[cfg(feature = "axum")]
pub(crate) fn matched_path(head: &request::Parts) -> Option<&str> {
    head.extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Always `None`: without axum, no router reports its match.
#[cfg(not(feature = "axum"))]
pub(crate) fn matched_path(_: &request::Parts) -> Option<&str> {
    None
}

/// The path at which the innermost router so far is nested; empty if it is not nested.
#[cfg(feature = "axum")]
pub(crate) fn nested_path(head: &request::Parts) -> &str {
    head.extensions.get::<NestedPath>().map_or("", NestedPath::as_str)
}

/// Always empty: without axum, no router reports its path.
#[cfg(not(feature = "axum"))]
pub(crate) fn nested_path(_: &request::Parts) -> &str {
    ""
}
