//! `NoStore`: marks a request whose response to an authenticated user must not be cached.

use http::header::CACHE_CONTROL;
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
    #[cfg(feature = "headers")]
    pub(crate) fn insert(extensions: &mut http::Extensions) {
        extensions.insert(Self(()));
    }

    /// Adds `Cache-Control: no-store`, unless the response has a `Cache-Control` header already.
    ///
    /// A handler may know better, for example that an image is the same for all users.
    pub fn write(self, headers: &mut HeaderMap) {
        insert_if_absent(headers, &CACHE_CONTROL, || const { HeaderValue::from_static("no-store") });
    }
}
