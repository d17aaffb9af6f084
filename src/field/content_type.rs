//! `Content-Type` (RFC 9110 §8.3): the media type of a body.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Whether there is one `Content-Type`, and it is this one. Parameters, such as `charset`, are ignored.
pub(crate) fn has_content_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let essence = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(expected)
}
