//! Tests of the gRPC headers.

use proptest::prelude::*;

use super::*;

fn is_grpc_type(value: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
    is_grpc(&headers)
}

#[test]
fn a_call_is_recognized_by_its_content_type() {
    for value in [
        "application/grpc",
        "Application/GRPC",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "application/grpc-web",
    ] {
        assert!(is_grpc_type(value), "{value}");
    }
}

#[test]
fn other_content_types_are_not_grpc() {
    assert!(!is_grpc(&HeaderMap::new()));
    for value in ["", "application/json", "application/grp", "application/grpcx", "text/grpc", " application/grpc"] {
        assert!(!is_grpc_type(value), "{value}");
    }
}

#[test]
fn each_http_status_has_its_grpc_status() {
    let table = [(400, 3), (401, 16), (403, 7), (422, 3), (429, 8), (500, 13), (503, 14)];
    for status in 100..=999 {
        let expected = table.iter().find(|(http, _)| *http == status).map_or(2, |(_, grpc)| *grpc);
        assert_eq!(status_code(StatusCode::from_u16(status).unwrap()), expected, "{status}");
    }
}

#[cfg(any(feature = "headers", feature = "rate_limit"))]
#[test]
fn each_grpc_status_has_the_http_status_of_code_proto() {
    let http_status = |value: &str| {
        let headers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_str(value).unwrap())]);
        http_status(&headers).map(|status| status.as_u16())
    };
    // The comments of google/rpc/code.proto, from OK to UNAUTHENTICATED.
    let table = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
    for (code, http) in table.into_iter().enumerate() {
        assert_eq!(http_status(&code.to_string()), Some(http), "{code}");
    }
    assert_eq!(http_status("17"), Some(500), "an unknown code is an error");
    for value in ["", "x", "-1", "256"] {
        assert_eq!(http_status(value), None, "{value}");
    }
    assert_eq!(super::http_status(&HeaderMap::new()), None);
}

#[test]
fn a_message_is_percent_encoded() {
    for (text, expected) in [
        ("", ""),
        ("token has expired", "token has expired"),
        ("50% \"off\" ~", "50%25 \"off\" ~"),
        ("a\r\nb\t\u{7f}", "a%0D%0Ab%09%7F"),
        ("caf\u{e9} \u{1f512}", "caf%C3%A9 %F0%9F%94%92"),
    ] {
        assert_eq!(message(text), expected);
    }
}

proptest! {
    #[test]
    fn an_encoded_message_decodes_to_the_text(text in any::<String>()) {
        let value = message(&text);
        prop_assert!(value.as_bytes().iter().all(|b| (0x20..=0x7e).contains(b)));
        let mut parts = value.to_str().unwrap().split('%');
        let mut decoded = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            decoded.push(u8::from_str_radix(&part[..2], 16).unwrap());
            decoded.extend_from_slice(&part.as_bytes()[2..]);
        }
        prop_assert_eq!(decoded, text.into_bytes());
    }

    #[test]
    fn no_content_type_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), cut in 0..=16_usize) {
        let value = [&b"application/grpc"[..cut], &bytes].concat();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.clone())]);
            let lower = value.as_bytes().to_ascii_lowercase();
            prop_assert!(!is_grpc(&headers) || lower.starts_with(b"application/grpc"));
        }
    }
}
