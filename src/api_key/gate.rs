//! `ApiKeyAuth`: the gate that authenticates requests by API keys.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{HeaderName, Response, request};
use tower_layer::Layer;

use crate::api_key::policy::{Lookup, Policy, Presented};
use crate::context::{Credential, NoStore, Realm, UserContext, Visitor};
use crate::gate::{
    AuthGate, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders, UserLoader,
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

/// The state that [`ApiKeyAuth`] keeps between a request and its response.
#[derive(Debug)]
pub struct ApiKeyAuthPass(Option<NoStore>);

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

    /// Admits the request of a user. With a user loader, that is a decision to wait for.
    fn admit(&self, head: &mut request::Parts, user: UserContext) -> Entry<ApiKeyAuthPass> {
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
    ) -> Result<(request::Parts, ApiKeyAuthPass), Reply> {
        let verified = user.verified();
        match loader.load(user, self.policy.load_user_timeout).await {
            Ok(user) => {
                let pass = insert_visitor(&mut head, user.with_verified(&verified));
                Ok((head, pass))
            }
            Err(error) => Err(error.reply(&head, Credential::ApiKey, self.policy.realm_of(&head.headers))),
        }
    }

    /// Waits for the lookup of the key, and decides about the request.
    async fn wait_for_key(
        &self,
        mut head: request::Parts,
        presented: Presented,
    ) -> Result<(request::Parts, ApiKeyAuthPass), Reply> {
        let key = match self.policy.look_up(&presented).await {
            Ok(key) => key,
            Err(kind) => return Err(self.refuse(&head, kind)),
        };
        let user = match self.policy.check(&key, &presented, &head.extensions) {
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

impl Gate for ApiKeyAuth {
    type Pass = ApiKeyAuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<ApiKeyAuthPass> {
        match self.policy.find(&mut head.headers) {
            // A client that sent an invalid key expects to act as its user, and would not notice that it is anonymous.
            Ok(Lookup::NoKey) if self.is_optional => {
                // An outer gate may have authenticated the request by another credential.
                if head.extensions.get::<Visitor>().is_none_or(Visitor::is_on_open_route) {
                    head.extensions.insert(Visitor::anonymous(self.policy.realm.clone()));
                }
                Entry::Admit(ApiKeyAuthPass(None))
            }
            Ok(Lookup::NoKey) => {
                // The challenge of a key, even if the client used another scheme.
                let denial = Denial::new(DenialKind::CredentialsMissing, self.policy.realm.clone());
                Entry::Refuse(Reply::denial(head, denial))
            }
            Ok(Lookup::Known(key, presented)) => match self.policy.check(&key, &presented, &head.extensions) {
                Ok(user) => self.admit(head, user),
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Ok(Lookup::Missing(presented)) => {
                let gate = self.clone();
                Entry::wait(move |head| async move { gate.wait_for_key(head, presented).await })
            }
            Err(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, ApiKeyAuthPass(no_store): ApiKeyAuthPass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }

    fn credential_headers(&self) -> Vec<HeaderName> {
        self.policy.sources.headers()
    }
}

/// Provides the user to inner layers and handlers. The pass keeps the mark of an outer layer that responses to users
/// must not be stored (RFC 9111 §5.2.2.5).
fn insert_visitor(head: &mut request::Parts, user: UserContext) -> ApiKeyAuthPass {
    let no_store = head.extensions.get().copied();
    head.extensions.insert(Visitor::authenticated(user));
    ApiKeyAuthPass(no_store)
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
