//! `How`: how a response ends early.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};

/// How a body ends when the credential does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As if the handler had ended it.
    Cleanly,
    /// With the trailers of a gRPC status.
    Trailers,
    /// With a frame of these trailers.
    WebTrailers,
    /// With such a frame in base64.
    WebTextTrailers,
    /// With an error, because what was sent would look complete.
    Abort,
}

impl How {
    /// Returns how a response with these headers ends early; `None` if it runs to its end.
    pub(super) fn of(headers: &HeaderMap, has_size: bool, ends_downloads: bool) -> Option<Self> {
        let media_type = headers.get(CONTENT_TYPE).map(|value| essence(value.as_bytes())).unwrap_or_default();
        let is_stream = || STREAMS.iter().any(|stream| stream.eq_ignore_ascii_case(media_type));
        let Some(how) = of_grpc(media_type).or_else(|| is_stream().then_some(Self::Cleanly)) else {
            return ends_downloads.then_some(Self::Abort);
        };
        // Not the end of a body that was promised to be longer, nor of one that is compressed.
        let is_clean = !has_size && !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(CONTENT_ENCODING);
        Some(if is_clean { how } else { Self::Abort })
    }
}

/// Whether responses to this method have a body. That of a successful `CONNECT` is a tunnel.
#[inline]
pub(super) fn has_body(method: &Method) -> bool {
    *method != Method::HEAD && *method != Method::CONNECT
}

/// Whether responses with this status have a body. That of 101 is another protocol.
#[inline]
pub(super) fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Returns the media type without its parameters.
fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Returns how a response of gRPC ends (gRPC over HTTP/2, "Responses"; gRPC-Web, "Protocol differences").
fn of_grpc(media_type: &[u8]) -> Option<How> {
    let (kind, suffix) = media_type.split_at_checked(GRPC.len())?;
    if !kind.eq_ignore_ascii_case(GRPC) {
        return None;
    }
    // The format of the messages follows a plus sign.
    let variant = suffix.split(|byte| *byte == b'+').next().unwrap_or_default();
    match variant {
        b"" => Some(How::Trailers),
        _ if variant.eq_ignore_ascii_case(b"-web") => Some(How::WebTrailers),
        _ if variant.eq_ignore_ascii_case(b"-web-text") => Some(How::WebTextTrailers),
        _ => None,
    }
}

const GRPC: &[u8] = b"application/grpc";

/// The media types of bodies that have no end.
const STREAMS: [&[u8]; 4] =
    [b"text/event-stream", b"application/x-ndjson", b"application/json-seq", b"multipart/x-mixed-replace"];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn how(media_type: &'static str) -> Option<How> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        How::of(&headers, false, false)
    }

    #[test]
    fn the_media_type_decides_how_a_response_ends() {
        for (media_type, expected) in [
            ("text/event-stream", Some(How::Cleanly)),
            ("Text/Event-Stream ; charset=utf-8", Some(How::Cleanly)),
            ("application/x-ndjson", Some(How::Cleanly)),
            ("application/json-seq", Some(How::Cleanly)),
            ("multipart/x-mixed-replace;boundary=x", Some(How::Cleanly)),
            ("application/grpc", Some(How::Trailers)),
            ("application/grpc+proto", Some(How::Trailers)),
            ("application/GRPC; x=y", Some(How::Trailers)),
            ("application/grpc-web", Some(How::WebTrailers)),
            ("application/grpc-web+proto", Some(How::WebTrailers)),
            ("application/grpc-web-text+proto", Some(How::WebTextTrailers)),
            ("application/grpcx", None),
            ("application/json", None),
            ("text/event-streams", None),
            ("", None),
        ] {
            assert_eq!(how(media_type), expected, "{media_type}");
        }
    }

    #[test]
    fn a_stream_of_a_known_size_or_with_a_content_encoding_is_aborted_as_it_would_have_no_clean_end() {
        for media_type in ["text/event-stream", "application/grpc", "application/grpc-web"] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
            assert_ne!(How::of(&headers, false, true), Some(How::Abort));
            assert_eq!(How::of(&headers, true, false), Some(How::Abort));
            for (name, value) in [(CONTENT_LENGTH, "9"), (CONTENT_ENCODING, "gzip")] {
                let mut headers = headers.clone();
                headers.insert(name, HeaderValue::from_static(value));
                assert_eq!(How::of(&headers, false, false), Some(How::Abort));
            }
        }
    }

    #[test]
    fn any_other_body_is_aborted_only_if_downloads_end() {
        assert_eq!(How::of(&HeaderMap::new(), false, true), Some(How::Abort));
        assert_eq!(How::of(&HeaderMap::new(), true, false), None);
    }
}
