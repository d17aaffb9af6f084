//! `SessionAuth`: the gate that authenticates requests by the cookie of a session.

use std::fmt;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, COOKIE, LOCATION, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request};
use tower_layer::Layer;

use crate::context::client_addr::ClientAddr;
use crate::context::route::matched_path;
use crate::context::{Realm, UserContext, Visitor};
use crate::csrf::gate::Csrf;
use crate::field::header_map::{append, mark_sensitive};
use crate::gate::{
    AuthGate, AuthPass, CredentialError, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply,
    ResponseHeaders,
};
use crate::session::cached_session::CachedSession;
use crate::session::change::ClientHints;
use crate::session::handle::{CookieChange, Current, RequestState};
use crate::session::policy::{Found, Policy, Presented};
use crate::session::secret::SessionSecret;

/// Authenticates requests by the cookie of a session; see the [module](crate::session).
///
/// Clones share the cache. Layers that are built separately share only the store, so build one and clone it.
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionAuth {
    pub(super) policy: Arc<Policy>,
    is_optional: bool,
    /// Whether handlers check CSRF tokens.
    has_csrf_tokens: bool,
}

/// The state that [`SessionAuth`] keeps between a request and its response.
pub struct SessionPass {
    auth: AuthPass,
    state: Arc<RequestState>,
    /// Whether the request has a cookie without a valid session.
    clears_cookie: bool,
    /// The route of the request, if its handler has to check a CSRF token.
    csrf_token_route: Option<Box<str>>,
}

/// Shows nothing of the session.
impl fmt::Debug for SessionPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionPass").field("clears_cookie", &self.clears_cookie).finish_non_exhaustive()
    }
}

impl SessionAuth {
    pub(super) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional, has_csrf_tokens: false }
    }

    /// Returns this layer for routes that also admit requests without a session, as anonymous.
    ///
    /// Login routes need it, because their handlers extract a [`Session`](crate::session::Session). The layers share
    /// the cache.
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    /// Returns this layer for routes whose handlers check a CSRF token. The layers share the cache.
    ///
    /// It admits writes with neither `Sec-Fetch-Site` nor `Origin`, which browsers from before 2020 send. Each handler
    /// of a write must extract [`CsrfForm`](crate::session::CsrfForm) or [`CsrfHeader`](crate::session::CsrfHeader). If
    /// one does not, its successful responses get status 500 in every browser, and the log names the route. A WebSocket
    /// needs no token, because every browser sends `Origin` with it.
    pub fn to_csrf_tokens(&self) -> Self {
        Self { has_csrf_tokens: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    /// Rejects a request with several cookies, and clears them: an attacker may have set one.
    #[cold]
    fn refuse_several(&self, head: &request::Parts) -> Reply {
        let mut reply = self.refuse(head, DenialKind::InvalidRequest(CredentialError::Multiple));
        for cookie in self.policy.cookie.clear_sent(head) {
            append(reply.headers_mut(), &SET_COOKIE, cookie);
        }
        reply
    }

    /// Decides about a request without a session.
    fn enter_without_session(
        &self,
        head: &mut request::Parts,
        is_optional: bool,
        clears_cookie: bool,
    ) -> Entry<SessionPass> {
        if is_optional {
            let auth = AuthPass::anonymous(head, &self.policy.realm);
            return Entry::Admit(self.pass(head, auth, None, clears_cookie));
        }
        Entry::Refuse(self.refuse_without_session(head, clears_cookie))
    }

    fn refuse_without_session(&self, head: &request::Parts, clears_cookie: bool) -> Reply {
        let redirect = self.login_redirect(head);
        let mut reply = redirect.unwrap_or_else(|| self.refuse(head, DenialKind::CredentialsMissing));
        if clears_cookie {
            append(reply.headers_mut(), &SET_COOKIE, self.policy.cookie.clear());
        }
        reply
    }

    /// Admits a request with a session. `user` is that of the session, or the one that the app has loaded.
    fn admit(&self, head: &mut request::Parts, user: UserContext, current: Current) -> SessionPass {
        let auth = AuthPass::authenticated(head, user);
        self.pass(head, auth, Some(current), false)
    }

    /// Provides the session to handlers.
    fn pass(
        &self,
        head: &mut request::Parts,
        auth: AuthPass,
        current: Option<Current>,
        clears_cookie: bool,
    ) -> SessionPass {
        let address = ClientAddr::from_extensions(&head.extensions).map(ClientAddr::ip);
        let user_agent = head.headers.get(USER_AGENT).cloned();
        let uri = self.policy.login_page.as_ref().map(|_| head.uri.clone());
        let state = RequestState::new(Arc::clone(&self.policy), address, user_agent, uri, current);
        let state = Arc::new(state);
        let csrf_token_route = self.csrf_token_route(head, &state);
        if let Some(visitor) = head.extensions.get_mut::<Visitor>() {
            visitor.set_session(Arc::clone(&state) as _);
        }
        SessionPass { auth, state, clears_cookie, csrf_token_route }
    }

    /// Returns the route of the request, if its handler has to check a CSRF token.
    fn csrf_token_route(&self, head: &request::Parts, state: &RequestState) -> Option<Box<str>> {
        let must_check = self.accepts_csrf_token(head) && Csrf::applies_to(head) && state.current().is_ok();
        must_check.then(|| matched_path(head).unwrap_or_else(|| head.uri.path()).into())
    }

    /// Checks that no page of another site caused the request.
    fn check_site(&self, head: &request::Parts) -> Result<(), DenialKind> {
        let csrf = &self.policy.csrf;
        if self.accepts_csrf_token(head) { csrf.check_if_stated(head) } else { csrf.check(head) }
    }

    /// Whether a token may replace `Sec-Fetch-Site` and `Origin`. Not for a WebSocket, which opens by GET or CONNECT:
    /// it cannot have a token, and every browser sends `Origin` with it (RFC 6455 §4.1).
    fn accepts_csrf_token(&self, head: &request::Parts) -> bool {
        self.has_csrf_tokens && !matches!(head.method, Method::GET | Method::CONNECT)
    }

    /// Looks up the session and loads its user, and decides about the request.
    async fn wait(
        self,
        mut head: request::Parts,
        is_optional: bool,
        secret: SessionSecret,
        known: Option<Arc<CachedSession>>,
    ) -> Result<(request::Parts, SessionPass), Reply> {
        let session = match known {
            Some(session) => session,
            None => match self.policy.look_up(secret.digest(), self.hints(&head)).await {
                Ok(Found::Valid(session)) => session,
                Ok(Found::Ended | Found::Missing) => {
                    return match self.enter_without_session(&mut head, is_optional, true) {
                        Entry::Admit(pass) => Ok((head, pass)),
                        Entry::Refuse(reply) => Err(reply),
                        Entry::Wait(decision) => decision.start(head).await,
                    };
                }
                Err(kind) => return Err(self.refuse(&head, kind)),
            },
        };
        let user = session.loaded.get().unwrap_or(&session.user).clone();
        if self.policy.has_loader && session.loaded.get().is_none() {
            let realm = self.policy.realm.clone();
            let (mut head, auth) = self.policy.admission.admit(head, user, realm).await?;
            if let Some(user) = UserContext::from_extensions(&head.extensions) {
                let _ = session.loaded.set(user.clone());
            }
            let pass = self.pass(&mut head, auth, Some(Current { secret, session }), false);
            return Ok((head, pass));
        }
        let pass = self.admit(&mut head, user, Current { secret, session });
        Ok((head, pass))
    }

    fn hints<'a>(&self, head: &'a request::Parts) -> ClientHints<'a> {
        let address = ClientAddr::from_extensions(&head.extensions).map(ClientAddr::ip);
        self.policy.hints(address, head.headers.get(USER_AGENT))
    }
}

