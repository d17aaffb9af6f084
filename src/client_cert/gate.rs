//! `ClientCertAuth`: the gate that authenticates requests by client certificates.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Response, request};
use tower_layer::Layer;

use crate::client_cert::policy::Policy;
use crate::context::{NoStore, PeerCertificate, Realm};
use crate::field::header_map::append;
use crate::gate::{
    AuthGate, AuthPass, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders,
};

/// Authenticates requests by TLS client certificates; see the [module](crate::client_cert).
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientCertAuth {
    policy: Arc<Policy>,
    is_optional: bool,
}

impl ClientCertAuth {
    pub(super) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// Returns the same layer that admits requests without a certificate as anonymous.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ClientCertAuth, UserContext, context::PeerCertificate};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let auth = ClientCertAuth::builder()
    /// #     .from_tls(|extensions| extensions.get::<PeerCertificate>().cloned())
    /// #     .user(|certificate| certificate.uri().map(UserContext::new))
    /// #     .build()?;
    /// let open = Router::new()
    ///     .route("/health", get(|| async {}))
    ///     .layer(auth.to_optional());
    /// let app = Router::new()
    ///     .route("/sync", get(|| async {}))
    ///     .layer(auth)
    ///     .merge(open);
    ///
    /// for (path, status) in [("/health", 200), ("/sync", 403)] {
    ///     let request = Request::get(path).body(Body::empty()).unwrap();
    ///     let response = app.clone().oneshot(request).await.unwrap();
    ///     assert_eq!(response.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    /// Admits the request of a certificate's user.
    fn admit(&self, head: &mut request::Parts, certificate: PeerCertificate) -> Entry<AuthPass> {
        // Before the app's functions see the certificate: a browser adds it by itself, as it does a cookie.
        if let Err(kind) = self.policy.csrf.check_if_stated(head) {
            return Entry::Refuse(self.refuse(head, kind));
        }
        let user = match self.policy.user(&certificate) {
            Ok(user) => user,
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        #[cfg(feature = "revocation")]
        if let Some(Err(denial)) = self.policy.revocations.as_ref().map(|revocations| revocations.check(&user)) {
            return Entry::Refuse(Reply::denial(head, denial));
        }
        head.extensions.insert(certificate);
        // RFC 9440 §2.4, whether or not an outer layer requires it.
        NoStore::insert(&mut head.extensions);
        self.policy.admission.enter(head, user, |_| self.policy.realm.clone())
    }

    /// Admits a request without a certificate if the gate is optional.
    fn enter_without_certificate(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        if !self.is_optional {
            return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing));
        }
        Entry::Admit(AuthPass::anonymous(head, &self.policy.realm))
    }
}

impl Gate for ClientCertAuth {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        self.policy.remove_untrusted(head);
        match self.policy.certificate(head) {
            Ok(Some(certificate)) => self.admit(head, certificate),
            Ok(None) => self.enter_without_certificate(head),
            Err(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    /// Keeps caches from serving the response to requests with another certificate (RFC 9440 §2.4).
    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        let headers = response.headers_mut();
        pass.write(headers);
        if !is_no_store(headers) {
            append(headers, &VARY, HeaderValue::from(self.policy.varies_by().clone()));
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL, VARY])
    }

    fn remove_untrusted(&self, head: &mut request::Parts) {
        self.policy.remove_untrusted(head);
    }
}

impl AuthGate for ClientCertAuth {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::none()
    }

    fn realm(&self) -> Realm {
        self.policy.realm.clone()
    }

    fn presents_ambient(&self, head: &request::Parts) -> bool {
        self.policy.has_certificate(head)
    }
}

impl<S> Layer<S> for ClientCertAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

/// Whether no cache may store the response.
fn is_no_store(headers: &HeaderMap) -> bool {
    let mut directives = headers.get_all(CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}
