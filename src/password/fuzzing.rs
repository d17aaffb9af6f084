//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::password::breach::fuzzing::range;
#[cfg(feature = "legacy_passwords")]
use crate::password::legacy::fuzzing::stored_hash;

/// Reads the response of a range service.
pub fn breach_range(data: &[u8]) {
    range(data);
}

/// Reads a stored hash of another framework.
#[cfg(feature = "legacy_passwords")]
pub fn legacy_hash(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        stored_hash(text);
    }
}
