//! The setters of `SessionAuthBuilder` for the cookie, the timeouts, requests and the store.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::csrf::gate::Csrf;
use crate::revocation::handle::Revocations;
use crate::session::builder::SessionAuthBuilder;
use crate::session::change::{ChangeDecision, ChangeHook, SessionChange};
use crate::session::store::SessionStore;
use crate::session::timeouts::AssuranceLevel;

/// # Cookie
impl SessionAuthBuilder {
    /// Sets the name of the cookie (default `__Host-session`).
    ///
    /// A name with the prefix `__Host-` or `__Secure-` must have the attributes of the prefix: browsers discard the
    /// cookie otherwise (RFC 6265bis §4.1.3).
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Sends the cookie to all hosts of a domain, such as `example.com` (default: only to the host of the app).
    ///
    /// The default name is then `__Secure-session`. Any host of the domain can read the cookie and can set one, so a
    /// weakness of one app exposes the sessions of all. The layer logs a warning.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sends the cookie over http too, for development without TLS. The default name is then `session`.
    ///
    /// Who can read the network can take over all sessions. Browsers treat `http://localhost` as secure, so it does not
    /// need this setting.
    pub fn dangerously_over_http(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// Does not send the cookie with navigations from other sites: `SameSite=Strict` (default: `Lax`).
    ///
    /// A user who follows a link to the app is then logged out on the first page.
    pub fn same_site_strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Keeps the cookie after the browser was closed, for this time (default: it ends with the browser; at most 400
    /// days).
    ///
    /// The session does not last longer than its timeouts. For a box in the login form, call
    /// [`Session::log_in_with`](crate::session::Session::log_in_with).
    pub fn remember_for(mut self, time: Duration) -> Self {
        self.remember_for = Some(time);
        self
    }
}

/// # Timeouts and limits
impl SessionAuthBuilder {
    /// Sets how long a session is valid without a request (default 30 minutes).
    ///
    /// It is at least a minute, and not longer than the [absolute timeout](Self::absolute_timeout). The last request is
    /// stored at most once a minute.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets how long a session is valid after the login, whatever its use (default 12 hours; at most 400 days).
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }

    /// Sets the timeouts that an assurance level of NIST SP 800-63B-4 allows (default: none).
    ///
    /// Timeouts that are set too must not be longer.
    pub fn assurance(mut self, level: AssuranceLevel) -> Self {
        self.assurance = Some(level);
        self
    }

    /// Limits the number of sessions of a user (default: no limit).
    ///
    /// A login above it ends the session that was not used for the longest time, or is
    /// [rejected](Self::reject_over_limit).
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = Some(sessions);
        self
    }

    /// Rejects a login above the [limit](Self::max_sessions) with
    /// [`SessionError::OverLimit`](crate::session::SessionError::OverLimit) (default: it ends another session).
    pub fn reject_over_limit(mut self) -> Self {
        self.rejects_over_limit = true;
        self
    }

    /// Sets a function that decides about a session whose address or user agent changes (default: nothing happens).
    ///
    /// It is called once for each change. Addresses change in mobile networks, and user agents with each update of a
    /// browser, so a change alone proves nothing: log it, or ask the user to authenticate again. The address is known
    /// inside a [`TrustedProxies`](crate::TrustedProxies) layer.
    pub fn on_change<F>(mut self, decide: F) -> Self
    where
        F: Fn(&SessionChange<'_>) -> ChangeDecision + Send + Sync + 'static,
    {
        self.on_change = Some(ChangeHook(Arc::new(decide)));
        self
    }
}

/// # Requests
impl SessionAuthBuilder {
    /// Sets the check that no page of another site has caused a request (default: [`Csrf::default`]).
    ///
    /// Set one with [`origins`](crate::csrf::CsrfBuilder::origins) if pages of other origins may send requests.
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = Some(csrf);
        self
    }

    /// Redirects navigations without a session to this page (default: they are rejected with 401).
    ///
    /// It is a path of the app. The redirect (303) has the path of the request in its query, sealed with the
    /// [secret](Self::secret), and the handler of the login form redirects back to
    /// [`Session::return_path`](crate::session::Session::return_path). A navigation is a GET with
    /// `Sec-Fetch-Mode: navigate`. Other requests, such as those of scripts, get 401.
    pub fn login_page(mut self, path: impl Into<String>) -> Self {
        self.login_page = Some(path.into());
        self
    }

    /// Sets the secret that seals the path to return to (at least 32 bytes; default: a random one of this process).
    ///
    /// Processes behind one load balancer need the same.
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// Sets the realm of challenges in `WWW-Authenticate` (RFC 9110 §11.5, default `api`).
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Admits requests without a session as anonymous (default: they are rejected with 401).
    ///
    /// To open only some routes, use [`SessionAuth::to_optional`](crate::SessionAuth::to_optional).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Shares the ends of sessions with other processes and other layers (default: each process has its own).
    ///
    /// With a handle that has a stream, all processes reject a session within a second after its end. An OpenID provider
    /// that revokes a login also ends its session.
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }
}

/// # Store and cache
impl SessionAuthBuilder {
    /// Sets where the records of sessions are kept (required).
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the timeout of each call of the store (default two seconds).
    ///
    /// It is more than zero and at most 60 seconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets how long the record of a session is used before it is read again.
    ///
    /// The default is 60 seconds if [revocations](Self::revocations) are shared by a stream, else 10 seconds: without a
    /// stream, another process accepts a session for that long after its end. At most 60 seconds; with zero, every
    /// request reads the record.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Sets the number of sessions whose records are cached (default 10,000, at most 1,048,576).
    ///
    /// If there are more, those that were not used for the longest time are read again.
    pub fn cache_capacity(mut self, sessions: usize) -> Self {
        self.cache_capacity = sessions;
        self
    }

    /// Sets how long a cached session is accepted while the store is unavailable (default 60 seconds, at most an hour).
    ///
    /// It begins when the [`cache_ttl`](Self::cache_ttl) has passed. After it, and for sessions that are not cached, the
    /// response is 503. No session is accepted after its timeouts.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }
}
