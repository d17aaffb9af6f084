//! `ApiKeyAuth`: the gate that authenticates requests by API keys.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{HeaderName, Response, request};
use tower_layer::Layer;

use crate::api_key::policy::{Lookup, Policy, Presented};
use crate::context::Realm;
use crate::gate::{
    AuthGate, AuthPass, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders,
};

/// Authenticates requests by API keys, and creates and revokes keys; see the [module](crate::api_key).
///
/// Clones share the cache. Two that are built separately share only the store, so build one and clone it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiKeyAuth {
    pub(super) policy: Arc<Policy>,
    is_optional: bool,
}

impl ApiKeyAuth {
    pub(super) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// Returns the same layer, with a shared cache, that admits requests without a key as anonymous.
    ///
    /// See [`optional`](crate::api_key::ApiKeyAuthBuilder::optional).
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm_of(&head.headers)))
    }

    fn look_up(&self, presented: Presented) -> Entry<AuthPass> {
        let gate = self.clone();
        Entry::wait(move |head| async move { gate.wait_for_key(head, presented).await })
    }

    /// Waits for the lookup of the key, and decides about the request.
    async fn wait_for_key(
        &self,
        head: request::Parts,
        presented: Presented,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        let key = match self.policy.look_up(&presented).await {
            Ok(key) => key,
            Err(kind) => return Err(self.refuse(&head, kind)),
        };
        let user = match self.policy.check(&key, &presented, &head.extensions) {
            Ok(user) => user,
            Err(kind) => return Err(self.refuse(&head, kind)),
        };
        let realm = self.policy.realm_of(&head.headers);
        self.policy.admission.admit(head, user, realm).await
    }
}

impl Gate for ApiKeyAuth {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        match self.policy.find(&mut head.headers) {
            // A client that sent an invalid key expects to act as its user, and would not notice that it is anonymous.
            Ok(Lookup::NoKey) if self.is_optional => Entry::Admit(AuthPass::anonymous(head, &self.policy.realm)),
            Ok(Lookup::NoKey) => {
                // The challenge of a key, even if the client used another scheme.
                let denial = Denial::new(DenialKind::CredentialsMissing, self.policy.realm.clone());
                Entry::Refuse(Reply::denial(head, denial))
            }
            Ok(Lookup::Known(key, presented)) => match self.policy.check(&key, &presented, &head.extensions) {
                Ok(user) => self.policy.admission.enter(head, user, |headers| self.policy.realm_of(headers)),
                Err(_) if self.policy.must_read_again(&key, &presented) => self.look_up(presented),
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Ok(Lookup::Missing(presented)) => self.look_up(presented),
            Err(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        pass.write(response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }

    fn credential_headers(&self) -> Vec<HeaderName> {
        self.policy.sources.headers()
    }
}

impl AuthGate for ApiKeyAuth {
    fn credentials(&self) -> CredentialSources {
        self.policy.sources.clone()
    }

    fn realm(&self) -> Realm {
        self.policy.realm.clone()
    }
}

impl<S> Layer<S> for ApiKeyAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
