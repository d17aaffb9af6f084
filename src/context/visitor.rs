//! `Visitor`: the result of authentication, in the request's extensions.

#[cfg(feature = "session")]
use std::any::Any;
#[cfg(feature = "session")]
use std::fmt;
#[cfg(feature = "session")]
use std::sync::Arc;

use http::Extensions;

use crate::context::realm::Realm;
use crate::context::user::UserContext;

/// The result of authentication: an authenticated user or client, or an anonymous caller.
///
/// An authenticating layer puts one into the request's extensions, and a custom gate may do the same. A request without
/// a `Visitor` is not anonymous: it means that no layer authenticates, so `Require*` and `Extractor` respond with 500.
///
/// ```
/// use portcullis::UserContext;
/// use portcullis::context::{Realm, Visitor};
///
/// let caller = Visitor::authenticated(UserContext::new("ann"));
/// assert_eq!(caller.user().map(UserContext::id), Some("ann"));
/// assert!(Visitor::anonymous(Realm::default()).user().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Visitor {
    caller: Caller,
    #[cfg(feature = "session")]
    session: Option<SessionHandle>,
}

/// The handle of a request's session. Only the module `session` knows its type.
///
/// It is not an extension, because an extension costs each request an allocation.
#[cfg(feature = "session")]
#[derive(Clone)]
struct SessionHandle(Arc<dyn Any + Send + Sync>);

#[derive(Clone, Debug)]
enum Caller {
    /// The caller's credential was not read, because the route needs none.
    OnOpenRoute,
    Anonymous(Realm),
    Authenticated(UserContext),
}

impl Visitor {
    /// Creates an anonymous caller, for a gate that admits requests without a credential.
    ///
    /// A layer that requires a user then rejects the request, with a challenge for this realm.
    #[must_use]
    pub fn anonymous(realm: Realm) -> Self {
        Self::of(Caller::Anonymous(realm))
    }

    /// Creates the caller of an open route. It is anonymous, and no credential can change that.
    pub(crate) fn on_open_route() -> Self {
        Self::of(Caller::OnOpenRoute)
    }

    /// Whether no credential was read. What requires a user then rejects every request, which is a mistake of the app.
    pub(crate) fn is_on_open_route(&self) -> bool {
        matches!(self.caller, Caller::OnOpenRoute)
    }

    /// Creates an authenticated user or client.
    #[must_use]
    pub fn authenticated(user: UserContext) -> Self {
        Self::of(Caller::Authenticated(user))
    }

    /// Returns the user; `None` if the caller is anonymous.
    #[must_use]
    pub fn user(&self) -> Option<&UserContext> {
        match &self.caller {
            Caller::OnOpenRoute | Caller::Anonymous(_) => None,
            Caller::Authenticated(user) => Some(user),
        }
    }

    /// Returns the realm for a challenge to this caller.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        match &self.caller {
            Caller::OnOpenRoute => Realm::DEFAULT,
            Caller::Anonymous(realm) => realm,
            Caller::Authenticated(user) => user.realm(),
        }
    }

    /// Sets the handle of the session, which a handler extracts.
    #[cfg(feature = "session")]
    pub(crate) fn set_session(&mut self, session: Arc<dyn Any + Send + Sync>) {
        self.session = Some(SessionHandle(session));
    }

    /// Returns the handle of the session; `None` if no `SessionAuth` has decided about the request.
    #[cfg(feature = "session")]
    pub(crate) fn session<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let SessionHandle(session) = self.session.clone()?;
        session.downcast().ok()
    }

    fn of(caller: Caller) -> Self {
        Self {
            caller,
            #[cfg(feature = "session")]
            session: None,
        }
    }
}

#[cfg(feature = "session")]
impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionHandle(..)")
    }
}

impl UserContext {
    /// Returns the authenticated user from a request's extensions.
    ///
    /// Use it in services that do not use axum's extractors. `None` if the caller is anonymous, or if no layer
    /// authenticates.
    ///
    /// ```
    /// use http::Request;
    /// use portcullis::{UserContext, context::Visitor};
    ///
    /// let mut request = Request::new(());
    /// assert!(UserContext::from_extensions(request.extensions()).is_none());
    ///
    /// let ann = Visitor::authenticated(UserContext::new("ann"));
    /// request.extensions_mut().insert(ann);
    /// let user = UserContext::from_extensions(request.extensions());
    /// assert_eq!(user.map(UserContext::id), Some("ann"));
    /// ```
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Visitor>()?.user()
    }
}
