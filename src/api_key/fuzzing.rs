//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::api_key::key::format::KeyFormat;
use crate::api_key::record::ApiKeyRecord;

/// Parses the text of a key: what is accepted has the form of the pattern, and its parts are in it.
pub(crate) fn key(text: &str) {
    let format = KeyFormat::new("acme_live");
    let with_prefix = format!("acme_live_{text}");
    for text in [text, &with_prefix] {
        let Some(parts) = format.parse(text) else { continue };
        let body = text.strip_prefix("acme_live_").expect("the prefix");
        assert!(body.len() == 50 && body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(body.as_bytes().starts_with(parts.id_and_secret) && body.starts_with(parts.id.as_str()));
        assert!(parts.id_and_secret.len() == 44);
    }
}

/// Reads a stored record: it is rejected, or is written and read again as the same text.
pub(crate) fn record(text: &str) {
    if let Ok(record) = ApiKeyRecord::from_json(text) {
        let written = record.to_json();
        let read = ApiKeyRecord::from_json(&written).expect("a written record is read");
        assert_eq!(read.to_json(), written);
    }
}
