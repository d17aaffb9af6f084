//! `TrustedProxies` as a layer: finds the client's address for all inner layers and handlers.
//!
//! The type is in `context`, because rate limits and extractors use it without the layer. Only the tower code is here.

use http::request;
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// Inserts the [`ClientAddr`](crate::ClientAddr) into the request's extensions, if the address of the peer is known.
///
/// It never rejects a request: a handler or an inner layer that needs the address responds with 500 without it.
impl Gate for TrustedProxies {
    type Pass = ();

    // Replaces the address of an outer `TrustedProxies`, if there is one.
    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        if let Some(client) = self.client(head) {
            head.extensions.insert(client);
        }
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
