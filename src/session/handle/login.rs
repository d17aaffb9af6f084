//! The methods of `Session` that begin, renew and end a session.

use std::sync::Arc;
use std::time::Duration;

use crate::context::{SharedStr, UserContext};
use crate::record_store::StoreError;
use crate::record_store::time::after;
use crate::security_event::Reason;
use crate::session::cached_session::CachedSession;
use crate::session::change::ClientHints;
use crate::session::csrf_token::CsrfKey;
use crate::session::error::SessionError;
use crate::session::event;
use crate::session::handle::{Current, RequestState, Session};
use crate::session::id::SessionId;
use crate::session::random::random_bytes;
use crate::session::record::{Replacement, SessionRecord};
use crate::session::secret::SessionSecret;
use crate::session::store::Created;

/// Whether the browser keeps the cookie of a login after it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remember {
    /// The browser keeps the cookie for [`remember_for`](crate::session::SessionAuthBuilder::remember_for), if that is
    /// set.
    Yes,
    /// The browser keeps the cookie until it closes.
    No,
}

/// # Log in and out
impl Session {
    /// Begins a session for a user that the app has authenticated, and returns its id.
    ///
    /// The session has a new id and a new cookie, and the session that the request came with ends. So a cookie that an
    /// attacker planted before the login is worthless after it. The session keeps the identity and the privileges of
    /// the user, but neither claims nor the app's [record](UserContext::record). [`auth_time`](UserContext::auth_time)
    /// is now, unless the user [has one](UserContext::with_authentication), for example from an ID token.
    ///
    /// The user must have an id. Set its [issuer](UserContext::with_issuer) if the app has several. After a login at an
    /// OpenID provider, set its [`session_id`](UserContext::with_session_id) to the `sid` of the ID token.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if the user has too many sessions, was revoked during the call, has no id or exceeds
    /// 4 KiB, or if the store is unavailable.
    pub async fn log_in(&self, user: UserContext) -> Result<SessionId, SessionError> {
        self.log_in_with(user, Remember::Yes).await
    }

    /// Like [`log_in`](Self::log_in), for a form with a "remember me" box.
    ///
    /// # Errors
    ///
    /// As for [`log_in`](Self::log_in).
    pub async fn log_in_with(&self, user: UserContext, remember: Remember) -> Result<SessionId, SessionError> {
        self.0.log_in(&user, remember).await.inspect_err(|error| error.log("log_in"))
    }

    /// Ends the session, and clears its cookie.
    ///
    /// This process rejects the cookie at once. Other processes reject it within a second if they share
    /// [`Revocations`](crate::Revocations) by a stream, else within the
    /// [`cache_ttl`](crate::session::SessionAuthBuilder::cache_ttl). Without a session, only the cookie is cleared.
    ///
    /// If the user of the login has an issuer and a [`session_id`](UserContext::session_id), the tokens of this issuer
    /// with this `sid` that were issued until now are revoked too, if they are checked with the same
    /// [`Revocations`](crate::Revocations). Later ones stay valid, since the session at the identity provider continues:
    /// revoke the refresh token there, or end that session.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if the store is unavailable, or if the revocation could not be shared. The cookie is
    /// cleared in any case.
    pub async fn log_out(&self) -> Result<(), SessionError> {
        self.0.log_out().await.inspect_err(|error| error.log("log_out"))
    }

    /// Replaces the cookie of the session, which keeps its id. Call it when the user's privileges change.
    ///
    /// The old cookie is accepted for ten seconds, for requests that the browser has already sent. If several requests
    /// renew a session at the same time, all get the same cookie.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::NotLoggedIn`] if there is no session or it has ended since, and another error if the
    /// store is unavailable.
    pub async fn renew(&self) -> Result<(), SessionError> {
        let current = self.0.current()?;
        self.0.replace(current, |_| {}).await.inspect_err(|error| error.log("renew"))
    }

