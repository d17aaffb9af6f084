//! `as_user`: a layer that stands in for the one that authenticates.

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::{NoStore, Realm, UserContext, Visitor};
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// A layer that takes every request for this user's, whatever its credential.
pub fn as_user(user: UserContext) -> AsUser {
    AsUser(Visitor::authenticated(user))
}

/// A layer that takes every request for an anonymous one.
pub fn as_anonymous() -> AsUser {
    AsUser(Visitor::anonymous(Realm::default()))
}

/// What [`as_user`] and [`as_anonymous`] return.
#[derive(Clone, Debug)]
#[must_use]
pub struct AsUser(Visitor);

impl Gate for AsUser {
    type Pass = Option<NoStore>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Option<NoStore>> {
        let no_store = self.0.user().and_then(|_| head.extensions.get().copied());
        head.extensions.insert(self.0.clone());
        Entry::Admit(no_store)
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

impl<S> Layer<S> for AsUser {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
