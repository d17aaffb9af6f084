//! `IntrospectionAuth`: the gate that authenticates requests by opaque tokens.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::Realm;
use crate::gate::{
    AuthGate, AuthPass, CredentialSource, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply,
    ResponseHeaders,
};
use crate::introspection::policy::{Lookup, MissingToken, Policy};

/// Authenticates requests by opaque tokens, about which it asks their authorization server; see the
/// [module](crate::introspection).
///
/// Clones share the cache. Two layers that are built separately share nothing, so build one and clone it.
#[derive(Clone, Debug)]
#[must_use]
pub struct IntrospectionAuth {
    policy: Arc<Policy>,
    is_optional: bool,
}

impl IntrospectionAuth {
    pub(super) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// Returns the same layer, with a shared cache, that admits requests without a token as anonymous.
    ///
    /// See [`optional`](crate::introspection::IntrospectionAuthBuilder::optional).
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    /// Waits for the response about the token, and decides about the request.
    async fn wait_for_response(
        &self,
        head: request::Parts,
        missing: MissingToken,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        match self.policy.look_up(missing).await {
            Ok(user) => self.policy.admission.admit(head, user, self.policy.realm.clone()).await,
            Err(kind) => Err(self.refuse(&head, kind)),
        }
    }
}

impl Gate for IntrospectionAuth {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        match self.policy.find(&mut head.headers) {
            Ok(Lookup::Accepted(user)) => self.policy.admission.enter(head, user, |_| self.policy.realm.clone()),
            Ok(Lookup::Missing(missing)) => {
                let gate = self.clone();
                Entry::wait(move |head| async move { gate.wait_for_response(head, missing).await })
            }
            // A client that sent an invalid token expects to act as its user, and would not notice that it is
            // anonymous.
            Ok(Lookup::NoToken) if self.is_optional => Entry::Admit(AuthPass::anonymous(head, &self.policy.realm)),
            Ok(Lookup::NoToken) => Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        pass.write(response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

impl AuthGate for IntrospectionAuth {
    /// Any text after `Bearer`. In an [`AnyOf`](crate::AnyOf) with a [`JwtAuth`](crate::JwtAuth), those that are not in
    /// the form of a JWT.
    fn credentials(&self) -> CredentialSources {
        CredentialSources::of_valid(vec![CredentialSource::scheme("Bearer")])
    }

    fn realm(&self) -> Realm {
        self.policy.realm.clone()
    }
}

impl<S> Layer<S> for IntrospectionAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