    /// Records that the user has authenticated again, and replaces the cookie.
    ///
    /// For example, the user has entered the password again before a payment. Both timeouts start again,
    /// [`auth_time`](UserContext::auth_time) is now, and [`acr`](UserContext::acr) and [`amr`](UserContext::amr) are
    /// set: the level under a name of your own, and the methods of RFC 8176, as in `confirm("password", ["pwd"])`. The
    /// guide has [a whole handler](crate::_guide::recipes::sessions#ask-for-the-password-again).
    ///
    /// # Errors
    ///
    /// As for [`renew`](Self::renew).
    pub async fn confirm<I>(&self, acr: impl Into<String>, amr: I) -> Result<(), SessionError>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let current = self.0.current()?;
        let policy = &self.0.policy;
        let now = policy.clock.since_epoch();
        let acr: SharedStr = acr.into().into();
        let amr: Box<[SharedStr]> = amr.into_iter().map(|method| SharedStr::from(method.into())).collect();
        self.0
            .replace(current, |record| {
                record.logged_in_at = now.as_secs().max(record.logged_in_at);
                record.expires_at = policy.timeouts.expires_at(record.logged_in_at);
                record.user = record.user.clone().with(|identity| {
                    identity.auth_time = Some(Duration::from_secs(now.as_secs()));
                    identity.acr = Some(acr);
                    identity.amr = amr;
                });
            })
            .await
            .inspect_err(|error| error.log("confirm"))
    }
}

impl RequestState {
    async fn log_in(&self, user: &UserContext, remember: Remember) -> Result<SessionId, SessionError> {
        self.check_not_sent()?;
        let secret = SessionSecret::random()?;
        let record = self.new_record(user, &secret, remember)?;
        let policy = &self.policy;
        let mut created = policy.store.create(&record, policy.limit).await?;
        if created == Created::OverLimit && policy.remove_idle(record.owner_issuer(), record.owner_id()).await? {
            created = policy.store.create(&record, policy.limit).await?;
        }
        let removed = match created {
            Created::Stored { removed } => removed,
            Created::OverLimit => return Err(SessionError::OverLimit),
        };
        let id = record.id;
        let session = policy.cache.insert(record);
        let started = self.begin(Current { secret, session: Arc::clone(&session) }, removed).await;
        match started {
            Ok(()) => event::started(&session.user, &id, self.address),
            // No browser has its cookie, so this only frees its place.
            Err(_) => drop(policy.end(user, &id).await),
        }
        started.map(|()| id)
    }

    async fn log_out(&self) -> Result<(), SessionError> {
        let Some(Current { session, .. }) = self.clear() else { return Ok(()) };
        event::ended(&session.user, &session.record.id, Reason::LoggedOut, self.address);
        let ended = self.policy.end_login(&session.record.user, &session.record.id);
        self.policy.cache.forget(&session.record.digest);
        ended.await
    }

    fn new_record(
        &self,
        user: &UserContext,
        secret: &SessionSecret,
        remember: Remember,
    ) -> Result<SessionRecord, SessionError> {
        let id = SessionId::random()?;
        let now = self.policy.now();
        let client = ClientHints::new(self.address, self.user_agent.as_ref());
        let mut record = SessionRecord {
            id,
            digest: secret.digest(),
            csrf_key: CsrfKey::random()?,
            user: user.clone().with(|identity| {
                identity.auth_time.get_or_insert(Duration::from_secs(now));
            }),
            created_at: now,
            logged_in_at: now,
            expires_at: self.policy.timeouts.expires_at(now),
            is_remembered: remember == Remember::Yes,
            address: client.address,
            user_agent: client.user_agent.map(str::to_owned),
            replacement: None,
            last_used_at: now,
        }
        .for_store()?;
        // Times are compared in whole seconds. A login after a revocation within the same second is not revoked: its
        // user was authenticated later.
        if self.policy.is_revoked(&self.policy.cache.user_of(&record)) {
            record.logged_in_at = now.saturating_add(1);
            record.expires_at = record.expires_at.saturating_add(1);
        }
        Ok(record)
    }

