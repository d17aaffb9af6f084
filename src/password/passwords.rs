//! `Passwords`: verifies and creates password hashes.

use std::fmt;
use std::sync::Arc;

use crate::gate::Denial;
#[cfg(doc)]
use crate::gate::DenialKind;
use crate::password::hasher::{Match, Stored};
use crate::password::new_password::NewPassword;
use crate::password::pool::Priority;
use crate::password::pool::stats::PoolStats;
use crate::password::secret::Password;
use crate::password::service::Service;
use crate::password::verified::{Rehash, Verified};

/// Verifies and creates password hashes (Argon2id, RFC 9106) in a pool of threads; see the [module](crate::password).
///
/// Clones share the pool. Create one for the app.
#[derive(Clone)]
#[must_use]
pub struct Passwords(Arc<Service>);

impl Passwords {
    pub(super) fn new(service: Service) -> Self {
        Self(Arc::new(service))
    }

    /// Verifies the password of a login.
    ///
    /// `user` is the user of the account name, or `None` if there is none; `hash` returns the user's stored hash, or
    /// `None` if the user has no password. Both are arguments, so that the app does not respond early: each call computes
    /// exactly one hash, and every rejection is the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::password::{Password, Passwords};
    ///
    /// struct User {
    ///     id: u64,
    ///     hash: Option<String>,
    /// }
    ///
    /// let passwords = Passwords::builder().build()?;
    /// let typed = || Password::new("zebras paint 7 quiet lanterns");
    /// let hash = passwords.hash_new(typed()).await?;
    ///
    /// let found = Some(User { id: 7, hash: Some(hash) });
    /// let user = passwords.verify(typed(), found, |user| user.hash.as_deref());
    /// let user = user.await?;
    /// assert_eq!(user.id, 7);
    ///
    /// let none = None::<User>;
    /// let unknown = passwords.verify(typed(), none, |user| user.hash.as_deref());
    /// let denial = unknown.await.err().unwrap();
    /// assert_eq!(denial.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCredentials`](DenialKind::InvalidCredentials) (401) if there is no user, no usable hash, or the
    /// password is wrong, and [`Overloaded`](DenialKind::Overloaded) (503) if too many passwords are being hashed.
    pub async fn verify<U>(
        &self,
        password: Password,
        user: Option<U>,
        hash: impl FnOnce(&U) -> Option<&str>,
    ) -> Result<Verified<U>, Denial> {
        let service = &self.0;
        let start = service.clock.monotonic();
        let stored = user.as_ref().and_then(hash).and_then(|text| service.parse(text));
        // A password that no hash matches costs the same.
        let typed = service.hasher.read(password);
        let can_match = stored.is_some() && typed.is_some();
        let stored = stored.unwrap_or_else(|| Stored::Argon2(service.hasher.dummy().clone()));
        let is_outdated = service.hasher.is_outdated(&stored);
        let compared = service.compare(Priority::Login, stored, typed.unwrap_or_default()).await;
        let (matched, typed) = compared.map_err(|overload| service.overloaded(overload))?;
        match user {
            Some(user) if can_match && matched != Match::None => {
                let needs_rehash = is_outdated || matched == Match::Raw;
                let for_rehash = needs_rehash.then(|| Rehash::new(service.clone(), typed.nfc));
                Ok(Verified::new(user, for_rehash))
            }
            _ => Err(service.reject(start).await),
        }
    }

    /// Checks a new password, and computes the hash to store. Await the result.
    ///
    /// The password is checked against the policy first, then against collections of breached passwords and the user's
    /// [history](NewPassword::history), and hashed if it has no problem.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::gate::{DenialKind, PasswordProblem};
    /// use portcullis::password::{Password, Passwords};
    ///
    /// let passwords = Passwords::builder().build()?;
    /// let new = Password::new("ann.archer2026");
    /// let words = ["ann.archer@example.com"];
    /// let rejected = passwords.hash_new(new).context(words).await;
    /// let denial = rejected.unwrap_err();
    /// assert_eq!(denial.status(), 422);
    /// let DenialKind::PasswordRejected { problems, .. } = denial.kind() else {
    ///     panic!()
    /// };
    /// let too_short = PasswordProblem::TooShort { min: 15 };
    /// assert_eq!(problems[..], [too_short, PasswordProblem::Context]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hash_new(&self, password: Password) -> NewPassword<'_> {
        NewPassword::new(&self.0, password)
    }

    /// Returns what the pool does at the moment, and has done so far, for metrics.
    #[must_use]
    pub fn pool_stats(&self) -> PoolStats {
        self.0.pool.stats()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("hasher", &self.0.hasher).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
