//! How the Observatory truncates and trims header values.

/// Returns the first `limit` characters of a value.
pub(super) fn truncate(value: &str, limit: usize) -> &str {
    value.char_indices().nth(limit).and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// The characters that ECMAScript's `trim` removes, as far as a header value can contain them.
pub(super) const WHITESPACE: [char; 3] = [' ', '\t', '\u{a0}'];
