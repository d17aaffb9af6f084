//! What `SessionAuth` and `Session` do to all sessions of a user.

use std::sync::Arc;

use crate::context::UserContext;
use crate::revocation::Revocation;
use crate::revocation::user_records::{RecordsError, RevokeAll, UserNames, UserRecords};
use crate::security_event::Reason;
use crate::session::error::SessionError;
use crate::session::event;
use crate::session::id::SessionId;
use crate::session::info::SessionInfo;
use crate::session::policy::Policy;
use crate::session::to_the_end::to_the_end;

impl Policy {
    /// Returns the sessions of a user that have not ended.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Store`] if the store is unavailable.
    pub(super) async fn list(
        &self,
        issuer: Option<&str>,
        owner: &str,
        current: Option<&SessionId>,
    ) -> Result<Vec<SessionInfo>, SessionError> {
        let records = self.store.find_by_owner(issuer, owner).await?;
        let now = self.now();
        let is_valid = |record: &_| !self.timeouts.has_ended_record(record, now);
        let mut records: Vec<_> = records.into_iter().filter(is_valid).collect();
        records.sort_by_key(|record| (record.created_at, record.id));
        Ok(records.into_iter().map(|record| SessionInfo::new(record, current)).collect())
    }

    /// Ends a session of a user.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::NotFound`] if the user has no session with this id, and another error if the store is
    /// unavailable, or if the revocation could not be shared.
    pub(super) async fn revoke(
        self: &Arc<Self>,
        issuer: Option<&str>,
        owner: &str,
        id: &SessionId,
    ) -> Result<(), SessionError> {
        // Not by the id alone: it may belong to another user's session. And not removed first: if the store times out,
        // the record may be gone, and other processes would not know it.
        let records = self.store.find_by_owner(issuer, owner).await?;
        let record = records.into_iter().find(|record| record.id == *id).ok_or(SessionError::NotFound)?;
        event::ended(&self.cache.user_of(&record), id, Reason::RevokedByApp, None);
        self.end_login(&record.user, id).await
    }

    /// Ends a session as [`end`](Self::end) does, and revokes the tokens of the same login: those with the same `sid`
    /// that were issued until now.
    ///
    /// # Errors
    ///
    /// As for [`end`](Self::end). This process rejects the session and the tokens in any case.
    pub(super) fn end_login(
        self: &Arc<Self>,
        owner: &UserContext,
        id: &SessionId,
    ) -> impl Future<Output = Result<(), SessionError>> + Send + use<> {
        // Both are rejected by this process before the first wait.
        let ended = self.end(owner, id);
        let login = owner.issuer().zip(owner.session_id().filter(|id| !id.is_empty()));
        let tokens = login.map(|(issuer, id)| self.revocations.apply(Revocation::session_until_now(issuer, id)));
        async move {
            let ended = ended.await;
            if let Some(revoked) = tokens {
                revoked.await.map_err(SessionError::Revocation)?;
            }
            ended
        }
    }

    /// Removes the idle sessions of a user, which a store counts until their absolute end.
    ///
    /// Returns whether there were any.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Store`] if the store is unavailable.
    pub(super) async fn remove_idle(&self, issuer: Option<&str>, owner: &str) -> Result<bool, SessionError> {
        let now = self.now().saturating_sub(STORED_AFTER);
        let records = self.store.find_by_owner(issuer, owner).await?;
        let mut is_any = false;
        for record in records.iter().filter(|record| self.timeouts.has_ended_record(record, now)) {
            is_any |= self.store.remove(issuer, owner, &record.id).await?;
        }
        Ok(is_any)
    }

    /// Removes the sessions of a user that these names include from the store, and revokes them.
    async fn remove_all(&self, names: &UserNames) -> Result<(), SessionError> {
        if names.issued_until.is_some() {
            return self.remove_earlier(names).await;
        }
        let kept = names.kept.as_deref().and_then(SessionId::parse);
        let removed = self.store.remove_all(names.issuer.as_deref(), &names.id, kept.as_ref()).await?;
        // The revocation of the user ends sessions that began before it. A session that began within the same second,
        // after an earlier revocation, must be revoked by its id.
        let shared: Vec<_> = removed.iter().map(|id| self.share_end(id)).collect();
        for shared in shared {
            shared.await?;
        }
        Ok(())
    }
}

impl Policy {
    /// Removes the sessions that began at or before a time from the store. The revocation of the user ends them.
    async fn remove_earlier(&self, names: &UserNames) -> Result<(), SessionError> {
        let (issuer, owner) = (names.issuer.as_deref(), &*names.id);
        let records = self.store.find_by_owner(issuer, owner).await?;
        for record in records.iter().filter(|record| names.include(record.logged_in_at)) {
            self.store.remove(issuer, owner, &record.id).await?;
        }
        Ok(())
    }
}

/// When a user is revoked, its sessions are removed from the store too, where they may outlive the revocation.
impl UserRecords for Policy {
    fn revoke_user(self: Arc<Self>, names: UserNames) -> RevokeAll {
        let removed = to_the_end(async move {
            let removed = self.remove_all(&names).await;
            removed.inspect_err(|error| error.log("revoke_all"))
        });
        Box::pin(async move { removed.await.map_err(|error| Arc::new(error) as RecordsError) })
    }

    /// Does nothing: the next request with a revoked session removes it, and an unused one ends by its idle timeout.
    fn revoke_credential(self: Arc<Self>, _: Box<str>) -> RevokeAll {
        Box::pin(async { Ok(()) })
    }
}

/// In seconds: how much later than the stored last use the real one may be.
const STORED_AFTER: u64 = 60;
