//! `NoStore`: marks a request whose response to an authenticated user must not be cached.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use crate::field::header_map::insert_if_absent;

/// Marks a request whose response must not be cached if the request is authenticated.
///
/// A cache that stores a user's response may serve it to another user, and the browser's own cache shows it to the next
/// person at the same computer.
///
/// [`SecurityHeaders`](crate::SecurityHeaders) puts it into the request's extensions, because only an inner layer knows
/// whether the request is authenticated. [`JwtAuth`](crate::JwtAuth) reads it and adds `Cache-Control: no-store` (RFC
/// 9111 §5.2.2.5). A custom gate that [authenticates](crate::context::Visitor::authenticated) does the same. If it
/// declares its [response headers](crate::gate::Gate::response_headers), it declares `Cache-Control` too.
///
/// ```
/// use http::{HeaderMap, request};
/// use portcullis::context::NoStore;
///
/// fn enter(head: &request::Parts) -> Option<NoStore> {
///     head.extensions.get().copied()
/// }
///
/// fn leave(no_store: Option<NoStore>, headers: &mut HeaderMap) {
///     if let Some(no_store) = no_store {
///         no_store.write(headers);
///     }
/// }
/// # let mut headers = HeaderMap::new();
/// # leave(enter(&http::Request::new(()).into_parts().0), &mut headers);
/// # assert!(headers.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoStore(());

impl NoStore {
    /// Marks the request.
    #[cfg(any(feature = "client_cert", feature = "headers"))]
    pub(crate) fn insert(extensions: &mut http::Extensions) {
        extensions.insert(Self(()));
    }

    /// Adds `Cache-Control: no-store`, unless the response has a `Cache-Control` header already.
    ///
    /// A handler may know better, for example that an image is the same for all users. In an event stream
    /// (`text/event-stream`), `no-store` is added to the handler's directives: axum's `Sse` and other libraries set
    /// `no-cache`, which allows a cache to store the stream.
    pub fn write(self, headers: &mut HeaderMap) {
        let is_absent = insert_if_absent(headers, &CACHE_CONTROL, || NO_STORE);
        if !is_absent && is_event_stream(headers) {
            self.add_to_directives(headers);
        }
    }

    /// Adds `no-store` to the directives of the response. It includes the effect of `no-cache`.
    #[cold]
    fn add_to_directives(self, headers: &mut HeaderMap) {
        let directives = headers.get_all(CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
        let kept: Vec<&[u8]> = directives.map(<[u8]>::trim_ascii).filter(|directive| !is_weaker(directive)).collect();
        let value = [kept.as_slice(), &[b"no-store"]].concat().join(&b", "[..]);
        // The parts of valid values make a valid value.
        let value = HeaderValue::from_bytes(&value).unwrap_or(NO_STORE);
        headers.insert(CACHE_CONTROL, value);
    }
}

/// Whether the response is a stream of server-sent events (HTML, "Server-sent events").
fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Whether `no-store` replaces the directive: itself, `no-cache`, and nothing between two commas.
fn is_weaker(directive: &[u8]) -> bool {
    directive.is_empty() || directive.eq_ignore_ascii_case(b"no-store") || directive.eq_ignore_ascii_case(b"no-cache")
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

#[cfg(test)]
mod tests {
    use super::*;

    /// The `Cache-Control` of a response of this media type with these lines of it, after `write`.
    fn written(media_type: &'static str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
        }
        NoStore(()).write(&mut headers);
        let values = headers.get_all(CACHE_CONTROL).iter().map(|value| value.to_str().unwrap());
        values.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn an_event_stream_is_not_stored_whatever_the_handler_set() {
        for (lines, expected) in [
            (&[][..], "no-store"),
            (&["no-cache"], "no-store"),
            (&["No-Cache, no-transform"], "no-transform, no-store"),
            (&["no-store"], "no-store"),
            (&["private, max-age=0", "no-cache"], "private, max-age=0, no-store"),
            (&["", ", ,"], "no-store"),
        ] {
            for media_type in ["text/event-stream", "Text/Event-Stream; charset=utf-8"] {
                assert_eq!(written(media_type, lines), expected, "{lines:?}");
            }
        }
    }

    #[test]
    fn another_response_keeps_the_directives_of_its_handler() {
        for media_type in ["text/html", "text/event-streams", ""] {
            assert_eq!(written(media_type, &[]), "no-store");
            assert_eq!(written(media_type, &["no-cache"]), "no-cache");
        }
    }
}
