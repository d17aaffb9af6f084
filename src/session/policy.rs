//! `Policy`: the validated settings of a `SessionAuth`, and the checks of a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::context::{Realm, UserContext};
use crate::csrf::gate::Csrf;
use crate::field::cookie::{DuplicateCookie, cookie};
use crate::gate::{Admission, CredentialSources, DenialKind};
use crate::revocation::Revocation;
use crate::revocation::handle::Revocations;
use crate::runtime;
use crate::security_event::Reason;
use crate::session::cache::{SessionCache, Unavailable};
use crate::session::cached_session::{CachedSession, Validity};
use crate::session::change::{ChangeDecision, ChangeHook, ClientHints, SessionChange};
use crate::session::cookie::SessionCookie;
use crate::session::error::SessionError;
use crate::session::event;
use crate::session::id::SessionId;
use crate::session::login_page::LoginPage;
use crate::session::record::SessionRecord;
use crate::session::secret::{SessionDigest, SessionSecret};
use crate::session::store::SessionLimit;
use crate::session::timed_store::TimedStore;
use crate::session::timeouts::Timeouts;
use crate::session::to_the_end::to_the_end;
use crate::session::touch_log::TouchLog;

/// The validated settings of a `SessionAuth`.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) cookie: SessionCookie,
    pub(super) timeouts: Timeouts,
    pub(super) remember_for: Option<Duration>,
    pub(super) limit: Option<SessionLimit>,
    pub(super) sources: CredentialSources,
    /// With the scheme `Session`.
    pub(super) realm: Realm,
    pub(super) csrf: Csrf,
    pub(super) cache: Arc<SessionCache>,
    pub(super) touches: Arc<TouchLog>,
    pub(super) store: TimedStore,
    /// The app's, or one of this process.
    pub(super) revocations: Revocations,
    pub(super) admission: Admission,
    pub(super) has_loader: bool,
    pub(super) login_page: Option<LoginPage>,
    pub(super) on_change: Option<ChangeHook>,
    pub(super) clock: Clock,
}

/// What the `Cookie` header of a request contains.
#[derive(Debug)]
pub(super) enum Presented {
    /// There is no cookie.
    Nothing,
    /// No secret has this form, so no session is looked up.
    Malformed,
    Secret(SessionSecret),
}

/// What is known of the session of a request.
#[derive(Debug)]
pub(super) enum Found {
    Valid(Arc<CachedSession>),
    /// There is no such session, or it has ended.
    Ended,
    /// It must be looked up.
    Missing,
}

impl Policy {
    /// Reads the cookie of a request.
    ///
    /// # Errors
    ///
    /// Returns [`DuplicateCookie`] if the request has several.
    pub(super) fn read(&self, headers: &HeaderMap) -> Result<Presented, DuplicateCookie> {
        let Some(text) = cookie(headers, &self.cookie.name)?.filter(|text| !text.is_empty()) else {
            return Ok(Presented::Nothing);
        };
        Ok(SessionSecret::parse(text).map_or(Presented::Malformed, Presented::Secret))
    }

    /// Returns what is known of a session without the store.
    ///
    /// # Errors
    ///
    /// Returns a 503 if it is not known whether the session was revoked.
    pub(super) fn find(self: &Arc<Self>, digest: &SessionDigest, client: ClientHints<'_>) -> Result<Found, DenialKind> {
        let Some(session) = self.cache.get(digest) else { return Ok(Found::Missing) };
        self.check(session, client)
    }

    /// Looks up a session in the store.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the store is unavailable, or if it is not known whether the session was revoked.
    pub(super) async fn look_up(
        self: &Arc<Self>,
        digest: SessionDigest,
        client: ClientHints<'_>,
    ) -> Result<Found, DenialKind> {
        match self.cache.look_up(digest).await {
            Ok(Some(session)) => match self.check(session, client)? {
                // An outage hides a later use, or a renewal, that another process has stored.
                Found::Missing => Err(DenialKind::session_store_unavailable(RETRY_AFTER)),
                found => Ok(found),
            },
            Ok(None) => Ok(Found::Ended),
            Err(Unavailable) => Err(DenialKind::session_store_unavailable(RETRY_AFTER)),
        }
    }

    /// Checks a session, and records its use.
    fn check(self: &Arc<Self>, session: Arc<CachedSession>, client: ClientHints<'_>) -> Result<Found, DenialKind> {
        let now = self.now();
        match session.validity(self.timeouts, now) {
            Validity::Valid => {}
            // Another process may know of a later use.
            Validity::Idle if !self.cache.is_fresh(&session) => return Ok(Found::Missing),
            Validity::Idle | Validity::Ended => return Ok(Found::Ended),
        }
        match self.revocations.check_credential(&session.user) {
            Ok(()) => {}
            Err(DenialKind::InvalidCredential) => {
                self.remove_revoked(&session);
                return Ok(Found::Ended);
            }
            Err(kind) => return Err(kind),
        }
        // Another process has renewed the cookie. The stored record says until when the old one is accepted.
        let is_outdated = session.record.replacement.is_none() && self.revocations.is_renewed(&session.renewal);
        if is_outdated && !self.cache.is_fresh(&session) {
            return Ok(Found::Missing);
        }
        if !self.accepts(&session, client) {
            return Ok(Found::Ended);
        }
        self.touches.record(&session.usage, now);
        Ok(Found::Valid(session))
    }

