//! The methods of `SessionAuth` for administrators and for shutdown.

use crate::revocation::Revocation;
use crate::session::error::SessionError;
use crate::session::gate::SessionAuth;
use crate::session::id::SessionId;
use crate::session::info::SessionInfo;

/// # Sessions of any user
///
/// These methods are for administrators and for background tasks. They do not check who calls them.
impl SessionAuth {
    /// Returns the sessions of a user, the oldest first.
    ///
    /// `issuer` is that of [the user](crate::UserContext::issuer).
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Store`] if the store is unavailable.
    pub async fn list(&self, issuer: Option<&str>, user_id: &str) -> Result<Vec<SessionInfo>, SessionError> {
        self.policy.list(issuer, user_id, None).await.inspect_err(|error| error.log("list"))
    }

    /// Ends a session of a user.
    ///
    /// The tokens of the same login are revoked too, as by [`Session::log_out`](crate::session::Session::log_out).
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::NotFound`] if the user has no session with this id, and another error if the store is
    /// unavailable, or if the revocation could not be shared.
    pub async fn revoke(&self, issuer: Option<&str>, user_id: &str, id: &SessionId) -> Result<(), SessionError> {
        self.policy.revoke(issuer, user_id, id).await.inspect_err(|error| error.log("revoke"))
    }

    /// Ends all sessions of a user, including those of logins that are in progress.
    ///
    /// All other credentials of the user that were issued until now and are checked with the same
    /// [`Revocations`](crate::Revocations) are revoked too: tokens and API keys.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Revocation`] if the store is unavailable, or if the revocation could not be shared. This
    /// process rejects the sessions in any case.
    pub async fn revoke_all(&self, issuer: Option<&str>, user_id: &str) -> Result<(), SessionError> {
        let revocation = Revocation::subject(issuer.unwrap_or_default(), user_id);
        self.policy.revocations.revoke_by(revocation).await.map_err(SessionError::Revocation)
    }

    /// Stores the times at which sessions were last used. Call it when the app shuts down.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Store`] if the store is unavailable. The next call or background write tries again.
    pub async fn flush(&self) -> Result<(), SessionError> {
        Ok(self.policy.touches.flush().await?)
    }
}
