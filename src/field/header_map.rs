//! Functions that change headers: a full `HeaderMap` is left unchanged, and nothing panics.
//!
//! A `HeaderMap` holds at most 24,576 names, and its usual methods panic beyond that. A handler may fill it, so the
//! layers write through these functions. They drop the header if the map is full.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Inserts the header if the map has none of this name. Returns whether it did.
pub(crate) fn insert_if_absent(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: impl FnOnce() -> HeaderValue,
) -> bool {
    insert_if_absent_with(headers, name, || Some(value()))
}

/// Inserts the header if the map has none of this name and `value` returns one. Returns whether it did.
///
/// `value` is called only if the name is free, so a value that must be rendered costs nothing for a header that is
/// kept.
pub(crate) fn insert_if_absent_with(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: impl FnOnce() -> Option<HeaderValue>,
) -> bool {
    // The entry serves the check and the insertion with one lookup.
    if let Ok(Entry::Vacant(entry)) = headers.try_entry(name.clone())
        && let Some(value) = value()
    {
        return entry.try_insert(value).is_ok();
    }
    false
}

/// Marks all values of a request header as sensitive, so that their `Debug` does not show them.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap, name: &HeaderName) {
    if let Ok(Entry::Occupied(mut values)) = headers.try_entry(name) {
        values.iter_mut().for_each(|value| value.set_sensitive(true));
    }
}

/// Adds a value to the header and keeps its other values.
pub(crate) fn append(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_append(name.clone(), value);
}

/// Inserts the header, replacing its values.
#[cfg(feature = "headers")]
pub(crate) fn insert(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name.clone(), value);
}
