//! `JwtAuth`: the gate that turns a token into a `UserContext`.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::{NoStore, UserContext, Visitor};
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders, TokenError};
use crate::jwt::builder::JwtAuthBuilder;
use crate::jwt::issuer::trusted::IssuerKeys;
use crate::jwt::policy::{Policy, Verification};
use crate::jwt::remote::{KeySearch, PendingFetch, RemoteKeys};

/// Authenticates requests by bearer tokens; see the [module](crate::jwt).
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtAuth {
    policy: Arc<Policy>,
    is_optional: bool,
}

impl JwtAuth {
    /// A layer to configure: at least an issuer and an audience.
    pub fn builder() -> JwtAuthBuilder {
        JwtAuthBuilder::default()
    }

    pub(crate) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// The same layer, with the same keys, that lets a request without a credential through as anonymous; see
    /// [`optional`](JwtAuthBuilder::optional).
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    /// Whether the keys of every issuer are at hand, for a health check.
    ///
    /// It starts a fetch for those that are not: an app that gets no traffic before it is ready becomes so all the same.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let missing = self.remotes().filter(|remote| !remote.is_ready());
        let now = self.policy.clock.monotonic();
        missing.inspect(|remote| remote.refresh(now)).count() == 0
    }

    /// Fetches the keys of every issuer that has none yet, once each, and says whether all are there now. An issuer whose
    /// last fetch failed a moment ago is left its time.
    ///
    /// A server may start without: until keys arrive, requests are answered 503.
    pub async fn prefetch_keys(&self) -> bool {
        let missing = self.remotes().filter(|remote| !remote.is_ready());
        let searches: Vec<KeySearch> = missing.map(|remote| remote.search(None, remote.sets())).collect();
        for search in searches {
            if let KeySearch::Fetching(mut pending) = search {
                pending.answered().await;
            }
        }
        self.remotes().all(|remote| remote.is_ready())
    }

    fn remotes(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.policy.issuers.iter().filter_map(|trust| match &trust.keys {
            IssuerKeys::Fixed(_) => None,
            IssuerKeys::Remote(remote) => Some(remote),
        })
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    fn admit(&self, head: &mut request::Parts, user: UserContext) -> Entry<Option<NoStore>> {
        if self.policy.loader.is_some() {
            let gate = self.clone();
            return Entry::wait(|head| async move { gate.load(head, user).await });
        }
        Entry::Admit(insert_visitor(head, user))
    }

    /// Has the user loaded, where there is a loader, and lets the request on.
    async fn load(
        &self,
        mut head: request::Parts,
        user: UserContext,
    ) -> Result<(request::Parts, Option<NoStore>), Reply> {
        let loaded = match &self.policy.loader {
            Some(loader) => loader.load(user).await,
            None => Ok(user),
        };
        match loaded {
            Ok(user) => {
                let no_store = insert_visitor(&mut head, user);
                Ok((head, no_store))
            }
            Err(error) => Err(self.refuse(&head, error.kind())),
        }
    }

    /// Waits for the fetch that may bring the key, and judges the token once more.
    ///
    /// A fetch that was under way before the request may have been answered before the key was published: where it did
    /// not bring it, one that starts now is waited for, too.
    async fn resume(
        &self,
        head: request::Parts,
        mut pending: PendingFetch,
    ) -> Result<(request::Parts, Option<NoStore>), Reply> {
        loop {
            pending.answered().await;
            let judgement = match self.policy.judge(&head.headers) {
                Ok(Some(judgement)) => judgement,
                // The head did not change while it waited.
                Ok(None) => Verification::Refused(TokenError::Key),
                Err(kind) => return Err(self.refuse(&head, kind)),
            };
            let next = match judgement {
                Verification::Accepted(user) => return self.load(head, user).await,
                Verification::KeyMissing(missing) if pending.is_earlier => missing.search(),
                Verification::KeyMissing(missing) => Err(missing.not_found()),
                Verification::Refused(error) => Err(DenialKind::InvalidToken(error)),
            };
            pending = next.map_err(|kind| self.refuse(&head, kind))?;
            pending.is_earlier = false;
        }
    }
}

impl Gate for JwtAuth {
    type Pass = Option<NoStore>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Option<NoStore>> {
        let judgement = match self.policy.judge(&head.headers) {
            Ok(Some(judgement)) => judgement,
            Ok(None) if self.is_optional => {
                // A gate outside of this one may have authenticated the request by another credential.
                if head.extensions.get::<Visitor>().is_none() {
                    head.extensions.insert(Visitor::anonymous(self.policy.realm.clone()));
                }
                return Entry::Admit(None);
            }
            Ok(None) => return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        match judgement {
            Verification::Accepted(user) => self.admit(head, user),
            Verification::KeyMissing(missing) => match missing.search() {
                Ok(pending) => {
                    let gate = self.clone();
                    Entry::wait(|head| async move { gate.resume(head, pending).await })
                }
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Verification::Refused(error) => Entry::Refuse(self.refuse(head, DenialKind::InvalidToken(error))),
        }
    }

    fn leave<B>(&self, no_store: Option<NoStore>, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

fn insert_visitor(head: &mut request::Parts, user: UserContext) -> Option<NoStore> {
    let no_store = head.extensions.get().copied();
    head.extensions.insert(Visitor::authenticated(user));
    no_store
}

impl<S> Layer<S> for JwtAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
