//! Whether an `Origin` is that of the app itself: the host of the request, and its scheme if that is known.

use http::header::HOST;
use http::request;

use crate::context::client_addr::is_https;

/// Whether the value of `Origin` is the origin of this request's URL.
///
/// A default port equals no port. The scheme counts only if TLS or a trusted proxy reports https: a server behind a proxy
/// that it does not know receives every request over http. The origin needs no validation, because it is compared with
/// what the client asked for as a whole.
pub(super) fn is_own_origin(origin: &str, head: &request::Parts) -> bool {
    let Some(host) = host(head) else { return false };
    let (authority, default_port) = match origin.strip_prefix("https://") {
        Some(authority) => (authority, ":443"),
        None => match origin.strip_prefix("http://") {
            Some(authority) if !is_https(head) => (authority, ":80"),
            _ => return false,
        },
    };
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    let host = host.strip_suffix(default_port).unwrap_or(host);
    !host.is_empty() && authority.eq_ignore_ascii_case(host)
}

/// Returns the host and port that the client asked for; `None` if it asked for several or none.
///
/// In HTTP/2 and in a request to a proxy they are in the URI, which takes precedence (RFC 9110 §7.2, RFC 9112 §3.2.2).
pub(crate) fn host(head: &request::Parts) -> Option<&str> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.as_str());
    }
    let mut lines = head.headers.get_all(HOST).iter();
    let host = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(host)
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::*;
    use crate::context::client_addr::Client;

    fn is_own(origin: &str, uri: &str, hosts: &[&str]) -> bool {
        let request = Request::get(uri);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        is_own_origin(origin, &request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn host_and_port_are_compared_and_a_default_port_equals_none() {
        for (origin, host, expected) in [
            ("https://app.example", "app.example", true),
            ("http://app.example", "app.example", true),
            ("https://app.example", "APP.example", true),
            ("https://app.example", "app.example:443", true),
            ("http://app.example", "app.example:80", true),
            ("http://app.example", "app.example:443", false),
            ("https://app.example", "app.example:80", false),
            ("https://app.example:443", "app.example", true),
            ("https://app.example:8443", "app.example:8443", true),
            ("https://app.example:8443", "app.example", false),
            ("https://app.example", "app.example:8443", false),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("https://app.example.evil", "app.example", false),
            ("https://evilapp.example", "app.example", false),
            ("https://app.example.", "app.example", false),
            ("https://app.example/", "app.example", false),
            ("https://user@app.example", "app.example", false),
            ("null", "null", false),
            ("", "", false),
            ("https://", "", false),
            ("https://", ":443", false),
            ("app.example", "app.example", false),
        ] {
            assert_eq!(is_own(origin, "/", &[host]), expected, "{origin} {host}");
        }
    }

    #[test]
    fn http_is_another_origin_if_a_trusted_proxy_or_tls_reports_https() {
        let mut head = Request::get("/").header(HOST, "app.example").body(()).unwrap().into_parts().0;
        let client = Client { addr: None, is_https: true, is_proxied: true, trusts_no_proxy: false };
        head.extensions.insert(client);
        assert!(is_own_origin("https://app.example", &head) && !is_own_origin("http://app.example", &head));
        let request = Request::get("https://app.example/").version(Version::HTTP_2);
        let head = request.body(()).unwrap().into_parts().0;
        assert!(is_own_origin("https://app.example", &head) && !is_own_origin("http://app.example", &head));
        // In HTTP/1 the client writes the scheme into the request target.
        assert!(is_own("http://app.example", "https://app.example/", &[]));
    }

    #[test]
    fn the_authority_of_the_uri_takes_precedence_over_host() {
        assert!(is_own("https://app.example", "http://app.example/", &["other.example"]));
        assert!(!is_own("https://app.example", "http://other.example/", &["app.example"]));
    }

    #[test]
    fn a_request_with_several_hosts_or_none_has_no_origin() {
        assert!(!is_own("https://app.example", "/", &["app.example", "app.example"]));
        assert!(!is_own("https://app.example", "/", &[]));
    }
}
