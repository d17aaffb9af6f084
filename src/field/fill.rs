//! Writing a field of an answer: a map that is full to its bound stays as it is, and nothing panics.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Writes the field where there is none of the name, and tells whether it did.
pub(crate) fn fill(headers: &mut HeaderMap, name: &HeaderName, value: impl FnOnce() -> HeaderValue) -> bool {
    fill_maybe(headers, name, || Some(value()))
}

/// As [`fill`], unless there is nothing to write.
pub(crate) fn fill_maybe(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: impl FnOnce() -> Option<HeaderValue>,
) -> bool {
    // One look-up for the question and the answer.
    if let Ok(Entry::Vacant(place)) = headers.try_entry(name.clone())
        && let Some(value) = value()
    {
        return place.try_insert(value).is_ok();
    }
    false
}

/// Adds a line to the field.
pub(crate) fn add(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_append(name.clone(), value);
}

/// Writes the field over what there is.
pub(crate) fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    // A map of 24,576 names is full; who made it so can do without this one.
    let _ = headers.try_insert(name.clone(), value);
}
