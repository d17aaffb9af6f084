//! `Verified`: a user whose password was right.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::password::service::Service;

/// A user whose password was right. It dereferences to the user.
///
/// If the stored hash is outdated, it keeps the password until [`rehash`](Self::rehash) is called or it is dropped.
#[must_use = "the login is not complete: respond to it, and store the new hash if there is one"]
pub struct Verified<U> {
    user: U,
    for_rehash: Option<Rehash>,
}

/// The password of a login whose stored hash is outdated.
pub(super) struct Rehash {
    service: Arc<Service>,
    password: Zeroizing<String>,
}

impl Rehash {
    pub(super) fn new(service: Arc<Service>, password: Zeroizing<String>) -> Self {
        Self { service, password }
    }
}

impl<U> Verified<U> {
    pub(super) fn new(user: U, for_rehash: Option<Rehash>) -> Self {
        Self { user, for_rehash }
    }

    /// Whether the stored hash is weaker than the settings, or has another pepper.
    #[must_use]
    pub fn needs_rehash(&self) -> bool {
        self.for_rehash.is_some()
    }

    /// Returns a new hash to store in place of an outdated one; `None` if the stored one is good, or the pool has
    /// other work. Then a later login replaces it.
    ///
    /// The password is dropped. The new hash is no change of the password: keep the user's sessions and tokens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::password::{Password, Passwords};
    ///
    /// let typed = || Password::new("correct horse battery staple");
    /// let old = Passwords::builder().argon2id(9_216, 4, 1).build()?;
    /// let stored = old.hash_new(typed()).await?;
    ///
    /// let passwords = Passwords::builder().build()?;
    /// let user = Some(stored);
    /// let mut user = passwords.verify(typed(), user, |hash| Some(hash)).await?;
    /// if let Some(hash) = user.rehash().await {
    ///     assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rehash(&mut self) -> Option<String> {
        let Rehash { service, password } = self.for_rehash.take()?;
        service.rehash(password).await
    }

    /// Returns the user.
    #[must_use]
    pub fn into_inner(self) -> U {
        self.user
    }
}

impl<U> Deref for Verified<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.user
    }
}

impl<U> DerefMut for Verified<U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.user
    }
}

impl<U: fmt::Debug> fmt::Debug for Verified<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("user", &self.user).finish_non_exhaustive()
    }
}