    /// Whether the app accepts the client of the request. If not, the session ends.
    fn accepts(self: &Arc<Self>, session: &Arc<CachedSession>, client: ClientHints<'_>) -> bool {
        let Some(ChangeHook(decide)) = &self.on_change else { return true };
        let Some((change, hash)) = SessionChange::of(&session.record, client) else { return true };
        if session.has_accepted(hash) {
            return true;
        }
        match decide(&change) {
            ChangeDecision::Keep => {
                session.accept(hash);
                true
            }
            ChangeDecision::Revoke => {
                // This process rejects the session from now on. The tasks share the revocation and change the store.
                let shared = self.revocations.apply(Revocation::own_session(session.record.id.as_str()));
                self.spawn(async move {
                    if let Err(error) = shared.await {
                        tracing::warn!(%error, "the revocation of a session is not shared yet");
                    }
                });
                if self.remove_revoked(session) {
                    event::ended(&session.user, &session.record.id, Reason::ClientChanged, client.address);
                }
                false
            }
        }
    }

    /// Removes a revoked session from the store, where it may outlive the revocation.
    ///
    /// Many requests may notice it at the same time, of which one removes it. Returns whether this is the one.
    fn remove_revoked(self: &Arc<Self>, session: &Arc<CachedSession>) -> bool {
        if !session.set_removed() {
            return false;
        }
        self.cache.forget(&session.record.digest);
        let policy = Arc::clone(self);
        let session = Arc::clone(session);
        self.spawn(async move {
            let record = &session.record;
            if let Err(error) = policy.store.remove(record.owner_issuer(), record.owner_id(), &record.id).await {
                tracing::debug!(%error, "cannot remove a revoked session; the next request with it tries again");
            }
        });
        true
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime, the next request tries again.
        if let Ok(runtime) = runtime::current() {
            runtime.spawn(task);
        }
    }

    /// Ends a session in this process, in the store and in other processes, even if the future is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if the store is unavailable, or if the revocation could not be shared. This process
    /// rejects the session in any case.
    pub(super) fn end(
        self: &Arc<Self>,
        owner: &UserContext,
        id: &SessionId,
    ) -> impl Future<Output = Result<(), SessionError>> + Send + use<> {
        let shared = self.share_end(id);
        let (policy, owner, id) = (Arc::clone(self), owner.clone(), *id);
        let removed = to_the_end(async move { Ok(policy.store.remove(owner.issuer(), owner.id(), &id).await?) });
        async move {
            let removed = removed.await;
            shared.await?;
            removed.map(|_| ())
        }
    }

    /// Whether a session was revoked, also if its record remains.
    pub(super) fn is_revoked(&self, user: &UserContext) -> bool {
        matches!(self.revocations.check_credential(user), Err(DenialKind::InvalidCredential))
    }

    /// Rejects a session in this process. The future is ready when other processes reject it too.
    pub(super) fn share_end(&self, id: &SessionId) -> impl Future<Output = Result<(), SessionError>> + Send + use<> {
        let shared = self.revocations.apply(Revocation::own_session(id.as_str()));
        async move { shared.await.map_err(SessionError::Revocation) }
    }

    /// Makes other processes read the record of a renewed cookie again, if they have cached it.
    pub(super) async fn share_renewal(&self, session: &CachedSession) {
        let shared = self.revocations.share_renewal(&session.renewal, self.cache.longest_use());
        // An error is logged, and the write is tried again. Until then, others accept the cookie until they read its
        // record the next time.
        let _ = shared.await;
    }

    /// Returns the `Set-Cookie` of a session.
    pub(super) fn set_cookie(&self, secret: &SessionSecret, record: &SessionRecord) -> HeaderValue {
        let left = record.expires_at.saturating_sub(self.now());
        let remember_for = self.remember_for.filter(|_| record.is_remembered);
        self.cookie.set(secret, remember_for.map(|time| time.as_secs().min(left)))
    }

    /// Returns the time in whole seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.since_epoch().as_secs()
    }

    /// Returns what is known of the client, if the app decides about changes.
    pub(super) fn hints<'a>(&self, address: Option<IpAddr>, user_agent: Option<&'a HeaderValue>) -> ClientHints<'a> {
        match self.on_change {
            Some(_) => ClientHints::new(address, user_agent),
            None => ClientHints { address: None, user_agent: None },
        }
    }
}

/// Most outages of a store are short.
const RETRY_AFTER: Duration = Duration::from_secs(1);
