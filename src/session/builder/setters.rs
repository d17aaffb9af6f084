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
    /// With the prefix `__Host-` or `__Secure-`, the cookie must have the attributes that the prefix requires: browsers
    /// discard it otherwise (RFC 6265bis §4.1.3).
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Sends the cookie to all hosts of a domain, such as `example.com` (default: the app's host).
    ///
    /// The default name is then `__Secure-session`. Any host of the domain can read and set the cookie, so a
    /// vulnerability in one app exposes all sessions. `build()` logs a warning.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sends the cookie over http too, for development without TLS (default: only over https).
    ///
    /// The default name is then `session`. Anyone who can read the network can take over all sessions. Most browsers
    /// (not Safari) treat `http://localhost` as secure, so it does not need this setting.
    pub fn dangerously_over_http(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// Sets `SameSite=Strict`: links from other sites do not send the cookie (default: `Lax`).
    ///
    /// A user who follows such a link then appears logged out on the first page.
    pub fn same_site_strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Sets how long browsers keep the cookie (default: until they close; at most 400 days).
    ///
    /// The session still ends at its timeouts. If the login form has a "remember me" box, call
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
    /// It is at least a minute, and at most the [absolute timeout](Self::absolute_timeout). The time of the last
    /// request is stored at most once a minute.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets how long a session is valid after the login (default 12 hours; at most 400 days).
    ///
    /// Requests do not extend it. It is at least a minute.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }

    /// Sets both timeouts to the longest that a level of NIST SP 800-63B-4 allows (default: none).
    ///
    /// A timeout that you also set must not be longer.
    pub fn assurance(mut self, level: AssuranceLevel) -> Self {
        self.assurance = Some(level);
        self
    }

    /// Limits the number of sessions of a user (default: no limit).
    ///
    /// A login above it ends the user's least recently used session, or is [rejected](Self::reject_over_limit).
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

    /// Sets a function that decides when a session's address or user agent changes (default: none).
    ///
    /// Each process calls it for a change, and again after it has read the record again (see
    /// [`cache_ttl`](Self::cache_ttl)). Addresses change in mobile networks, and user agents with each browser update,
    /// so a change alone proves nothing: log it, or ask the user to authenticate again. The address is known inside a
    /// [`TrustedProxies`](crate::TrustedProxies) layer.
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
    /// Sets the check for cross-site requests (default: [`Csrf::default`]).
    ///
    /// Set one with [`origins`](crate::csrf::CsrfBuilder::origins) if pages of other origins may send requests.
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = Some(csrf);
        self
    }

    /// Redirects navigations without a session to this page (default: they are rejected with 401).
    ///
    /// It is a path of the app. The redirect (303) has the path of the request in its query, signed with the
    /// [secret](Self::secret). After the login, the handler redirects to
    /// [`Session::return_path`](crate::session::Session::return_path). A navigation is a GET with
    /// `Sec-Fetch-Mode: navigate`. Other requests, such as those of scripts, get 401.
    pub fn login_page(mut self, path: impl Into<String>) -> Self {
        self.login_page = Some(path.into());
        self
    }

    /// Sets the secret that signs the return path of the [login page](Self::login_page).
    ///
    /// It has at least 32 bytes (default: random, for this process). Processes behind one load balancer need the same.
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

    /// Sets the handle that revokes sessions (default: one for this layer in this process).
    ///
    /// With a handle that has a stream, all processes reject a session within a second after it ends. Pass the same
    /// handle to `BackChannelLogout`, so that a logout at an OpenID provider ends the session.
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

    /// Sets the timeout of each call to the store (default two seconds).
    ///
    /// It is more than zero and at most 60 seconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets how long the record of a session is cached (default 10 seconds, or 60 with a stream).
    ///
    /// The longer default needs [revocations](Self::revocations) with a stream: without one, another process accepts a
    /// session for that long after it ended. The maximum is 60 seconds; with zero, every request reads the record.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Sets the number of sessions whose records are cached (default 10,000, at most 1,048,576).
    ///
    /// If more are in use, some are evicted and read again.
    pub fn cache_capacity(mut self, sessions: usize) -> Self {
        self.cache_capacity = sessions;
        self
    }

    /// Sets how long cached sessions are accepted during an outage of the store (default 60 seconds).
    ///
    /// The maximum is an hour. The time begins when the [`cache_ttl`](Self::cache_ttl) has passed. After it, and for
    /// sessions that are not cached, the response is 503. No session is accepted after its timeouts.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }
}
