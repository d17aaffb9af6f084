//! `aud` (RFC 7519 §4.1.3): a string, or an array of strings.

use crate::strict_json::{array, string};

/// Whether the JSON text of an audience has a value for which `is_expected` holds.
///
/// Returns `None` if the text is malformed: not a nonempty string or a nonempty array of them. All elements are
/// checked, so one that is malformed makes the claim malformed, even after a match.
pub(crate) fn contains(value: &str, is_expected: impl Fn(&str) -> bool) -> Option<bool> {
    if let Some(audience) = string(value) {
        return if audience.is_empty() { None } else { Some(is_expected(&audience)) };
    }
    let mut is_found = false;
    for audience in array(value).filter(|audiences| !audiences.is_empty())? {
        let audience = string(audience.get()).filter(|audience| !audience.is_empty())?;
        is_found |= is_expected(&audience);
    }
    Some(is_found)
}
