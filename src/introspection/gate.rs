//! `IntrospectionAuth`: the gate that authenticates requests by opaque tokens.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::{Credential, NoStore, Realm, UserContext, Visitor};
use crate::gate::{
    AuthGate, CredentialSource, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders,
    UserLoader,
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

/// The state that [`IntrospectionAuth`] keeps between a request and its response.
#[derive(Debug)]
pub struct IntrospectionAuthPass(Option<NoStore>);

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

    /// Admits the request of a user. With a user loader, that is a decision to wait for.
    fn admit(&self, head: &mut request::Parts, user: UserContext) -> Entry<IntrospectionAuthPass> {
        if let Some(loader) = &self.policy.loader {
            let (gate, loader) = (self.clone(), loader.clone());
            return Entry::wait(|head| async move { gate.load_user(head, user, &loader).await });
        }
        Entry::Admit(insert_visitor(head, user))
    }

    async fn load_user(
        &self,
        mut head: request::Parts,
        user: UserContext,
        loader: &UserLoader,
    ) -> Result<(request::Parts, IntrospectionAuthPass), Reply> {
        let verified = user.verified();
        match loader.load(user, self.policy.load_user_timeout).await {
            Ok(user) => {
                let pass = insert_visitor(&mut head, user.with_verified(&verified));
                Ok((head, pass))
            }
            Err(error) => Err(error.reply(&head, Credential::Token, self.policy.realm.clone())),
        }
    }

    /// Waits for the response about the token, and decides about the request.
    async fn wait_for_response(
        &self,
        mut head: request::Parts,
        missing: MissingToken,
    ) -> Result<(request::Parts, IntrospectionAuthPass), Reply> {
        let user = match self.policy.look_up(missing).await {
            Ok(user) => user,
            Err(kind) => return Err(self.refuse(&head, kind)),
        };
        match &self.policy.loader {
            Some(loader) => self.load_user(head, user, loader).await,
            None => {
                let pass = insert_visitor(&mut head, user);
                Ok((head, pass))
            }
        }
    }
}

impl Gate for IntrospectionAuth {
    type Pass = IntrospectionAuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<IntrospectionAuthPass> {
        match self.policy.find(&mut head.headers) {
            Ok(Lookup::Accepted(user)) => self.admit(head, user),
            Ok(Lookup::Missing(missing)) => {
                let gate = self.clone();
                Entry::wait(move |head| async move { gate.wait_for_response(head, missing).await })
            }
            // A client that sent an invalid token expects to act as its user, and would not notice that it is
            // anonymous.
            Ok(Lookup::NoToken) if self.is_optional => {
                // An outer gate may have authenticated the request by another credential.
                if head.extensions.get::<Visitor>().is_none_or(Visitor::is_on_open_route) {
                    head.extensions.insert(Visitor::anonymous(self.policy.realm.clone()));
                }
                Entry::Admit(IntrospectionAuthPass(None))
            }
            Ok(Lookup::NoToken) => Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, IntrospectionAuthPass(no_store): IntrospectionAuthPass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

/// Provides the user to inner layers and handlers. The pass keeps the mark of an outer layer that responses to users
/// must not be stored (RFC 9111 §5.2.2.5).
fn insert_visitor(head: &mut request::Parts, user: UserContext) -> IntrospectionAuthPass {
    let no_store = head.extensions.get().copied();
    head.extensions.insert(Visitor::authenticated(user));
    IntrospectionAuthPass(no_store)
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
