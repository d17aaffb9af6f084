//! `TrustedProxies` as a layer: finds the client's address and scheme for all inner layers and handlers.
//!
//! The type is in `context`, with what it finds. Only the tower code is here.

use http::request;
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// Finds the client's address and scheme. What it finds is in the request's extensions: see
/// [`ClientAddr::from_extensions`](crate::ClientAddr::from_extensions).
///
/// It never rejects a request: a handler or an inner layer that needs the address responds with 500 without it.
impl Gate for TrustedProxies {
    type Pass = ();

    // Replaces what an outer `TrustedProxies` found, if there is one.
    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        let client = self.find(head);
        head.extensions.insert(client);
        Entry::Admit(())
    }

    // Declared for `Stack`, which may then write the security headers first.
    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::none()
    }
}

impl<S> Layer<S> for TrustedProxies {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
