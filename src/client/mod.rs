//! `TrustedProxies` as a layer: finds the client's address for all inner layers and handlers.

use http::request;
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// Inserts the [`ClientAddr`](crate::ClientAddr) into the request's extensions, if the address of the peer is known.
impl Gate for TrustedProxies {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        if let Some(client) = self.client(head) {
            head.extensions.insert(client);
        }
        Entry::Admit(())
    }

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
