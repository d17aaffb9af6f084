//! The method, path and route of a request, for decisions and for the log.

#[cfg(feature = "axum")]
use axum::extract::{MatchedPath, NestedPath, OriginalUri};
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

/// The name of the method, for the log. A caller may invent a method, so a long one is left out.
pub(crate) fn method_name(head: &request::Parts) -> &str {
    let name = head.method.as_str();
    if name.len() <= MAX_METHOD_LEN { name } else { "another method" }
}

/// The longest method that IANA has registered is `UPDATEREDIRECTREF`, with 17 bytes.
const MAX_METHOD_LEN: usize = 17;

/// The path at which the innermost router so far is nested; `None` if it is not nested.
#[cfg(feature = "axum")]
pub(crate) fn nested_path(head: &request::Parts) -> Option<&str> {
    head.extensions.get::<NestedPath>().map(NestedPath::as_str)
}

/// Always `None`: without axum, no router reports its path.
#[cfg(not(feature = "axum"))]
pub(crate) fn nested_path(_: &request::Parts) -> Option<&str> {
    None
}

/// The path and the query as the client sent them: nested routers remove a prefix of the path.
#[cfg(all(feature = "axum", feature = "session"))]
pub(crate) fn path_and_query(head: &request::Parts) -> Option<&str> {
    let uri = head.extensions.get::<OriginalUri>().map_or(&head.uri, |uri| &uri.0);
    uri.path_and_query().map(|path| path.as_str())
}

/// The path and the query of the request.
#[cfg(all(not(feature = "axum"), feature = "session"))]
pub(crate) fn path_and_query(head: &request::Parts) -> Option<&str> {
    head.uri.path_and_query().map(|path| path.as_str())
}

/// The path of the request as the outermost router received it; `None` if the request has not reached a router.
#[cfg(feature = "axum")]
pub(crate) fn original_path(head: &request::Parts) -> Option<&str> {
    head.extensions.get::<OriginalUri>().map(|uri| uri.path())
}

/// Always `None`: without axum, no router keeps the path.
#[cfg(not(feature = "axum"))]
pub(crate) fn original_path(_: &request::Parts) -> Option<&str> {
    None
}
