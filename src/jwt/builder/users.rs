//! The setters of `JwtAuthBuilder` for what a user is and may do.

use std::future::Future;
use std::time::Duration;

use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Tier, UserContext};
use crate::gate::{LoadError, UserLoader};
use crate::jwt::builder::JwtAuthBuilder;
#[cfg(feature = "revocation")]
use crate::jwt::revocation_check::RevocationCheck;
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;

/// # Users
impl JwtAuthBuilder {
    /// Sets the app's tiers, to which the tier claim of a token refers (default: none).
    ///
    /// A token carries only the name of a tier. These tiers give the name its rank, which
    /// [`RequireTier`](crate::RequireTier) and rate limits by tier need. A name that is not among them ranks below
    /// every tier.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{RequireTier, Tiers};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// let tiers = Tiers::ascending(["free", "pro", "enterprise"])?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .tiers(tiers.clone())
    ///     .build()?;
    /// let app = Router::new()
    ///     .route("/reports", get(|| async {}))
    ///     .layer(RequireTier::at_least(&tiers, "pro")?)
    ///     .layer(auth);
    ///
    /// for (tier, status) in [("free", 403), ("enterprise", 200)] {
    ///     let token = TokenBuilder::first_party(iss, secret, "ann")
    ///         .audience("api")
    ///         .tier(tier)
    ///         .sign();
    ///     let request = Request::get("/reports")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.app.tiers = Some(tiers);
        self
    }

    /// Sets the tier of users whose token has no tier claim (default: none, which is below every tier).
    ///
    /// It must be one of the [`tiers`](Self::tiers).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Tiers};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = || Issuer::hs256("https://app.example.com", secret);
    /// let tiers = Tiers::ascending(["free", "pro"])?;
    /// let free = tiers.get("free")?;
    /// # let builder = JwtAuth::builder().issuer(issuer()).audience("api");
    /// assert!(builder.default_tier(free.clone()).tiers(tiers).build().is_ok());
    ///
    /// # let builder = JwtAuth::builder().issuer(issuer()).audience("api");
    /// let error = builder.default_tier(free).build().unwrap_err();
    /// assert_eq!(error.issues()[0].reason(), "no tiers are set");
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.app.default_tier = Some(tier);
        self
    }

    /// Sets the app's roles and the permissions that they grant (default: roles grant no permissions).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{Roles, UserContext};
    ///
    /// async fn publish(user: UserContext) -> String {
    ///     assert!(user.has_permission("publish:page"), "granted by the role");
    ///     user.id().to_owned()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// let roles = Roles::builder()
    ///     .role("editor", ["write:page", "publish:page"])
    ///     .build()?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .roles(roles)
    ///     .build()?;
    /// let app = Router::new().route("/", get(publish)).layer(auth);
    ///
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("api")
    ///     .role("editor")
    ///     .sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn roles(mut self, roles: Roles) -> Self {
        self.app.roles = Some(roles);
        self
    }

    /// Sets a function that loads the user of a verified token (default: none).
    ///
    /// Use it to reject a locked account, or to read privileges from your own database. It runs on every request with a
    /// valid token, even if the token is cached, with a [timeout](Self::load_user_timeout). Inner layers and handlers
    /// see the user that it returns. [`UserContext::with_record`] attaches the loaded data.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, UserContext, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::gate::{AccountRefusal, LoadError};
    ///
    /// # struct Account { is_locked: bool }
    /// # async fn find(_: &str) -> Result<Option<Account>, std::io::Error> {
    /// #     Ok(Some(Account { is_locked: true }))
    /// # }
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     match find(user.id()).await {
    ///         Ok(Some(account)) if account.is_locked => {
    ///             Err(LoadError::refused(AccountRefusal::Locked))
    ///         }
    ///         Ok(Some(account)) => Ok(user.with_record(account)),
    ///         Ok(None) => Err(LoadError::Unknown),
    ///         Err(error) => Err(LoadError::unavailable(error)),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// # let token = TokenBuilder::first_party(iss, secret, "ann");
    /// # let token = token.audience("api").sign();
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .load_user(load)
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let request = Request::get("/")
    ///     .header("authorization", format!("Bearer {token}"))
    ///     .body(Body::empty())?;
    /// let response = app.oneshot(request).await?;
    /// assert_eq!(response.status(), 403, "the account is locked");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A loader with state, such as a connection pool, clones it on each call, because the future may outlive the call:
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth, UserContext, gate::LoadError};
    /// # #[derive(Clone)]
    /// # struct Pool;
    /// # impl Pool {
    /// #     async fn plan(&self, _: &str) -> Result<String, LoadError> {
    /// #         Ok("pro".to_owned())
    /// #     }
    /// # }
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// # let builder = JwtAuth::builder().issuer(issuer).audience("api");
    /// # let pool = Pool;
    /// let auth = builder.load_user(move |user: UserContext| {
    ///     let pool = pool.clone();
    ///     async move {
    ///         let plan = pool.plan(user.id()).await?;
    ///         Ok(user.with_roles([plan]))
    ///     }
    /// });
    /// # assert!(auth.build().is_ok());
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
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// use std::time::Duration;
    ///
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .load_user(async |user| Ok(user))
    ///     .load_user_timeout(Duration::from_millis(500))
    ///     .build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn load_user_timeout(mut self, timeout: Duration) -> Self {
        self.load_user_timeout = Some(timeout);
        self
    }

    /// Rejects tokens that were [revoked](crate::revocation) (default: tokens are valid until they expire).
    ///
    /// A revoked token gets 401, also if it is cached, before the [user loader](Self::load_user) runs. A token that is
    /// valid for longer than [`max_token_lifetime`](crate::revocation::RevocationsBuilder::max_token_lifetime) gets 401
    /// too.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::{get, post}};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{Revocations, UserContext, gate::Denial};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// let revocations = Revocations::builder().build()?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .revocations(&revocations)
    ///     .build()?;
    ///
    /// let log_out = async move |user: UserContext| {
    ///     revocations.revoke(&user).await.map_err(Denial::from)
    /// };
    /// let app = Router::new().route("/logout", post(log_out)).layer(auth);
    ///
    /// # let token = TokenBuilder::first_party(iss, secret, "ann");
    /// # let token = token.audience("api").sign();
    /// for status in [200, 401] {
    ///     let request = Request::post("/logout")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "revocation")]
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = RevocationCheck::of(revocations);
        self
    }
}
