//! The fields of gRPC over HTTP/2: how its calls are told and its refusals written.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether a call's content type is `application/grpc`, alone or with a suffix or parameters.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    value.as_bytes().split_at_checked(GRPC.len()).is_some_and(|(kind, rest)| {
        kind.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b'-'))
    })
}

/// The `grpc-status` that says what an HTTP refusal of ours says.
///
/// By meaning, not by the table for statuses of foreign proxies (grpc/doc/http-grpc-status-mapping.md),
/// under which 400 is INTERNAL and 429 UNAVAILABLE.
pub(crate) fn status_code(status: StatusCode) -> u8 {
    match status {
        StatusCode::BAD_REQUEST => 3,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::INTERNAL_SERVER_ERROR => 13,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::UNAUTHORIZED => 16,
        _ => 2,
    }
}

/// What an answer of trailers only says in HTTP's terms (google/rpc/code.proto); `None` where it tells no status here.
pub(crate) fn http_status(headers: &HeaderMap) -> Option<StatusCode> {
    let code: u8 = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    Some(match code {
        0 => StatusCode::OK,
        3 | 9 | 11 => StatusCode::BAD_REQUEST,
        5 => StatusCode::NOT_FOUND,
        6 | 10 => StatusCode::CONFLICT,
        7 => StatusCode::FORBIDDEN,
        8 => StatusCode::TOO_MANY_REQUESTS,
        12 => StatusCode::NOT_IMPLEMENTED,
        14 => StatusCode::SERVICE_UNAVAILABLE,
        16 => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// `text` as a `grpc-message`: %x20-24 and %x26-7E stay, every other byte of the UTF-8 is `%XX`.
pub(crate) fn message(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'$' | b'&'..=b'~' => encoded.push(char::from(byte)),
            _ => {
                encoded.push('%');
                encoded.push(hex(byte >> 4));
                encoded.push(hex(byte & 0xf));
            }
        }
    }
    // Only %x20-7E was pushed, which a header value takes; the other arm exists so that nothing can panic.
    HeaderValue::try_from(encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn hex(nibble: u8) -> char {
    let digit = if nibble < 10 { b'0' + nibble } else { b'A' - 10 + (nibble & 0xf) };
    char::from(digit)
}

#[cfg(test)]
mod tests;
