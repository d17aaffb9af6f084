//! The setters of `ApiKeyAuthBuilder` for what a user is and may do.

use std::future::Future;
use std::time::Duration;

use crate::api_key::builder::ApiKeyAuthBuilder;
use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Tier, UserContext};
use crate::gate::{LoadError, UserLoader};

/// # Users
impl ApiKeyAuthBuilder {
    /// Sets the app's tiers, to which the tier of a key refers (default: none).
    ///
    /// Set the same as for tokens, so that [`RequireTier`](crate::RequireTier) and rate limits by tier know the order.
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.app.tiers = Some(tiers);
        self
    }

    /// Sets the tier of keys without one (default: none, which ranks below every tier).
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.app.default_tier = Some(tier);
        self
    }

    /// Sets which permissions each role grants (default: roles grant none).
    pub fn roles(mut self, roles: Roles) -> Self {
        self.app.roles = Some(roles);
        self
    }

    /// Sets a function that loads the user of a valid key (default: none).
    ///
    /// Use it to reject the keys of a locked account, or to read privileges from your own database. It runs on every
    /// request with a valid key, with a [timeout](Self::load_user_timeout). It receives the user with the privileges of
    /// the key, and inner layers and handlers see the user that it returns: do not add privileges that the key lacks.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ApiKeyAuth, UserContext, api_key::{MemoryKeys, NewApiKey}};
    /// # use tower::ServiceExt;
    /// use portcullis::gate::{AccountRefusal, LoadError};
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
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = ApiKeyAuth::builder()
    ///     .prefix("acme_live")
    ///     .store(MemoryKeys::new())
    ///     .load_user(load)
    ///     .build()?;
    /// # let key = keys.create(NewApiKey::for_user(&UserContext::new("ann"))).await?;
    /// let app = Router::new().route("/", get(|| async {})).layer(keys);
    ///
    /// let request = Request::get("/")
    ///     .header("authorization", format!("ApiKey {}", key.secret()))
    ///     .body(Body::empty())?;
    /// let response = app.oneshot(request).await?;
    /// assert_eq!(response.status(), 403, "the account is locked");
    /// # Ok(())
    /// # }
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
