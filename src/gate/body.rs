//! `BodyFromBytes`: a response body that can be created from bytes.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Full};

/// A response body that can be created from bytes, which a rejecting response needs.
///
/// `axum::body::Body`, `Full<Bytes>`, http-body-util's boxed bodies and, with the feature `tonic`, tonic's body implement it.
/// Implement it for a custom body. If another layer changes the type of the body (compression, for example), add this
/// crate's layer inside of that one.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Either, Full};
/// use portcullis::gate::BodyFromBytes;
///
/// struct ApiBody<B>(Either<Full<Bytes>, B>);
///
/// impl<B> BodyFromBytes for ApiBody<B> {
///     fn from_bytes(bytes: Bytes) -> Self {
///         Self(Either::Left(Full::new(bytes)))
///     }
/// }
/// # let body = ApiBody::<http_body_util::Empty<Bytes>>::from_bytes(Bytes::from_static(b"ok"));
/// # assert!(matches!(body.0, Either::Left(_)));
/// ```
#[diagnostic::on_unimplemented(
    message = "a response body of type `{Self}` cannot be created from bytes, which a rejecting response needs",
    note = "box the body between this layer and the one that changes its type with `.map_response(axum::response::IntoResponse::into_response)`, add this layer inside of that one, or implement `portcullis::gate::BodyFromBytes` for a custom body"
)]
pub trait BodyFromBytes {
    /// Creates a body with exactly these bytes. Without bytes, the body is empty.
    fn from_bytes(bytes: Bytes) -> Self;
}

impl BodyFromBytes for Full<Bytes> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes)
    }
}

impl<E> BodyFromBytes for BoxBody<Bytes, E> {
    fn from_bytes(bytes: Bytes) -> Self {
        Full::new(bytes).map_err(|never| match never {}).boxed()
    }
}

impl<E> BodyFromBytes for UnsyncBoxBody<Bytes, E> {
    fn from_bytes(bytes: Bytes) -> Self {
        Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
    }
}

#[cfg(feature = "axum")]
impl BodyFromBytes for axum_core::body::Body {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::from(bytes)
    }
}

#[cfg(feature = "tonic")]
impl BodyFromBytes for tonic::body::Body {
    fn from_bytes(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::new(Full::new(bytes)) }
    }
}
