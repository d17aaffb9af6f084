//! The methods of `Session` for a page that lists the sessions of its user.

use crate::session::error::SessionError;
use crate::session::handle::{Current, Session};
use crate::session::id::SessionId;
use crate::session::info::SessionInfo;

/// # The user's sessions
impl Session {
    /// Returns the sessions of the user, the oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if there is no session, or if the store is unavailable.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let Current { session, .. } = self.0.current()?;
        let owner = &session.record.user;
        self.0
            .policy
            .list(owner.issuer(), owner.id(), Some(&session.record.id))
            .await
            .inspect_err(|error| error.log("list"))
    }

    /// Ends a session of the user. If it is the current one, its cookie is cleared.
    ///
    /// The tokens of the same login are revoked too, as by [`log_out`](Self::log_out).
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::NotFound`] if the user has no session with this id, and another error if there is no
    /// session, if the store is unavailable, or if the revocation could not be shared.
    pub async fn revoke(&self, id: &SessionId) -> Result<(), SessionError> {
        let Current { session, .. } = self.0.current()?;
        if session.record.id == *id {
            return self.log_out().await;
        }
        let owner = &session.record.user;
        let revoked = self.0.policy.revoke(owner.issuer(), owner.id(), id).await;
        revoked.inspect_err(|error| error.log("revoke"))
    }

    /// Ends all sessions of the user except this one. Call it after a password change.
    ///
    /// All other credentials of the user that were issued until now and are checked with the same
    /// [`Revocations`](crate::Revocations) are revoked too: tokens and API keys.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if there is no session, if the store is unavailable, or if the revocation could not be
    /// shared.
    pub async fn revoke_others(&self) -> Result<(), SessionError> {
        let Current { session, .. } = self.0.current()?;
        self.0.policy.revocations.revoke_others(&session.user).await.map_err(SessionError::Revocation)
    }

    /// Ends all sessions of the user, including this one.
    ///
    /// It revokes other credentials as [`revoke_others`](Self::revoke_others) does.
    ///
    /// # Errors
    ///
    /// As for [`revoke_others`](Self::revoke_others).
    pub async fn revoke_all(&self) -> Result<(), SessionError> {
        let Current { session, .. } = self.0.current()?;
        self.0.clear();
        self.0.policy.revocations.revoke_all(&session.user).await.map_err(SessionError::Revocation)
    }
}
