//! Tests of tokens among the protocols of a WebSocket.

use http::Request;
use proptest::prelude::*;

use super::*;

fn headers(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

/// The token, and the protocols that are left; `None` if there is no header anymore.
type Taken = (Option<String>, Option<String>);

fn take(lines: &[&str]) -> Result<Taken, WebSocketTokenError> {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let mut headers = headers(&lines);
    let token = WebSocketToken::take(&mut headers, "bearer");
    assert_eq!(WebSocketToken::is_announced(&self::headers(&lines), "bearer"), !matches!(token, Ok(None)));
    let has_secret = !matches!(token, Ok(Some(_)));
    assert!(headers.values().all(|value| value.is_sensitive() == has_secret), "{lines:?}");
    let token = token?.map(|token| String::from_utf8(token.as_bytes().to_vec()).unwrap());
    let left: Vec<_> = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(|line| line.to_str().unwrap()).collect();
    Ok((token, (!headers.is_empty()).then(|| left.join("|"))))
}

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
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let head = request.method(method).uri(uri).body(()).unwrap().into_parts().0;
        assert_eq!(opens_websocket(&head), opens, "{method} {uri} {headers:?}");
    }
}

#[test]
fn the_protocol_after_the_name_is_the_token_and_is_removed() {
    for (lines, left) in [
        (&["bearer, a.b.c"][..], "bearer"),
        (&["bearer,a.b.c"], "bearer"),
        (&["\tbearer \t, \t a.b.c \t"], "bearer"),
        (&[", ,bearer,, a.b.c,"], "bearer"),
        (&["bearer", "a.b.c"], "bearer"),
        (&["bearer, a.b.c, chat, superchat"], "bearer, chat, superchat"),
        (&["chat", "bearer", "a.b.c", "superchat"], "chat, bearer, superchat"),
        (&["base64url.bearer.authorization.bearer.YS5iLmM, chat"], "chat"),
        (&["chat,base64url.bearer.authorization.bearer.YS5iLmM"], "chat"),
        (&["bearer, base64url.bearer.authorization.bearer.YS5iLmM, chat"], "bearer, chat"),
        (&["base64url.bearer.authorization.bearer.YS5iLmM, bearer"], "bearer"),
    ] {
        assert_eq!(take(lines), Ok((Some("a.b.c".to_owned()), Some(left.to_owned()))), "{lines:?}");
    }
    let only = ["base64url.bearer.authorization.bearer.YS5iLmM"];
    assert_eq!(take(&only), Ok((Some("a.b.c".to_owned()), None)), "an empty list is not sent on");
}

#[test]
fn a_list_without_the_name_is_left_as_it_is() {
    for lines in [
        &[][..],
        &[""],
        &["chat"],
        &["chat,  superchat"],
        &["chat", "superchat"],
        &["Bearer, a.b.c"],
        &["bearers, a.b.c"],
        &["bearer a.b.c"],
        &["base64url.bearer.authorization.k8s.io.YS5iLmM"],
        &["base64url.bearer.authorization.bearer"],
    ] {
        let left = (!lines.is_empty()).then(|| lines.join("|"));
        assert_eq!(take(lines), Ok((None, left)), "{lines:?}");
    }
}

#[test]
fn a_list_with_two_readings_is_an_error() {
    for (lines, error) in [
        (&["bearer"][..], WebSocketTokenError::Malformed),
        (&["bearer, , "], WebSocketTokenError::Malformed),
        (&["chat, bearer"], WebSocketTokenError::Malformed),
        (&["bearer, bearer, a.b.c"], WebSocketTokenError::Malformed),
        (&["base64url.bearer.authorization.bearer.YS5iLmM="], WebSocketTokenError::Malformed),
        (&["base64url.bearer.authorization.bearer.YS5iLmN"], WebSocketTokenError::Malformed),
        (&["bearer, a.b.c, bearer, d.e.f"], WebSocketTokenError::Repeated),
        (&["bearer, a.b.c", "bearer, a.b.c"], WebSocketTokenError::Repeated),
        (&["bearer, a.b.c, base64url.bearer.authorization.bearer.YS5iLmM"], WebSocketTokenError::Repeated),
        (&["base64url.bearer.authorization.bearer.YS5iLmM, bearer, chat"], WebSocketTokenError::Repeated),
        (&["bearer, a.b.c, a.b.c"], WebSocketTokenError::Repeated),
        (&["a.b.c", "bearer, a.b.c"], WebSocketTokenError::Repeated),
        (&["base64url.bearer.authorization.bearer.YS5iLmM, a.b.c"], WebSocketTokenError::Repeated),
    ] {
        assert_eq!(take(lines), Err(error), "{lines:?}");
    }
}

#[test]
fn a_token_for_another_name_stays_and_is_sensitive() {
    let list = "bearer, a.b.c, base64url.bearer.authorization.k8s.io.ZC5lLmY";
    let mut headers = headers(&[list.as_bytes()]);
    assert!(WebSocketToken::take(&mut headers, "bearer").unwrap().is_some());
    let left = &headers[SEC_WEBSOCKET_PROTOCOL];
    assert!(left.is_sensitive() && left == "bearer, base64url.bearer.authorization.k8s.io.ZC5lLmY", "{headers:?}");
}

#[test]
fn a_response_with_the_token_as_a_protocol_loses_the_header() {
    for request in ["bearer, a.b.c", "base64url.bearer.authorization.bearer.YS5iLmM"] {
        let token = WebSocketToken::take(&mut headers(&[request.as_bytes()]), "bearer").unwrap().unwrap();
        for (response, is_kept) in [
            ("bearer", true),
            ("chat", true),
            ("a.b.cd", true),
            ("a.b.c", false),
            ("bearer, a.b.c", false),
            (request, request == "bearer"),
        ] {
            let mut headers = headers(&[b"chat", response.as_bytes()]);
            token.remove_from(&mut headers);
            assert_eq!(!headers.is_empty(), is_kept, "{request}: {response}");
        }
    }
}

proptest! {
    #[test]
    fn a_token_is_removed_from_every_list(
        lines in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(vec![
                    "bearer", "a.b.c", "chat", "", "base64url.bearer.authorization.bearer.YS5iLmM", "\u{e9}", "a b", "\t",
                ]),
                0..6,
            ),
            0..4,
        ),
        separator in prop::sample::select(vec![",", ", ", " ,\t"]),
    ) {
        let lines: Vec<String> = lines.iter().map(|elements| elements.join(separator)).collect();
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let sent = headers(&lines);
        let mut headers = sent.clone();
        if let Ok(Some(token)) = WebSocketToken::take(&mut headers, "bearer") {
            // The header still has all other protocols in their order.
            let left: Vec<_> = elements(&headers).collect();
            let announced = token.encoded.as_ref().map_or(token.as_bytes(), |element| element.as_slice());
            let at = elements(&sent).position(|element| element == announced).unwrap();
            let all: Vec<_> = elements(&sent).collect();
            let mut expected = all.clone();
            expected.remove(if token.encoded.is_some() { at } else {
                all.iter().position(|element| *element == b"bearer").unwrap() + 1
            });
            prop_assert_eq!(left, expected);
        } else {
            prop_assert_eq!(&headers, &sent);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..4)) {
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(value) = HeaderValue::try_from(line) {
                headers.append(SEC_WEBSOCKET_PROTOCOL, value);
            }
        }
        let _ = WebSocketToken::take(&mut headers, "bearer");
    }
}
