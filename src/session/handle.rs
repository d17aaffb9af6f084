//! `Session`: the handle by which a handler logs a user in and out.

mod csrf;
pub(super) mod login;
mod manage;

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Extensions, HeaderValue, Uri};

use crate::context::{UserContext, Visitor};
use crate::session::cached_session::CachedSession;
use crate::session::error::SessionError;
use crate::session::id::SessionId;
use crate::session::policy::Policy;
use crate::session::secret::SessionSecret;

/// The handle by which a handler logs a user in and out; see the [module](crate::session).
///
/// Handlers of routes inside [`SessionAuth`](crate::SessionAuth) extract it. The layer adds the cookie to the response
/// after the handler has returned, even if that is an error. Clones share the session.
#[derive(Clone)]
pub struct Session(pub(super) Arc<RequestState>);

/// What the gate and the handler of a request share.
pub(super) struct RequestState {
    pub(super) policy: Arc<Policy>,
    pub(super) address: Option<IpAddr>,
    pub(super) user_agent: Option<HeaderValue>,
    /// `None` without a login page. The query of that page has the return path.
    pub(super) uri: Option<Uri>,
    login: Mutex<Login>,
    is_csrf_token_checked: AtomicBool,
}

struct Login {
    current: Option<Current>,
    cookie: CookieChange,
    is_response_sent: bool,
}

/// The session, and the secret in its cookie.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) secret: SessionSecret,
    pub(super) session: Arc<CachedSession>,
}

/// What the response does to the cookie.
#[derive(Debug)]
pub(super) enum CookieChange {
    None,
    Set(HeaderValue),
    Clear,
}

impl Session {
    /// Returns the session of a request, for services without axum's extractors.
    ///
    /// It is `None` if no [`SessionAuth`](crate::SessionAuth) has decided about the request, or if another layer inside
    /// it has authenticated the request.
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Visitor>()?.session().map(Self)
    }

    /// Returns the id of the session; `None` if no user is logged in.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.0.lock().current.as_ref().map(|current| current.session.record.id)
    }

    /// Returns the user of the session; `None` if no user is logged in.
    ///
    /// It is the user of the login, even with a [user loader](crate::session::SessionAuthBuilder::load_user).
    #[must_use]
    pub fn user(&self) -> Option<UserContext> {
        self.0.lock().current.as_ref().map(|current| current.session.user.clone())
    }

    /// Returns the path to redirect to after the login: the page that the user requested, or `/`.
    ///
    /// It is always a path of this app, so a link on another site cannot choose where the login leads. See
    /// [`login_page`](crate::session::SessionAuthBuilder::login_page).
    #[must_use]
    pub fn return_path(&self) -> String {
        let page = self.0.policy.login_page.as_ref().zip(self.0.uri.as_ref());
        page.map_or_else(|| "/".to_owned(), |(page, uri)| page.return_path(uri))
    }
}

impl RequestState {
    pub(super) fn new(
        policy: Arc<Policy>,
        address: Option<IpAddr>,
        user_agent: Option<HeaderValue>,
        uri: Option<Uri>,
        current: Option<Current>,
    ) -> Self {
        let login = Login { current, cookie: CookieChange::None, is_response_sent: false };
        let is_csrf_token_checked = AtomicBool::new(false);
        Self { policy, address, user_agent, uri, login: Mutex::new(login), is_csrf_token_checked }
    }

    /// Records that the handler has checked the CSRF token, whatever the result.
    pub(super) fn set_csrf_token_checked(&self) {
        self.is_csrf_token_checked.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_csrf_token_checked(&self) -> bool {
        self.is_csrf_token_checked.load(Ordering::Relaxed)
    }

    /// Returns what the response does to the cookie. Later changes are errors.
    pub(super) fn take_cookie(&self) -> CookieChange {
        let mut login = self.lock();
        login.is_response_sent = true;
        let cookie = std::mem::replace(&mut login.cookie, CookieChange::None);
        let is_replaced = || login.current.as_ref().is_some_and(|current| current.session.usage.is_replaced());
        match cookie {
            // A later request has renewed this cookie already. The browser keeps the newer one.
            CookieChange::Set(_) if is_replaced() => CookieChange::None,
            cookie => cookie,
        }
    }

    /// Returns the current session.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::NotLoggedIn`] if there is none.
    pub(super) fn current(&self) -> Result<Current, SessionError> {
        self.lock().current.clone().ok_or(SessionError::NotLoggedIn)
    }

    /// Checks that the response can still get a cookie.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::ResponseSent`].
    pub(super) fn check_not_sent(&self) -> Result<(), SessionError> {
        if self.lock().is_response_sent { Err(SessionError::ResponseSent) } else { Ok(()) }
    }

    /// Makes a session the current one, and sets its cookie.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::ResponseSent`] if the response has already been sent.
    pub(super) fn set(&self, current: Current) -> Result<(), SessionError> {
        let cookie = self.policy.set_cookie(&current.secret, &current.session.record);
        let mut login = self.lock();
        if login.is_response_sent {
            return Err(SessionError::ResponseSent);
        }
        login.current = Some(current);
        login.cookie = CookieChange::Set(cookie);
        Ok(())
    }

    /// Forgets the current session, and clears its cookie if the response has not been sent. Returns the session.
    pub(super) fn clear(&self) -> Option<Current> {
        let mut login = self.lock();
        login.cookie = CookieChange::Clear;
        login.current.take()
    }

    fn lock(&self) -> MutexGuard<'_, Login> {
        // Each change is complete before anything can panic.
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the id only.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
