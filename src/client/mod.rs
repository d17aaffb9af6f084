//! `TrustedProxies` as a layer: the client's address for every layer and handler below.

use http::request;
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::gate::{Entry, Gate, Gated};

/// Puts the [`ClientAddr`](crate::ClientAddr) into the request's extensions, where the peer is known.
impl Gate for TrustedProxies {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        if let Some(client) = self.client(head) {
            head.extensions.insert(client);
        }
        Entry::Admit(())
    }
}

impl<S> Layer<S> for TrustedProxies {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
