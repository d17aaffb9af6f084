//! The fuzz target of the list of protocols. It panics if an invariant is violated.

use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderValue};

use super::{WebSocketToken, elements};

/// Reads `Sec-WebSocket-Protocol` headers, one for each line. A token is one of their elements, and no other element is
/// lost. Without a token, the headers stay as they are.
pub fn websocket_token(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(SEC_WEBSOCKET_PROTOCOL, value);
    }
    let sent = headers.clone();
    let is_announced = WebSocketToken::is_announced(&headers, NAME);
    let Ok(taken) = WebSocketToken::take(&mut headers, NAME) else {
        assert!(is_announced, "an error without a token");
        assert_eq!(headers, sent);
        return;
    };
    assert_eq!(taken.is_some(), is_announced);
    let Some(token) = taken else {
        assert_eq!(headers, sent);
        assert!(elements(&sent).all(|element| element != NAME.as_bytes()), "a token was missed");
        return;
    };
    let element = token.encoded.as_ref().unwrap_or(&token.token);
    let mut left: Vec<_> = elements(&headers).collect();
    assert!(left.iter().all(|other| *other != token.as_bytes()), "the token is left");
    left.push(element);
    let mut all: Vec<_> = elements(&sent).collect();
    left.sort_unstable();
    all.sort_unstable();
    assert_eq!(left, all);
}

const NAME: &str = "bearer";
