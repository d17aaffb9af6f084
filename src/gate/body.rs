//! `BodyFromBytes`: a response body that can be created from bytes.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Either, Full};

/// A response body that can be created from bytes, which a rejecting response needs.
///
/// These bodies implement it: `Bytes`, `Full<Bytes>`, `BoxBody`, `UnsyncBoxBody` and `Either` of http-body-util, axum's
/// `Body` (feature `axum`), tonic's `Body` (feature `tonic`), and a `Box` of any of them. An `Either` becomes its left
/// variant.
///
/// Implement it for a custom body. If another layer changes the type of the body (compression, for example), add this
/// crate's layer inside that one.
///
/// ```
/// use http_body_util::Full;
/// use portcullis::gate::{BodyFromBytes, Bytes};
///
/// enum ApiBody<B> {
///     Own(Full<Bytes>),
///     Proxied(B),
/// }
///
/// impl<B> BodyFromBytes for ApiBody<B> {
///     fn from_bytes(bytes: Bytes) -> Self {
///         Self::Own(Full::new(bytes))
///     }
/// }
/// # let body = ApiBody::<Full<Bytes>>::from_bytes(Bytes::from_static(b"ok"));
/// # assert!(matches!(body, ApiBody::Own(_)));
/// # let _ = ApiBody::Proxied(body);
/// ```
#[diagnostic::on_unimplemented(
    message = "a response body of type `{Self}` cannot be created from bytes, which a rejecting response needs",
    note = "box the body between this layer and the one that changes its type with `.map_response(axum::response::IntoResponse::into_response)`, add this layer inside that one, or implement `portcullis::gate::BodyFromBytes` for a custom body",
    note = "`Reply::into_response` on servers with other bodies: create a response of `portcullis::gate::Bytes`, and convert its body"
)]
pub trait BodyFromBytes {
    /// Whether a service with this body is a gRPC server, whose rejections of gRPC calls are gRPC statuses (default:
    /// false; true for tonic's body). See [`gate`](crate::gate#grpc).
    const IS_GRPC: bool = false;

    /// Creates a body with exactly these bytes. Without bytes, the body is empty.
    ///
    /// `Bytes` is the type of the crate `bytes` 1, which is also `axum::body::Bytes` and `portcullis::gate::Bytes`.
    fn from_bytes(bytes: Bytes) -> Self;
}

/// For [`Reply::into_response`](crate::gate::Reply::into_response) on servers with other types of bodies.
impl BodyFromBytes for Bytes {
    fn from_bytes(bytes: Bytes) -> Self {
        bytes
    }
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

impl<L: BodyFromBytes, R> BodyFromBytes for Either<L, R> {
    const IS_GRPC: bool = L::IS_GRPC;

    fn from_bytes(bytes: Bytes) -> Self {
        Self::Left(L::from_bytes(bytes))
    }
}

impl<B: BodyFromBytes> BodyFromBytes for Box<B> {
    const IS_GRPC: bool = B::IS_GRPC;

    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(B::from_bytes(bytes))
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
    const IS_GRPC: bool = true;

    fn from_bytes(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::new(Full::new(bytes)) }
    }
}
