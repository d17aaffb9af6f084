//! The `Set-Cookie`s that clear all cookies with the session's name that a browser sends.

use http::{HeaderValue, request};

use crate::context::route::original_path;
use crate::csrf::own_origin::host;
use crate::session::cookie::SessionCookie;

impl SessionCookie {
    /// Returns the `Set-Cookie`s that clear all cookies of this name that may be in a request.
    ///
    /// Another host of the domain may have set one with any domain and path that match the request (RFC 6265bis
    /// §5.8.3), and only a `Set-Cookie` with the same ones deletes it. Without that, even a login would not help: the
    /// browser would send both cookies again.
    pub(super) fn clear_sent(&self, head: &request::Parts) -> Vec<HeaderValue> {
        let mut cleared: Vec<_> = self.clear_all().collect();
        // Browsers accept this prefix only without a domain, and with the path `/`.
        if self.name.get(..HOST_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(HOST_PREFIX)) {
            return cleared;
        }
        let path = original_path(head).unwrap_or(head.uri.path());
        let domains: Vec<_> = domains(host(head).unwrap_or_default()).collect();
        for path in paths(path) {
            let own = [None, self.domain.as_deref()];
            for domain in own.into_iter().chain(domains.iter().copied().map(Some)) {
                let cookie = Self { domain: domain.map(Into::into), ..self.clone() }.clear_at(path);
                if cleared.len() < MAX_CLEARED && !cleared.contains(&cookie) {
                    cleared.push(cookie);
                }
            }
        }
        cleared
    }
}

/// Returns the paths of cookies that a browser sends to this path, the shortest first (RFC 6265bis §5.1.4).
fn paths(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').flat_map(|(slash, _)| [slash, slash + 1]).chain([path.len()]);
    // An attribute cannot contain a semicolon.
    ends.filter_map(|end| path.get(..end)).filter(|path| !path.is_empty() && !path.contains(';'))
}

/// Returns the domains of cookies that a browser sends to this host, which may have a port (RFC 6265bis §5.1.3).
///
/// Public suffixes, such as `co.uk`, are among them; browsers ignore their cookies.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let name = host.split(':').next().unwrap_or_default();
    let is_name = |name: &str| {
        // The last label of an IPv4 address is a number.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        !is_number && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    let name = Some(name).filter(|name| is_name(name));
    std::iter::successors(name, |name| Some(name.split_once('.')?.1)).filter(|name| name.contains('.'))
}

const HOST_PREFIX: &str = "__Host-";

/// Some proxies accept no more than 4 KiB of headers.
const MAX_CLEARED: usize = 16;

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn cleared(name: &str, domain: Option<&str>, path: &str, host: &str) -> Vec<String> {
        let cookie =
            SessionCookie { name: name.into(), domain: domain.map(Into::into), is_insecure: false, is_strict: false };
        let head = Request::get(path).header("host", host).body(()).unwrap().into_parts().0;
        let end = "; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        let shortened = |cookie: HeaderValue| cookie.to_str().unwrap().strip_suffix(end).unwrap().to_owned();
        cookie.clear_sent(&head).into_iter().map(shortened).collect()
    }

    #[test]
    fn a_host_cookie_is_cleared_once() {
        assert_eq!(cleared("__Host-session", None, "/a/b", "app.example.com"), ["__Host-session=; Path=/"]);
    }

    #[test]
    fn the_domains_of_the_host_and_the_paths_of_the_request_are_cleared() {
        assert_eq!(
            cleared("s", None, "/a?b=/c", "app.example.com:8080"),
            [
                "s=; Path=/",
                "s=; Path=/; Domain=app.example.com",
                "s=; Path=/; Domain=example.com",
                "s=; Path=/a",
                "s=; Path=/a; Domain=app.example.com",
                "s=; Path=/a; Domain=example.com",
            ]
        );
        assert_eq!(
            cleared("__Secure-s", Some("example.com"), "/", "example.com"),
            ["__Secure-s=; Path=/; Domain=example.com", "__Secure-s=; Path=/"]
        );
    }

    #[test]
    fn a_host_without_parents_has_no_domains() {
        for host in ["localhost:3000", "127.0.0.1:3000", "127.0.0.1", "[::1]:3000", "a;b.c", ""] {
            assert_eq!(cleared("s", None, "/", host), ["s=; Path=/"], "{host}");
        }
    }

    #[test]
    fn every_path_that_a_browser_matches_is_cleared_and_no_more_than_a_proxy_accepts() {
        let paths: Vec<_> = paths("/a/b;c/d").collect();
        assert_eq!(paths, ["/", "/a", "/a/"]);
        assert_eq!(cleared("s", None, &"/a".repeat(100), "app.example.com").len(), 16);
    }
}
