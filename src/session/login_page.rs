//! `LoginPage`: where navigations without a session are redirected to, and the path to which they return.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method, Uri, request};

use crate::context::route::path_and_query;

/// The login page, and the key that seals paths.
///
/// A path is sealed so that no other site can make a link to the login page that leads elsewhere after the login.
#[derive(Debug)]
pub(super) struct LoginPage {
    path: String,
    key: hmac::Key,
}

impl LoginPage {
    /// `secret` is random.
    pub(super) fn new(path: String, secret: &[u8]) -> Self {
        Self { path, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// Whether a browser shows the response to this request as a page (Fetch Metadata §2.2), and the page is not the
    /// login page itself.
    pub(super) fn is_for(&self, head: &request::Parts) -> bool {
        let is_navigation = head.headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate");
        let path = path_and_query(head).and_then(|path| path.split('?').next());
        is_navigation && head.method == Method::GET && path != self.path.split('?').next()
    }

    /// Returns the `Location` of the redirect.
    pub(super) fn location(&self, head: &request::Parts) -> HeaderValue {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let sealed = self.seal(path_and_query(head).unwrap_or("/"));
        let location = format!("{}{separator}{PARAMETER}={sealed}", self.path);
        // The path was validated, and the rest is base64url.
        HeaderValue::try_from(location).unwrap_or_else(|_| HeaderValue::from_static("/"))
    }

    /// Returns the path in the query of a request; `/` if there is none, or if this app has not sealed it.
    pub(super) fn return_path(&self, uri: &Uri) -> String {
        let parameters = uri.query().unwrap_or_default().split('&');
        let mut values = parameters.filter_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='));
        let path = values.next().and_then(|sealed| self.open(sealed));
        path.filter(|_| values.next().is_none()).unwrap_or_else(|| "/".to_owned())
    }

    fn seal(&self, path: &str) -> String {
        let path = if is_local(path) { path } else { "/" };
        let tag = hmac::sign(&self.key, path.as_bytes());
        format!("{}.{}", URL_SAFE_NO_PAD.encode(path), URL_SAFE_NO_PAD.encode(tag))
    }

    fn open(&self, sealed: &str) -> Option<String> {
        let (path, tag) = sealed.split_once('.')?;
        let path = URL_SAFE_NO_PAD.decode(path).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, &path, &tag).ok()?;
        String::from_utf8(path).ok().filter(|path| is_local(path))
    }
}

/// Whether a browser resolves the text to a page of this site (WHATWG URL §4.4: `//` and `/\` begin a host).
pub(super) fn is_local(path: &str) -> bool {
    let is_harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    path.starts_with('/') && !path.starts_with("//") && path.len() <= MAX_PATH_LEN && path.bytes().all(is_harmless)
}

/// The parameter of the login page's query.
const PARAMETER: &str = "return_to";

/// Some servers reject a longer request line, and a sealed path is a third longer.
const MAX_PATH_LEN: usize = 2_048;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page() -> LoginPage {
        LoginPage::new("/login".to_owned(), &[7; 32])
    }

    fn returned(query: &str) -> String {
        page().return_path(&format!("/login?{query}").parse().unwrap())
    }

    #[test]
    fn a_sealed_path_is_returned_and_an_altered_one_is_not() {
        let sealed = page().seal("/reports?year=2026");
        assert_eq!(returned(&format!("return_to={sealed}")), "/reports?year=2026");
        assert_eq!(returned(&format!("a=b&return_to={sealed}&c=d")), "/reports?year=2026");
        for query in [
            String::new(),
            "return_to=/reports".to_owned(),
            "return_to=https://other.example".to_owned(),
            format!("return_to={sealed}&return_to={sealed}"),
            format!("return_to=A{sealed}"),
            format!("return_to={}", &sealed[..sealed.len() - 1]),
            format!("return_to={}", LoginPage::new("/login".to_owned(), &[8; 32]).seal("/reports")),
        ] {
            assert_eq!(returned(&query), "/", "{query}");
        }
    }

    #[test]
    fn a_path_that_leads_to_another_site_is_neither_sealed_nor_returned() {
        let long = format!("/{}", "a".repeat(2_048));
        for path in ["//other.example", "/\\other.example", "https://other.example", "", "a", "/a\nb", "/a b", &long] {
            assert_eq!(returned(&format!("return_to={}", page().seal(path))), "/", "{path}");
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&page().key, path.as_bytes()));
            let sealed = format!("{}.{tag}", URL_SAFE_NO_PAD.encode(path));
            assert_eq!(returned(&format!("return_to={sealed}")), "/", "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_query_leads_to_this_site(query in "[!-~]{0,80}") {
            if let Ok(uri) = format!("/login?return_to={query}").parse() {
                prop_assert!(is_local(&page().return_path(&uri)));
            }
        }
    }
}
