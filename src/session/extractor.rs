//! `Session` as an axum extractor.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request;

use crate::context::Realm;
use crate::extract::{Extract, Rejection, optional, required};
use crate::gate::{Denial, DenialKind};
use crate::session::handle::Session;

impl Extract for Session {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(Self::from_extensions(&head.extensions))
    }

    /// Not a 401: a handler that extracts a session cannot work without the layer.
    fn absent(_: &request::Parts) -> Denial {
        Denial::new(DenialKind::SessionLayerMissing, Realm::default())
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, Rejection> {
        required(head)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Option<Self>, Rejection> {
        optional(head)
    }
}
