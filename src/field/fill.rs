//! Writing a field of an answer: a map that is full to its bound stays as it is, and nothing panics.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Writes the field where there is none of the name.
pub(crate) fn fill(headers: &mut HeaderMap, name: &HeaderName, value: impl FnOnce() -> HeaderValue) {
    if !headers.contains_key(name) {
        set(headers, name, value());
    }
}

/// Writes the field over what there is.
pub(crate) fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    // A map of 24,576 names is full; who made it so can do without this one.
    let _ = headers.try_insert(name.clone(), value);
}