impl Gate for SessionAuth {
    type Pass = SessionPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<SessionPass> {
        self.enter_as(head, self.is_optional)
    }

    fn leave<B>(&self, pass: SessionPass, response: &mut Response<B>) {
        if let Some(route) = pass.csrf_token_route.as_ref().filter(|_| !pass.state.is_csrf_token_checked()) {
            reject_unchecked(route, response);
        }
        let headers = response.headers_mut();
        match pass.state.take_cookie() {
            CookieChange::Set(cookie) => write_cookie(headers, cookie),
            CookieChange::Clear => write_cookie(headers, self.policy.cookie.clear()),
            CookieChange::None if pass.clears_cookie => write_cookie(headers, self.policy.cookie.clear()),
            CookieChange::None => {}
        }
        pass.auth.write(headers);
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL, SET_COOKIE])
    }
}

impl AuthGate for SessionAuth {
    fn credentials(&self) -> CredentialSources {
        self.policy.sources.clone()
    }

    fn realm(&self) -> Realm {
        self.policy.realm.clone()
    }

    fn login_redirect(&self, head: &request::Parts) -> Option<Reply> {
        let page = self.policy.login_page.as_ref().filter(|page| page.is_for(head))?;
        let mut response = Response::new("");
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, page.location(head));
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        Some(Reply::new(response))
    }

    fn enter_as(&self, head: &mut request::Parts, is_optional: bool) -> Entry<SessionPass> {
        mark_sensitive(&mut head.headers, &COOKIE);
        let presented = match self.policy.read(&head.headers) {
            Ok(Presented::Nothing) => return self.enter_without_session(head, is_optional, false),
            Ok(presented) => presented,
            Err(_) => return Entry::Refuse(self.refuse_several(head)),
        };
        // Before the session is looked up, so that a request from another site does not extend it.
        if let Err(kind) = self.check_site(head) {
            return Entry::Refuse(self.refuse(head, kind));
        }
        let Presented::Secret(secret) = presented else { return self.enter_without_session(head, is_optional, true) };
        let session = match self.policy.find(&secret.digest(), self.hints(head)) {
            Ok(Found::Valid(session)) => Some(session),
            Ok(Found::Missing) => None,
            Ok(Found::Ended) => return self.enter_without_session(head, is_optional, true),
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        match session {
            Some(session) if !self.policy.has_loader || session.loaded.get().is_some() => {
                let user = session.loaded.get().unwrap_or(&session.user).clone();
                Entry::Admit(self.admit(head, user, Current { secret, session }))
            }
            session => {
                let gate = self.clone();
                Entry::wait(move |head| gate.wait(head, is_optional, secret, session))
            }
        }
    }
}

impl<S> Layer<S> for SessionAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

/// Makes a forgotten CSRF check visible. A response that is an error already stays as it is.
#[cold]
fn reject_unchecked<B>(route: &str, response: &mut Response<B>) {
    if response.status().is_client_error() || response.status().is_server_error() {
        return;
    }
    tracing::error!(
        route,
        "a handler inside to_csrf_tokens() has not checked the token; extract CsrfForm or CsrfHeader"
    );
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
}

/// A response with a session cookie must not be cached, whatever the handler says.
fn write_cookie(headers: &mut HeaderMap, cookie: HeaderValue) {
    append(headers, &SET_COOKIE, cookie);
    headers.insert(CACHE_CONTROL, NO_STORE);
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
