//! The check of a credential, for gates.

#[cfg(any(feature = "api_key", feature = "session"))]
use std::sync::Weak;
use std::time::Duration;

#[cfg(any(feature = "introspection", feature = "jwt"))]
use crate::context::RevocationIds;
use crate::context::{Credential, UserContext};
use crate::gate::{Denial, DenialKind, TokenError};
use crate::revocation::handle::Revocations;
use crate::revocation::shared::Refused;
#[cfg(any(feature = "api_key", feature = "session"))]
use crate::revocation::user_records::UserRecords;

impl Revocations {
    /// Checks that the credential of a user is not revoked, for a custom gate.
    ///
    /// [`JwtAuth`](crate::JwtAuth) does this itself if it [has the handle](crate::jwt::JwtAuthBuilder::revocations).
    /// Call it on every request, after the credential was verified and with the values of the credential: the issuer,
    /// the id, the client, the session, the id of the credential, and when it was issued. A value that is missing is
    /// not checked; without an issuer, only an API key can be revoked. The id of a credential is
    /// [`with_token_id`](UserContext::with_token_id), also for an API key.
    ///
    /// Each call computes a digest of each of these values.
    ///
    /// A revocation is kept until the credential [expires](UserContext::expires_at) or, if that is not known, for the
    /// [longest lifetime](crate::revocation::RevocationsBuilder::max_token_lifetime) of a token. An API key or a session
    /// that is valid for longer must also be disabled where the app stores it.
    ///
    /// ```
    /// use portcullis::context::Credential;
    /// use portcullis::revocation::Revocation;
    /// use portcullis::{Revocations, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let revocations = Revocations::builder().build()?;
    /// // A custom gate has verified an API key, and created its user.
    /// let user = UserContext::new("ann")
    ///     .with_credential(Credential::ApiKey)
    ///     .with_token_id("key-7");
    /// assert!(revocations.check(&user).is_ok());
    ///
    /// revocations.revoke_by(Revocation::api_key("key-7")).await?;
    /// assert_eq!(revocations.check(&user).unwrap_err().status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a 401 if the credential is revoked, and a 503 if the revocations are not available.
    pub fn check(&self, user: &UserContext) -> Result<(), Denial> {
        self.0.set_has_custom_gate();
        self.check_credential(user).map_err(|kind| Denial::new(kind, user.realm().clone()))
    }

    /// Checks the credential of a user.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected.
    pub(crate) fn check_credential(&self, user: &UserContext) -> Result<(), DenialKind> {
        let checked = match user.revocation_ids() {
            Some(ids) => self.0.check(ids),
            None => self.0.check(&user.new_revocation_ids()),
        };
        checked.map_err(|refused| match (refused, user.credential()) {
            (Refused::Revoked, Credential::Token) => DenialKind::InvalidToken(TokenError::Revoked),
            (Refused::Revoked, _) => DenialKind::InvalidCredential,
            (Refused::Unavailable, _) => DenialKind::revocations_unavailable(RETRY_AFTER),
        })
    }

    /// Checks a verified token.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected.
    #[cfg(any(feature = "introspection", feature = "jwt"))]
    #[inline]
    pub(crate) fn check_token(&self, ids: &RevocationIds) -> Result<(), DenialKind> {
        self.0.check(ids).map_err(|refused| match refused {
            Refused::Revoked => DenialKind::InvalidToken(TokenError::Revoked),
            Refused::Unavailable => DenialKind::revocations_unavailable(RETRY_AFTER),
        })
    }

    /// Returns the longest time for which a token may be valid.
    #[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
    pub(crate) fn max_token_lifetime(&self) -> Duration {
        self.0.max_token_lifetime
    }

    /// Checks that a token is not valid for longer than revocations are stored.
    ///
    /// Without `issued_at`, it may have been issued now, by a clock that differs by the leeway. Times are since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Lifetime`].
    #[cfg(any(feature = "introspection", feature = "jwt"))]
    pub(crate) fn check_lifetime(
        &self,
        issued_at: Option<Duration>,
        expires_at: Duration,
        now: Duration,
        leeway: Duration,
    ) -> Result<(), TokenError> {
        let start = issued_at.unwrap_or(now.saturating_add(leeway));
        let is_longer = expires_at.saturating_sub(start) > self.max_token_lifetime();
        if is_longer { Err(TokenError::Lifetime) } else { Ok(()) }
    }

    /// Whether other processes share the revocations.
    #[cfg(any(feature = "api_key", feature = "session"))]
    pub(crate) fn is_shared(&self) -> bool {
        #[cfg(feature = "redis")]
        return self.0.stream.is_some();
        #[cfg(not(feature = "redis"))]
        false
    }

    /// Also revokes all credentials of a user in these records when the user is revoked.
    #[cfg(any(feature = "api_key", feature = "session"))]
    pub(crate) fn add_user_records(&self, records: Weak<dyn UserRecords>) {
        self.0.user_records.add(records);
    }

    /// Records that a gate was built with the handle.
    #[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
    pub(crate) fn set_has_gate(&self) {
        self.0.set_has_gate();
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
