//! WebSocket handshakes (RFC 6455 §4.1, RFC 8441 §4): how to recognize one.

use http::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, Method, request};

use super::list::tokens;

/// Whether the headers of a GET request ask to upgrade the connection to a WebSocket.
pub(crate) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let mut protocols = tokens(headers.get_all(UPGRADE)).flatten();
    protocols.any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

/// Whether a request opens a WebSocket: by an upgrade, or by the extended CONNECT of HTTP/2 and HTTP/3.
///
/// A server keeps `:protocol` in an extension of its own. Without it, an extended CONNECT is recognized by its scheme,
/// which CONNECT to a host and port does not have, and one for a WebSocket by the version that RFC 8441 §5 requires.
pub(crate) fn opens_websocket(head: &request::Parts) -> bool {
    match head.method {
        Method::GET => asks_for_upgrade(&head.headers),
        Method::CONNECT => head.uri.scheme().is_some() && head.headers.contains_key(SEC_WEBSOCKET_VERSION),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_websocket_is_opened_by_a_get_with_upgrade_or_an_extended_connect() {
        for (method, uri, headers, opens) in [
            ("GET", "/", &[("upgrade", "websocket")][..], true),
            ("GET", "/", &[("upgrade", "h2c, WebSocket")], true),
            ("GET", "/", &[("upgrade", "h2c"), ("upgrade", "websocket")], true),
            ("GET", "/", &[("upgrade", "h2c")], false),
            ("GET", "/", &[("sec-websocket-version", "13")], false),
            ("POST", "/", &[("upgrade", "websocket")], false),
            ("CONNECT", "https://a.example/socket", &[("sec-websocket-version", "13")], true),
            ("CONNECT", "https://a.example/udp", &[], false),
            ("CONNECT", "a.example:443", &[("sec-websocket-version", "13")], false),
        ] {
            let request =
                headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
            let head = request.method(method).uri(uri).body(()).unwrap().into_parts().0;
            assert_eq!(opens_websocket(&head), opens, "{method} {uri} {headers:?}");
        }
    }
}
