//! `SecurityHeaders`: the layer that adds security headers to every response.

use std::sync::Arc;

use http::{Response, StatusCode, request};
use tower_layer::Layer;

use crate::context::{CspNonce, NoStore};
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};
use crate::headers::policy::{Policy, Transport};

/// The layer that adds security headers to every response.
///
/// Start with a preset ([`api`](Self::api), [`html`](Self::html), [`owasp`](Self::owasp) or [`helmet`](Self::helmet))
/// or with [`builder`](Self::builder). Each returns a [builder](crate::headers::SecurityHeadersBuilder). The
/// [module](crate::headers) describes them and shows an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeaders(pub(super) Arc<Policy>);

/// The state that [`SecurityHeaders`] keeps between a request and its response.
#[derive(Debug)]
pub struct SecurityHeadersPass {
    transport: Transport,
    nonce: Option<CspNonce>,
}

impl Gate for SecurityHeaders {
    type Pass = SecurityHeadersPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<SecurityHeadersPass> {
        let policy = &*self.0;
        let transport = policy.transport(head);
        // Nothing is generated yet: most responses of an app are not pages, and a nonce costs random bits.
        let nonce = policy.has_nonce().then(|| shared_nonce(head));
        if policy.is_no_store {
            NoStore::insert(&mut head.extensions);
        }
        Entry::Admit(SecurityHeadersPass { transport, nonce })
    }

    fn leave<B>(&self, pass: SecurityHeadersPass, response: &mut Response<B>) {
        let nonce = pass.nonce.as_ref().and_then(CspNonce::generated);
        if pass.nonce.is_some() {
            self.0.nonce_usage.record(nonce.is_some(), response);
        }
        // A cache updates a stored page with the headers of a 304 (RFC 9111 §3.2). The page keeps its nonce, so its
        // policy must keep it too.
        let is_not_modified = response.status() == StatusCode::NOT_MODIFIED;
        self.0.write(pass.transport, nonce, is_not_modified, response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only(self.0.header_names())
    }
}

/// Returns the nonce of an outer `SecurityHeaders`, so that both policies allow the same one. Otherwise creates one.
fn shared_nonce(head: &mut request::Parts) -> CspNonce {
    if let Some(nonce) = head.extensions.get::<CspNonce>() {
        return nonce.clone();
    }
    let nonce = CspNonce::new();
    head.extensions.insert(nonce.clone());
    nonce
}

impl<S> Layer<S> for SecurityHeaders {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
