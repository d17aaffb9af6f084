//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::password::breach::fuzzing::range;
#[cfg(feature = "legacy_passwords")]
use crate::password::legacy::fuzzing::stored_hash;
use crate::password::secret::Password;
use crate::password::stored::StoredHash;

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

/// Reads a stored hash: what is accepted is written and read again.
pub fn argon2_hash(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(hash) = text.parse::<StoredHash>() {
        assert!(hash.to_string().parse() == Ok(hash));
    }
}

/// Reads a password from JSON and from a form: it is normalized without a panic, and its `Debug` is redacted.
pub fn password(data: &[u8]) {
    if let Ok(password) = serde_json::from_slice::<Password>(data) {
        assert!(format!("{password:?}") == "Password([redacted])" && password.expose().len() <= 1_024);
        let _ = password.into_nfc();
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let normalized = Password::new(text).into_comparable();
        assert!(normalized.is_none_or(|text| text.len() <= 3 * 1_024 && !text.contains(char::is_control)));
    }
}
