//! `Revocations`: the handle that revokes credentials, and that gates check.

use std::future::Future;
use std::sync::Arc;

use crate::context::{Credential, RevocationIds, UserContext};
use crate::revocation::error::RevokeError;
use crate::revocation::record::{Full, Record};
#[cfg(feature = "redis")]
use crate::revocation::redis::stream_writer::StreamWriter;
use crate::revocation::revocation::{IssuedUntil, Revocation};
use crate::revocation::shared::Shared;
use crate::revocation::user_records::{RevokedRecords, UserNames};
use crate::security_event::{EventKind, Reason, SecurityEvent};

/// Revokes credentials before they expire; see the [module](crate::revocation).
///
/// Create one at startup, and pass it to each layer that authenticates. Clones share the table of what is revoked.
///
/// The methods that revoke take effect in this process when they are called. Await the returned future to learn whether
/// the revocation succeeded.
#[derive(Clone, Debug)]
#[must_use]
pub struct Revocations(pub(super) Arc<Shared>);

impl Revocations {
    /// Revokes the login of a user: all credentials of its session or, without a session, this credential.
    ///
    /// Call it to log a user out. Of a token, `sid` identifies the session. A token without `sid` is identified by its
    /// `jti`, and one without either by what its signature covers. The user of a custom gate is identified by
    /// [`session_id`](UserContext::session_id), else by [`token_id`](UserContext::token_id).
    ///
    /// An API key is revoked for ever, as by [`revoke_all`](Self::revoke_all): it may never expire.
    ///
    /// For the session of a request, call [`Session::log_out`](crate::session::Session::log_out) instead, which also
    /// clears the cookie and removes the record. This method leaves both in place until the next request with the cookie,
    /// and also rejects the next login if the provider gives it the same `sid`.
    ///
    /// Only layers that were built with this handle reject the credential. If the layer that has authenticated the user
    /// was not, a warning is logged.
    ///
    /// # Errors
    ///
    /// Returns [`RevokeError`] if the user has no issuer, or its credential no id; if the table is full; if the
    /// revocation has not been stored in the stream; or if the store of its API key is unavailable.
    pub fn revoke(&self, user: &UserContext) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        self.log_revocation(user);
        // A session of the app may have been extended since, or by a request that is in progress.
        let is_extensible = user.credential() == Credential::Session;
        let record = with_ids(user, |ids| {
            let id = ids.login().ok_or(RevokeError::IdMissing)?;
            let expires_at = match ids.expires_at {
                Some(own) if ids.session.is_none() && !is_extensible => Shared::expiry_of(own),
                // Later credentials of a session are revoked too. They may expire later than this one.
                _ => self.expiry_with_others(ids),
            };
            Ok(Record::Entry { id, issued_until: Record::ALWAYS, expires_at })
        });
        self.enforce_with_records(record, RevokedRecords::own_key(user))
    }

    /// Revokes all credentials of a user that were issued until now, including this one.
    ///
    /// Call it if an account is locked or was taken over. A user who logs in again gets a valid credential. Times are
    /// compared in whole seconds, so a credential that is issued within the same second is revoked too. So is one
    /// without [`issued_at`](UserContext::issued_at).
    ///
    /// The API keys of the user are revoked for ever: while the future is awaited, each
    /// [`ApiKeyAuth`](crate::ApiKeyAuth) that was built with this handle also revokes them in its store. Each
    /// [`SessionAuth`](crate::SessionAuth) removes the sessions of the user from its store.
    ///
    /// # Errors
    ///
    /// Returns [`RevokeError`] if the user has no issuer, if the table is full, if the revocation has not been stored
    /// in the stream, or if a store of API keys or sessions is unavailable.
    pub fn revoke_all(&self, user: &UserContext) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        self.log_revocation(user);
        let record = with_ids(user, |ids| {
            let id = ids.subject.ok_or(RevokeError::IssuerMissing)?;
            let issued_until = self.0.now().max(ids.issued_at);
            Ok(Record::Entry { id, issued_until, expires_at: self.expiry_with_others(ids) })
        });
        self.enforce_with_records(record, UserNames::of(user).map(RevokedRecords::OfUser))
    }

    /// Revokes all credentials of a user that were issued until now, except those of this login.
    ///
    /// Call it after the user has changed the password. The login is that of [`revoke`](Self::revoke). API keys are
    /// revoked as by [`revoke_all`](Self::revoke_all).
    ///
    /// # Errors
    ///
    /// Returns [`RevokeError`] if the user has no issuer, or its credential no id; if the table is full; if the
    /// revocation has not been stored in the stream; or if a store of API keys or sessions is unavailable.
    pub fn revoke_others(&self, user: &UserContext) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        self.log_revocation(user);
        let record = with_ids(user, |ids| {
            let subject = ids.subject.ok_or(RevokeError::IssuerMissing)?;
            let kept = ids.login().ok_or(RevokeError::IdMissing)?;
            let issued_until = self.0.now().max(ids.issued_at);
            Ok(Record::Others { subject, kept, issued_until, expires_at: self.expiry_with_others(ids) })
        });
        let others = UserNames::of(user).map(|names| RevokedRecords::OfUser(names.except_own(user)));
        self.enforce_with_records(record, others)
    }

    /// Revokes what these names identify.
    ///
    /// # Errors
    ///
    /// Returns [`RevokeError`] if the table is full, if the revocation has not been stored in the stream, or, for a
    /// [subject](Revocation::subject), if a store of API keys or sessions is unavailable.
    pub fn revoke_by(&self, revocation: Revocation) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        if let Some(event) = SecurityEvent::counted(EventKind::CredentialsRevoked) {
            let event = event.with_reason(Reason::RevokedByApp);
            match &revocation.records {
                Some(RevokedRecords::OfUser(names)) => event.with_owner(names.issuer.as_deref(), &names.id).write(),
                // Other names are kept as hashes only.
                _ => event.write(),
            }
        }
        self.apply(revocation)
    }

    /// Like [`revoke_by`](Self::revoke_by), for a cause that has an event of its own.
    pub(crate) fn apply(&self, revocation: Revocation) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        let issued_until = match revocation.issued_until {
            IssuedUntil::Always => Record::ALWAYS,
            IssuedUntil::Now => self.0.now(),
            #[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
            IssuedUntil::Time(time) => time,
        };
        let expires_at = self.0.latest_expiry();
        let record = Record::Entry { id: revocation.id, issued_until, expires_at };
        self.enforce_with_records(Ok(record), revocation.records)
    }

    /// Returns whether revocations can be checked. Otherwise, layers respond with 503 to requests with a credential.
    ///
    /// It is `false` until the stream in Redis has been read, while it could not be read for too long, and while one of
    /// its entries does not fit into the table. Without a stream, it is always `true`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.is_available()
    }

    /// Waits until the revocations [can be checked](Self::is_ready).
    ///
    /// The call is optional. An app that awaits it before it accepts connections responds with no 503 after its start.
    pub async fn wait_until_ready(&self) {
        self.0.wait_until_available().await;
    }

    /// Logs that credentials of a user are revoked, and whether their layer does not notice it.
    fn log_revocation(&self, user: &UserContext) {
        if let Some(event) = SecurityEvent::counted(EventKind::CredentialsRevoked) {
            event.with_user_context(user).with_reason(Reason::RevokedByApp).write();
        }
        self.log_other_layer(user);
    }

    /// Returns when an entry for this credential and others of its session or subject expires.
    ///
    /// Those of a custom gate may be valid for longer than tokens, so the entry is kept at least as long as this one.
    fn expiry_with_others(&self, ids: &RevocationIds) -> u32 {
        self.0.latest_expiry().max(ids.expires_at.map_or(0, Shared::expiry_of))
    }

    /// Enforces a record in this process at once. The future is ready when other processes can enforce it too, and the
    /// records of credentials are revoked.
    fn enforce_with_records(
        &self,
        record: Result<Record, RevokeError>,
        revoked: Option<RevokedRecords>,
    ) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        let revoked = revoked.filter(|_| record.is_ok());
        // First, so that a session that begins meanwhile is either removed or rejected.
        let stored = self.enforce(record);
        let records = revoked.map(|revoked| self.0.user_records.revoke(&revoked));
        async move {
            let stored = stored.await;
            // Also after an error, so that an outage of the stream does not let the credentials become valid again.
            let recorded = match records {
                Some(revoked) => revoked.await,
                None => Ok(()),
            };
            stored?;
            recorded.map_err(|cause| RevokeError::RecordsUnavailable { cause })
        }
    }

    /// Enforces a record in this process at once. The future is ready when other processes can enforce it too.
    pub(super) fn enforce(
        &self,
        record: Result<Record, RevokeError>,
    ) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        let result = record.and_then(|record| {
            self.0.log_no_gate();
            #[cfg(feature = "redis")]
            let entering = self.0.stream.as_ref().map(StreamWriter::enter);
            let has_changed = self.0.apply(&record).map_err(|Full| RevokeError::Full)?;
            #[cfg(feature = "redis")]
            return Ok(entering.map(|entering| entering.write(record, has_changed)));
            #[cfg(not(feature = "redis"))]
            Ok(has_changed)
        });
        async move {
            #[cfg(feature = "redis")]
            if let Some(stored) = result? {
                stored.await.map_err(|cause| RevokeError::NotStored { cause: Arc::new(cause) })?;
            }
            #[cfg(not(feature = "redis"))]
            result?;
            Ok(())
        }
    }
}

/// Calls a function with the ids of a user's credential.
///
/// Of a user that no gate with revocations has verified, they are computed from the user's own values.
fn with_ids(
    user: &UserContext,
    read: impl FnOnce(&RevocationIds) -> Result<Record, RevokeError>,
) -> Result<Record, RevokeError> {
    let record = match user.revocation_ids() {
        Some(ids) => read(ids),
        None => read(&user.new_revocation_ids()),
    };
    match record {
        Err(RevokeError::IdMissing) if user.issuer().is_none() => Err(RevokeError::IssuerMissing),
        record => record,
    }
}
