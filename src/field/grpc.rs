//! The headers of gRPC over HTTP/2: how a call is recognized, and how a rejection is written.
//!
//! A gRPC client reads the result of a call from `grpc-status` and treats an HTTP error without it as an unknown
//! failure. So a rejection has the HTTP status 200 and its reason in these headers.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// The code of a rejection, as metadata. gRPC's own place for it, a `google.rpc.ErrorInfo` in
/// `grpc-status-details-bin`, needs protobuf on both sides, and clients need its generated types to read one text.
pub(crate) const ERROR_CODE: HeaderName = HeaderName::from_static("error-code");

/// Whether the content type is `application/grpc`, alone or with a suffix or parameters (gRPC over HTTP/2, "Requests").
///
/// The hyphen is that of `application/grpc-web`, whose clients read the same headers.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    value.as_bytes().split_at_checked(GRPC.len()).is_some_and(|(kind, rest)| {
        kind.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b'-'))
    })
}

/// Returns the `grpc-status` for the HTTP status of a rejection (google/rpc/code.proto).
///
/// The codes are chosen by meaning. The table in grpc/doc/http-grpc-status-mapping.md is for responses of proxies
/// that do not speak gRPC, and would turn 400 into INTERNAL and 429 into UNAVAILABLE.
pub(crate) fn status_code(status: StatusCode) -> u8 {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => 3,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::INTERNAL_SERVER_ERROR => 13,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::UNAUTHORIZED => 16,
        _ => 2,
    }
}

/// Returns the HTTP status that matches the `grpc-status` of a trailers-only response (google/rpc/code.proto).
///
/// `None` if the response has no valid `grpc-status` header: its status is then in the trailers.
#[cfg(any(feature = "headers", feature = "rate_limit"))]
pub(crate) fn http_status(headers: &HeaderMap) -> Option<StatusCode> {
    let code: u8 = headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok()?;
    Some(match code {
        0 => StatusCode::OK,
        1 => StatusCode::from_u16(CLIENT_CLOSED_REQUEST).ok()?,
        3 | 9 | 11 => StatusCode::BAD_REQUEST,
        4 => StatusCode::GATEWAY_TIMEOUT,
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

/// Encodes `text` as a `grpc-message` (gRPC over HTTP/2, "Responses").
pub(crate) fn message(text: &str) -> HeaderValue {
    let encoded = Cow::from(utf8_percent_encode(text, &ENCODED_IN_MESSAGE));
    // The encoded text is visible ASCII and spaces, which are always valid. The fallback exists so that nothing can
    // panic.
    HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The status that code.proto gives to a call that the caller has canceled. It is not registered at IANA.
#[cfg(any(feature = "headers", feature = "rate_limit"))]
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// All but `%x20-24 / %x26-7E`; bytes outside ASCII are always encoded.
const ENCODED_IN_MESSAGE: AsciiSet = CONTROLS.add(b'%');

#[cfg(test)]
mod tests;
