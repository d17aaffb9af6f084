//! `EndableBody`: a response body that can end early.

use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{Either, Empty, Full};

use crate::end_streams::ending::{CredentialEnded, Ending};

/// A response body that [`EndStreams`](crate::EndStreams) can end.
///
/// These bodies implement it: axum's `Body` (feature `axum`), tonic's `Body` (feature `tonic`), `Full<Bytes>` and
/// `Empty<Bytes>`, which are complete, and `BoxBody` and `UnsyncBoxBody` of http-body-util, if their error can be
/// created from [`CredentialEnded`], as `std::io::Error` and a boxed error can. So do an `Either` of two of them, and a
/// `Box` of one.
///
/// Implement it for a custom body that can hold any other body:
///
/// ```
/// use std::error::Error;
///
/// use bytes::Bytes;
/// use http_body_util::BodyExt;
/// use http_body_util::combinators::UnsyncBoxBody;
/// use portcullis::end_streams::{EndableBody, Ending};
///
/// struct ApiBody(UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>);
///
/// impl EndableBody for ApiBody {
///     fn end_with(self, ending: Ending) -> Self {
///         Self(ending.apply(self.0, |error| error.into()).boxed_unsync())
///     }
/// }
/// # let _ = ApiBody(http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync());
/// ```
#[diagnostic::on_unimplemented(
    message = "a response body of type `{Self}` cannot be ended early",
    note = "box the body inside this layer with `.map_response(axum::response::IntoResponse::into_response)`, or implement `portcullis::end_streams::EndableBody` for a custom body"
)]
pub trait EndableBody {
    /// Returns a body that ends with the credential: by [`Ending::apply`].
    #[must_use]
    fn end_with(self, ending: Ending) -> Self;
}

impl EndableBody for Full<Bytes> {
    fn end_with(self, _: Ending) -> Self {
        self
    }
}

impl EndableBody for Empty<Bytes> {
    fn end_with(self, _: Ending) -> Self {
        self
    }
}

impl<E: From<CredentialEnded> + 'static> EndableBody for BoxBody<Bytes, E> {
    fn end_with(self, ending: Ending) -> Self {
        Self::new(ending.apply(self, E::from))
    }
}

impl<E: From<CredentialEnded> + 'static> EndableBody for UnsyncBoxBody<Bytes, E> {
    fn end_with(self, ending: Ending) -> Self {
        Self::new(ending.apply(self, E::from))
    }
}

impl<L: EndableBody, R: EndableBody> EndableBody for Either<L, R> {
    fn end_with(self, ending: Ending) -> Self {
        match self {
            Self::Left(body) => Self::Left(body.end_with(ending)),
            Self::Right(body) => Self::Right(body.end_with(ending)),
        }
    }
}

impl<B: EndableBody> EndableBody for Box<B> {
    fn end_with(self, ending: Ending) -> Self {
        Self::new((*self).end_with(ending))
    }
}

#[cfg(feature = "axum")]
impl EndableBody for axum_core::body::Body {
    fn end_with(self, ending: Ending) -> Self {
        Self::new(ending.apply(self, axum_core::Error::new))
    }
}

#[cfg(feature = "tonic")]
impl EndableBody for tonic::body::Body {
    fn end_with(self, ending: Ending) -> Self {
        Self::new(ending.apply(self, |error| tonic::Status::unauthenticated(error.to_string())))
    }
}