    /// Ends what a new session replaces, and makes it the current one.
    async fn begin(&self, new: Current, removed: Vec<SessionId>) -> Result<(), SessionError> {
        for id in &removed {
            event::ended(&new.session.user, id, Reason::SessionLimit, None);
        }
        // All are rejected by this process before the first wait.
        let removed: Vec<_> = removed.iter().map(|id| self.policy.share_end(id)).collect();
        let previous = self.current().ok();
        if let Some(Current { session, .. }) = &previous {
            event::ended(&session.user, &session.record.id, Reason::LoginReplaced, self.address);
            self.policy.end(&session.record.user, &session.record.id).await?;
        }
        for shared in removed {
            shared.await?;
        }
        // A revocation of the user during the write has not found this session.
        if self.policy.is_revoked(&new.session.user) {
            return Err(SessionError::UserRevoked);
        }
        self.set(new)
    }

    /// Replaces the secret of a session, and changes its record.
    async fn replace(&self, current: Current, change: impl FnOnce(&mut SessionRecord)) -> Result<(), SessionError> {
        self.check_not_sent()?;
        let Current { secret, session } = current;
        // The request was sent before the last renewal: the browser has the next cookie already, or will soon.
        if session.record.replacement.is_some() {
            return Ok(());
        }
        let nonce = *random_bytes::<16>()?;
        let now = self.policy.clock.since_epoch();
        // A slow request. A store may keep the record for longer, and a confirmation would extend it.
        if now.as_secs() >= session.record.expires_at {
            return Err(SessionError::NotLoggedIn);
        }
        let replacement = Replacement { nonce, valid_until: after(now, GRACE) };
        let old = SessionRecord {
            replacement: Some(replacement),
            last_used_at: session.usage.last_used_at(),
            ..session.record.clone()
        };
        let next = secret.next(&nonce);
        let mut renewed =
            SessionRecord { digest: next.digest(), last_used_at: now.as_secs(), ..session.record.clone() };
        change(&mut renewed);
        let renewed = renewed.for_store()?;
        let stored = self.policy.store.renew(&old, &renewed).await;
        // Also after an error: after a timeout, it is unknown whether the record was stored.
        self.policy.cache.forget(&old.digest);
        match stored {
            // Compared with the former login, since a confirmation is later than a revocation of the user before it.
            Ok(()) if self.policy.is_revoked(&session.user) => {
                let _ = self.policy.end(&session.record.user, &session.record.id).await;
                Err(SessionError::NotLoggedIn)
            }
            Ok(()) => {
                session.usage.set_replaced();
                let set = self.set(Current { secret: next, session: self.policy.cache.insert(renewed) });
                self.policy.share_renewal(&session).await;
                set
            }
            Err(StoreError::Conflict) => self.follow(&secret, &session).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Sets the cookie that a concurrent renewal has set, unless that was renewed again: the browser then has a later
    /// one.
    async fn follow(&self, secret: &SessionSecret, session: &Arc<CachedSession>) -> Result<(), SessionError> {
        let stored = self.policy.store.find(&session.record.digest).await?;
        let replacement = stored.and_then(|record| record.replacement);
        let replacement = replacement.filter(|replacement| self.policy.now() < replacement.valid_until);
        let next = replacement.map(|replacement| secret.next(&replacement.nonce)).ok_or(SessionError::NotLoggedIn)?;
        let renewed = self.policy.store.find(&next.digest()).await?.ok_or(SessionError::NotLoggedIn)?;
        if renewed.replacement.is_some() {
            return Ok(());
        }
        let session = self.policy.cache.insert(renewed);
        self.set(Current { secret: next, session })
    }
}

/// Requests that a browser sent before it received the next cookie arrive within seconds.
const GRACE: Duration = Duration::from_secs(10);
