//! How the Observatory truncates and trims header values.

/// Returns the first `limit` characters of a value.
pub(super) fn truncate(value: &str, limit: usize) -> &str {
    value.char_indices().nth(limit).map_or(value, |(end, _)| &value[..end])
}

/// The characters that ECMAScript's `trim` removes, as far as a header value can contain them.
pub(super) const WHITESPACE: [char; 3] = [' ', '\t', '\u{a0}'];
