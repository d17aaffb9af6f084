//! WebSocket handshakes (RFC 6455 §4.1): how to recognize one.

use http::HeaderMap;
use http::header::UPGRADE;

use super::list::tokens;

/// Whether the headers of a GET request ask to upgrade the connection to a WebSocket.
pub(crate) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let mut protocols = tokens(headers.get_all(UPGRADE)).flatten();
    protocols.any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}
