//! The setters of `IntrospectionAuthBuilder` for what a user is and may do.

use std::future::Future;
use std::time::Duration;

use crate::claims::claim_map::ClaimMap;
use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Tier, UserContext};
use crate::gate::{LoadError, UserLoader, UserMap};
use crate::introspection::builder::IntrospectionAuthBuilder;

/// # Users
impl IntrospectionAuthBuilder {
    /// Sets from which members of the response a user is read (default: [`ClaimMap::new`]).
    ///
    /// The default id is `sub`. A response without `sub` and `username` is about a client that acts on its own behalf,
    /// and the id is its `client_id`.
    ///
    /// ```
    /// use portcullis::{ClaimMap, IntrospectionAuth};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = "7Fjfp0ZBr1KtDRbnfVdmIw";
    /// let opaque = IntrospectionAuth::builder()
    ///     .endpoint("https://auth.example.com/introspect")
    ///     .client("api", secret)
    ///     .audience("https://api.example.com")
    ///     .claims(ClaimMap::new().roles(["/realm_access/roles"]))
    ///     .build()?;
    /// # let _ = opaque;
    /// # Ok(())
    /// # }
    /// ```
    pub fn claims(mut self, claims: ClaimMap) -> Self {
        self.claims = claims;
        self
    }

    /// Sets the app's tiers, to which the tier of a token refers (default: none).
    ///
    /// Set the same as for JWTs, so that [`RequireTier`](crate::RequireTier) and rate limits by tier know the order.
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.app.tiers = Some(tiers);
        self
    }

    /// Sets the tier of users whose token has none (default: none, which ranks below every tier).
    ///
    /// It must be one of the [`tiers`](Self::tiers).
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.app.default_tier = Some(tier);
        self
    }

    /// Sets the app's roles and the permissions that they grant (default: roles grant no permissions).
    pub fn roles(mut self, roles: Roles) -> Self {
        self.app.roles = Some(roles);
        self
    }

    /// Sets a function that changes the user of a valid token (default: none).
    ///
    /// It runs on each request, also if the response is cached. The kind of credential, and what the token can be
    /// revoked by, remain the same.
    pub fn map_user(mut self, map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        self.user_map = Some(UserMap::new(map));
        self
    }

    /// Sets a function that loads the user of a valid token (default: none).
    ///
    /// Use it to reject a locked account, or to read privileges from your own database. It runs on every request with a
    /// valid token, also if the response is cached, with a [timeout](Self::load_user_timeout). Inner layers and
    /// handlers see the user that it returns. [`JwtAuthBuilder::load_user`](crate::jwt::JwtAuthBuilder::load_user) has
    /// an example.
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
