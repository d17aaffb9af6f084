//! `SecurityHeaders`: the layer that completes the fields of every answer.

use std::sync::Arc;

use http::{HeaderMap, Response, StatusCode, request};
use tower_layer::Layer;

use crate::context::{CspNonce, NoStore};
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};
use crate::headers::audit::{self, Audit};
use crate::headers::policy::{Policy, Way};

/// Completes the fields of every answer; see the [module](crate::headers).
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeaders(pub(super) Arc<Policy>);

impl SecurityHeaders {
    /// What Mozilla's HTTP Observatory would say of a page that is answered with these fields over https, so that a unit test
    /// can hold a configuration to a grade.
    ///
    /// ```
    /// use portcullis::{SecurityHeaders, headers::Grade};
    ///
    /// let audit = SecurityHeaders::html().build()?.audit();
    /// assert_eq!(audit.grade(), Grade::APlus, "{audit}");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit {
        let mut headers = HeaderMap::new();
        self.0.write(Way::Upgraded, Some(SAMPLE_NONCE), false, &mut headers);
        audit::audit(&headers)
    }
}

/// What [`SecurityHeaders`] remembers of a request until its response.
#[derive(Debug)]
pub struct Pass {
    way: Way,
    nonce: Option<CspNonce>,
}

impl Gate for SecurityHeaders {
    type Pass = Pass;

    fn enter(&self, head: &mut request::Parts) -> Entry<Pass> {
        let policy = &*self.0;
        let way = policy.way(head);
        let nonce = policy.has_nonce().then(|| nonce_of(head));
        if policy.is_no_store {
            NoStore::insert(&mut head.extensions);
        }
        Entry::Admit(Pass { way, nonce })
    }

    fn leave<B>(&self, pass: Pass, response: &mut Response<B>) {
        let nonce = pass.nonce.as_ref().and_then(CspNonce::generated);
        // A cache replaces a stored page's fields by those of a 304 (RFC 9111 §3.2): the page keeps its nonce.
        let is_validation = response.status() == StatusCode::NOT_MODIFIED;
        self.0.write(pass.way, nonce, is_validation, response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only(self.0.header_names())
    }
}

/// The nonce of a layer outside, so that both policies let in the same; else a new one.
fn nonce_of(head: &mut request::Parts) -> CspNonce {
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

const SAMPLE_NONCE: &str = "00112233445566778899aabbccddeeff";
