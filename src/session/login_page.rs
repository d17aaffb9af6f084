//! `LoginPage`: the redirect of navigations without a session, and the path to which they return.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method, Uri, request};

use crate::context::route::path_and_query;

/// The login page, and the key that signs return paths.
///
/// A path is signed so that a link on another site to the login page cannot choose where the login leads.
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

    /// Whether the request is a navigation (Fetch Metadata §2.2), and not to the login page itself.
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

    /// Returns the path in the query of a request; `/` if there is none, or if its signature is invalid.
    pub(super) fn return_path(&self, uri: &Uri) -> String {
        let parameters = uri.query().unwrap_or_default().split('&');
        let mut values = parameters.filter_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='));
        let path = values.next().and_then(|sealed| self.open(sealed));
        path.filter(|_| values.next().is_none()).unwrap_or_else(|| "/".to_owned())
    }

    pub(super) fn seal(&self, path: &str) -> String {
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
    use http::Request;
    use proptest::prelude::*;
    use url::Url;

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
            assert_eq!(page().seal(path), page().seal("/"), "{path}");
            assert_eq!(returned(&format!("return_to={}", page().seal(path))), "/", "{path}");
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&page().key, path.as_bytes()));
            let sealed = format!("{}.{tag}", URL_SAFE_NO_PAD.encode(path));
            assert_eq!(returned(&format!("return_to={sealed}")), "/", "{path}");
        }
    }

    /// Whether a browser that is on a page of the app resolves the text to a page of the app.
    fn is_of_this_site(text: &str) -> bool {
        let page = Url::parse("https://app.example/login").unwrap();
        page.join(text).is_ok_and(|url| url.origin() == page.origin())
    }

    #[test]
    fn the_return_path_is_appended_to_the_query_of_the_login_page() {
        for (login, start) in [("/login", "/login?return_to="), ("/login?lang=en", "/login?lang=en&return_to=")] {
            let page = LoginPage::new(login.to_owned(), &[7; 32]);
            let head = Request::get("/reports?year=2026").body(()).unwrap().into_parts().0;
            let location = page.location(&head);
            let location = location.to_str().unwrap();
            assert!(location.starts_with(start), "{location}");
            assert_eq!(page.return_path(&location.parse().unwrap()), "/reports?year=2026");
        }
    }

    #[test]
    fn a_navigation_is_a_get_that_is_not_of_the_login_page() {
        let page = LoginPage::new("/login?lang=en".to_owned(), &[7; 32]);
        for (method, path, mode, expected) in [
            (Method::GET, "/", Some("navigate"), true),
            (Method::GET, "/login/more", Some("navigate"), true),
            (Method::GET, "/login", Some("navigate"), false),
            (Method::GET, "/login?failed", Some("navigate"), false),
            (Method::POST, "/", Some("navigate"), false),
            (Method::HEAD, "/", Some("navigate"), false),
            (Method::GET, "/", Some("cors"), false),
            (Method::GET, "/", None, false),
        ] {
            let mut request = Request::builder().method(&method).uri(path);
            if let Some(mode) = mode {
                request = request.header(SEC_FETCH_MODE, mode);
            }
            let head = request.body(()).unwrap().into_parts().0;
            assert_eq!(page.is_for(&head), expected, "{method} {path} {mode:?}");
        }
    }

    #[test]
    fn a_path_of_2048_bytes_is_the_longest() {
        let path = |len: usize| format!("/{}", "a".repeat(len - 1));
        assert!(is_local("/") && is_local(&path(2_048)) && !is_local(&path(2_049)));
        let sealed = page().seal(&path(2_048));
        assert_eq!(returned(&format!("return_to={sealed}")), path(2_048));
    }

    proptest! {
        #[test]
        fn a_browser_resolves_every_sealed_path_to_this_site(path in "[/\\\\.:@?#a-z\t\n\r \\x00\u{e4}]{0,12}|/.{0,20}") {
            let returned = returned(&format!("return_to={}", page().seal(&path)));
            prop_assert!(returned.starts_with('/') && is_of_this_site(&returned), "{returned}");
            // What is not local is replaced.
            prop_assert!(returned == path || returned == "/");
            if is_local(&path) {
                prop_assert_eq!(returned, path);
            }
        }

        #[test]
        fn any_query_leads_to_this_site(query in "[!-~]{0,80}") {
            if let Ok(uri) = format!("/login?return_to={query}").parse() {
                let path = page().return_path(&uri);
                prop_assert!(is_local(&path) && is_of_this_site(&path));
            }
        }
    }
}
