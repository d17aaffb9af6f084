//! The setters of `SessionAuthBuilder` for what a user is and may do.

use std::future::Future;
use std::time::Duration;

use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Tier, UserContext};
use crate::gate::{LoadError, UserLoader};
use crate::session::builder::SessionAuthBuilder;

/// # Users
impl SessionAuthBuilder {
    /// Sets the app's tiers, to which the tier of a user refers (default: none).
    ///
    /// Set the same tiers as for tokens, so that [`RequireTier`](crate::RequireTier) and rate limits by tier know their
    /// order.
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.app_settings.tiers = Some(tiers);
        self
    }

    /// Sets the tier of users without one (default: none, which ranks below every tier).
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.app_settings.default_tier = Some(tier);
        self
    }

    /// Sets which permissions each role grants (default: roles grant none).
    pub fn roles(mut self, roles: Roles) -> Self {
        self.app_settings.roles = Some(roles);
        self
    }

    /// Sets a function that loads the user of a session (default: none; the user is that of the login).
    ///
    /// Use it to reject the sessions of a locked account, or to read current privileges. It runs after the record of
    /// the session was read, so in each process about once per [`cache_ttl`](Self::cache_ttl), and on every request if
    /// that is zero. It has a [timeout](Self::load_user_timeout). Inner layers and handlers see the user that it
    /// returns.
    ///
    /// ```
    /// use portcullis::gate::{AccountRefusal, LoadError};
    /// use portcullis::session::MemorySessions;
    /// use portcullis::{SessionAuth, UserContext};
    ///
    /// # async fn is_locked(_: &str) -> Result<bool, std::io::Error> { Ok(true) }
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     match is_locked(user.id()).await {
    ///         Ok(false) => Ok(user),
    ///         Ok(true) => Err(LoadError::refused(AccountRefusal::Locked)),
    ///         Err(error) => Err(LoadError::unavailable(error)),
    ///     }
    /// }
    ///
    /// let sessions = SessionAuth::builder()
    ///     .store(MemorySessions::new())
    ///     .load_user(load)
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn load_user<F, Fut>(mut self, load: F) -> Self
    where
        F: Fn(UserContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<UserContext, LoadError>> + Send + 'static,
    {
        self.loader = Some(UserLoader::new(load));
        self
    }

    /// Sets the timeout of the [user loader](Self::load_user) (default five seconds).
    ///
    /// It is more than zero and at most 60 seconds. If the loader takes longer, the request is rejected with 503.
    pub fn load_user_timeout(mut self, timeout: Duration) -> Self {
        self.load_user_timeout = Some(timeout);
        self
    }
}
