//! `BodyFromBytes`: a response body that can be made of bytes.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Full};

/// A response body that can be made of bytes, which a refusal needs.
///
/// It is there for `axum::body::Body`, `Full<Bytes>`, http-body-util's boxed bodies and, with the feature `tonic`,
/// tonic's body. Implement it for a body of your own; behind a layer that changes the body's type (compression, for
/// example), put the gate inside of that layer.
#[diagnostic::on_unimplemented(
    message = "no refusal can be sent with a response body of type `{Self}`",
    note = "box the body between this layer and the one that changes its type, by `.map_response(axum::response::IntoResponse::into_response)`, put this layer inside of that one, or implement `portcullis::gate::BodyFromBytes` for a body of your own"
)]
pub trait BodyFromBytes {
    /// A body of just these bytes; an empty body for none.
    fn from_bytes(bytes: Vec<u8>) -> Self;
}

impl BodyFromBytes for Full<Bytes> {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::from(bytes)
    }
}

impl<E> BodyFromBytes for BoxBody<Bytes, E> {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Full::from(bytes).map_err(|never| match never {}).boxed()
    }
}

impl<E> BodyFromBytes for UnsyncBoxBody<Bytes, E> {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
    }
}

#[cfg(feature = "axum")]
impl BodyFromBytes for axum_core::body::Body {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::from(bytes)
    }
}

#[cfg(feature = "tonic")]
impl BodyFromBytes for tonic::body::Body {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::new(Full::<Bytes>::from(bytes)) }
    }
}
