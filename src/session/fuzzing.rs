//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::session::login_page::LoginPage;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionSecret;

/// Reads the value of a cookie: what is accepted has the form of a secret.
pub(crate) fn cookie(text: &str) {
    if let Some(secret) = SessionSecret::parse(text) {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(secret.as_str() == text && text.len() == 43 && text.bytes().all(is_base64url));
    }
}

/// Reads a stored record: it is rejected, or is written and read again as the same text.
pub(crate) fn record(text: &str) {
    if let Ok(record) = SessionRecord::from_json(text) {
        let written = record.to_json();
        let read = SessionRecord::from_json(&written).expect("a written record is read");
        assert_eq!(read.to_json(), written);
    }
}

/// Returns the paths to which a login page returns: of a request to `text` itself, and of a query that is `text`.
pub(crate) fn return_paths(text: &str) -> Vec<String> {
    let page = LoginPage::new("/login".to_owned(), &[7; 32]);
    let sealed = format!("/login?return_to={}", page.seal(text));
    let uris = [sealed, format!("/login?{text}"), format!("/login?return_to={text}")];
    uris.iter().filter_map(|uri| uri.parse().ok()).map(|uri| page.return_path(&uri)).collect()
}
