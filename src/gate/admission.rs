//! `Admission`: how a gate that authenticates admits the request of a verified user, or of an anonymous one.

mod user_loader;

use std::time::Duration;

#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
use http::HeaderMap;
use http::request;

use crate::context::{NoStore, Realm, UserContext, Visitor};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt"
))]
use crate::gate::entry::Entry;
use crate::gate::reply::Reply;

pub use user_loader::LoadError;
pub(crate) use user_loader::UserLoader;

/// The state that a gate that authenticates keeps between a request and its response.
#[derive(Debug)]
pub struct AuthPass(Option<NoStore>);

impl AuthPass {
    /// Provides the user to inner layers and handlers. The pass keeps the mark of an outer layer that responses to users
    /// must not be stored (RFC 9111 §5.2.2.5).
    pub(crate) fn authenticated(head: &mut request::Parts, user: UserContext) -> Self {
        let no_store = head.extensions.get().copied();
        head.extensions.insert(Visitor::authenticated(user));
        Self(no_store)
    }

    /// Marks the request as anonymous, unless an outer gate has authenticated it by another credential.
    pub(crate) fn anonymous(head: &mut request::Parts, realm: &Realm) -> Self {
        if head.extensions.get::<Visitor>().is_none_or(Visitor::is_on_open_route) {
            head.extensions.insert(Visitor::anonymous(realm.clone()));
        }
        Self(None)
    }

    /// Adds `Cache-Control` to the response to a user if the outer layer requires it.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        if let Some(no_store) = self.0 {
            no_store.write(headers);
        }
    }
}

/// Admits the requests of verified users, after the app's function has loaded them if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    loader: Option<UserLoader>,
    timeout: Duration,
}

impl Admission {
    /// Returns how to admit with this loader, if there is one, and its timeout (default five seconds).
    pub(crate) fn new(loader: Option<UserLoader>, timeout: Option<Duration>) -> Self {
        Self { loader, timeout: timeout.unwrap_or(LOAD_USER_TIMEOUT) }
    }

    /// Adds an issue if a timeout is set without a loader: it has no effect, so the loader was probably forgotten.
    pub(crate) fn validate(loader: Option<&UserLoader>, timeout: Option<Duration>, issues: &mut ConfigIssues) {
        let Some(timeout) = timeout else { return };
        if loader.is_none() {
            let remedy = "call .load_user(..), or remove .load_user_timeout(..)";
            issues.add(ConfigIssue::new("load_user_timeout", IssueKind::Prohibited, "there is no user loader", remedy));
        }
        issues.check_timeout("load_user_timeout", timeout);
    }

    /// Admits the request of a verified user. With a loader, that is a decision to wait for.
    ///
    /// `realm` returns the realm of a rejection by the loader.
    #[cfg(any(feature = "api_key", feature = "basic", feature = "client_cert", feature = "introspection"))]
    pub(crate) fn enter(
        &self,
        head: &mut request::Parts,
        user: UserContext,
        realm: impl FnOnce(&HeaderMap) -> Realm,
    ) -> Entry<AuthPass> {
        self.enter_as(head, user, realm, |pass| pass)
    }

    /// Like [`enter`](Self::enter), for a gate whose pass is more than an [`AuthPass`]. Wrapping the pass of a `Wait`
    /// afterwards would cost another box.
    #[cfg(any(
        feature = "api_key",
        feature = "basic",
        feature = "client_cert",
        feature = "introspection",
        feature = "jwt"
    ))]
    #[inline]
    pub(crate) fn enter_as<P: Send + 'static>(
        &self,
        head: &mut request::Parts,
        user: UserContext,
        realm: impl FnOnce(&HeaderMap) -> Realm,
        wrap: impl FnOnce(AuthPass) -> P + Send + 'static,
    ) -> Entry<P> {
        if self.loader.is_none() {
            return Entry::Admit(wrap(AuthPass::authenticated(head, user)));
        }
        let realm = realm(&head.headers);
        let admission = self.clone();
        Entry::wait(move |head| async move {
            let (head, pass) = admission.admit(head, user, realm).await?;
            Ok((head, wrap(pass)))
        })
    }

    /// Loads the user, if there is a loader, and admits the request.
    ///
    /// # Errors
    ///
    /// Returns the response to a request whose user cannot be loaded or is rejected.
    pub(crate) async fn admit(
        &self,
        mut head: request::Parts,
        user: UserContext,
        realm: Realm,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        let credential = user.credential();
        match self.load(user).await {
            Ok(user) => {
                let pass = AuthPass::authenticated(&mut head, user);
                Ok((head, pass))
            }
            Err(error) => Err(error.reply(&head, credential, realm)),
        }
    }

    /// Loads the user, if there is a loader.
    ///
    /// # Errors
    ///
    /// Returns why the user cannot be loaded or is rejected.
    pub(crate) async fn load(&self, user: UserContext) -> Result<UserContext, LoadError> {
        let Some(loader) = &self.loader else { return Ok(user) };
        let verified = user.verified();
        loader.load(user, self.timeout).await.map(|user| user.with_verified(&verified))
    }
}

// Longer than a healthy database takes, and short enough that waiting requests do not accumulate during an outage.
const LOAD_USER_TIMEOUT: Duration = Duration::from_secs(5);
