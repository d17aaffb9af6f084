//! `NoStore`: a gate outside asks that answers to authenticated users be not stored.

use http::header::CACHE_CONTROL;
use http::{Extensions, HeaderMap, HeaderValue};

use crate::field::fill::fill;

/// A gate outside asks that answers to authenticated users be not stored by any cache (RFC 9111 §5.2.2.5).
///
/// [`SecurityHeaders`](crate::SecurityHeaders) puts it into a request's extensions. A gate that authenticates, which alone knows
/// who asks, looks for it when it [admits a user](crate::context::Visitor::authenticated) and heeds it in the answer:
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
    /// Asks for it.
    pub(crate) fn ask(extensions: &mut Extensions) {
        extensions.insert(Self(()));
    }

    /// Writes `Cache-Control: no-store`, unless the handler has said how its answer may be stored.
    pub fn write(self, headers: &mut HeaderMap) {
        fill(headers, &CACHE_CONTROL, || const { HeaderValue::from_static("no-store") });
    }
}
