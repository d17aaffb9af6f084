//! The origins of apps and browser extensions, whose schemes are their own: `tauri://localhost`,
//! `chrome-extension://…`.
//!
//! The URL Standard §4.7 gives such URLs an opaque origin, but browsers and web views serialize them as `scheme://host`
//! if the app registered the scheme for pages. They write both parts in lower case.

use crate::field::origin::{MAX_LEN, OriginError, is_scheme, number, split_port};

/// Checks that a text is such an origin, byte for byte as it is sent.
///
/// # Errors
///
/// Returns the first [`OriginError`] found. An `http` or `https` origin is an error, too.
pub(crate) fn validate(text: &str) -> Result<(), OriginError> {
    if text.len() > MAX_LEN {
        return Err(OriginError::TooLong);
    }
    let (scheme, after) = text.split_once(':').ok_or(OriginError::MissingScheme)?;
    let lower = scheme.to_ascii_lowercase();
    if OPAQUE.contains(&&*lower) {
        return Err(OriginError::Opaque);
    }
    let after = after.strip_prefix("//").filter(|_| is_scheme(scheme)).ok_or(OriginError::MissingScheme)?;
    if WITHOUT_PAGES.contains(&&*lower) {
        return Err(OriginError::Scheme);
    }
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    if authority.contains('@') {
        return Err(OriginError::Userinfo);
    }
    let (host, port) = split_port(authority)?;
    if lower != scheme || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(OriginError::UpperCase);
    }
    if !is_app_host(host) {
        return Err(OriginError::AppHost);
    }
    if port.is_some_and(|port| number(port).is_none()) {
        return Err(OriginError::Port);
    }
    OriginError::of_rest(rest).map_or(Ok(()), Err)
}

/// Whether the host is one that an app or a browser chose: a name, an id, a UUID, or only `.` or `-`.
fn is_app_host(host: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(is_legal)
}

/// The schemes whose pages have an opaque origin, sent as `null`, or the origin of the page that created them.
/// Android's web view sends `file://` for every local file.
const OPAQUE: [&str; 6] = ["about", "blob", "data", "file", "filesystem", "javascript"];

/// The schemes of URLs that are not pages, or no longer, and `http` and `https`, whose origins have a stricter grammar.
const WITHOUT_PAGES: [&str; 5] = ["ftp", "http", "https", "ws", "wss"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rejects(error: OriginError, texts: &[&str]) {
        for text in texts {
            assert_eq!(validate(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn origins_of_web_views_and_extensions_are_accepted() {
        for text in [
            "tauri://localhost",
            "capacitor://localhost",
            "ionic://localhost",
            "capacitor-electron://-",
            "app://obsidian.md",
            "app://.",
            "wails://wails.localhost:34115",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "moz-extension://4ed7f644-c3b5-4bf1-983f-2c8718f52222",
            "safari-web-extension://dcea6524-ab56-4469-895f-d4f4e84f139e",
            "vscode-webview://0k6nr1vpnm6rsl4aq5i3ba1dqgkrstmuqfvvntvqqjdc5ss0s5qv",
        ] {
            assert_eq!(validate(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn schemes_whose_pages_have_no_origin_of_their_own_are_rejected() {
        let texts = ["file://", "file:///", "FILE://a", "data:text/html,a", "data:", "blob:https://a.example"];
        rejects(OriginError::Opaque, &texts);
        rejects(OriginError::Opaque, &["about:blank", "javascript:1", "filesystem:https://a.example/temporary"]);
    }

    #[test]
    fn schemes_without_pages_are_rejected() {
        rejects(OriginError::Scheme, &["ws://a.example", "WSS://a.example", "ftp://a", "https://a.example", "http://"]);
    }

    #[test]
    fn a_text_without_a_scheme_is_rejected() {
        rejects(
            OriginError::MissingScheme,
            &["", "null", "app", "localhost:3000", "app:a", "a b://c", "://a", "1a://b"],
        );
    }

    #[test]
    fn a_text_that_browsers_write_differently_is_rejected() {
        rejects(OriginError::UpperCase, &["Tauri://localhost", "app://Obsidian.md", "APP://A"]);
        rejects(OriginError::TrailingSlash, &["tauri://localhost/", "app://./"]);
        rejects(OriginError::Path, &["app://./index.html", "app://a//"]);
        rejects(OriginError::Query, &["app://a?b"]);
        rejects(OriginError::Fragment, &["app://a#b"]);
        rejects(OriginError::Userinfo, &["app://a@b", "app://@"]);
        rejects(OriginError::Port, &["app://a:", "app://a:0", "app://a:080", "app://a:65536", "app://a:+1"]);
        rejects(OriginError::AppHost, &["app://", "app://*", "app://a b", "app://a,b", "app://a%2e", "app://[::1]"]);
        rejects(OriginError::AppHost, &["app://\u{e9}", "app:///index.html", "app://a\\b"]);
        let of_len = |len: usize| format!("app://{}", "a".repeat(len - "app://".len()));
        assert_eq!(validate(&of_len(MAX_LEN)), Ok(()));
        rejects(OriginError::TooLong, &[&of_len(MAX_LEN + 1)]);
    }
}
