//! The setters of `Issuer` for the format of its tokens, and how users are read from them.

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;
use crate::context::UserContext;
use crate::gate::UserMap;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::conventions::ClientMarker;
use crate::jwt::issuer::profile::Profile;
use crate::jwt::issuer::token_use::TokenUse;

/// # Tokens
impl Issuer {
    /// Sets how the issuer's access tokens are distinguished from its other tokens.
    ///
    /// Each constructor documents its default. Choose [`Profile::Compatible`] for an issuer that publishes its keys but
    /// sends `typ: JWT`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Profile};
    ///
    /// let issuer = Issuer::discover("https://auth.example.com")
    ///     .profile(Profile::Compatible);
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn profile(mut self, profile: Profile) -> Self {
        self.conventions.profile = profile;
        self
    }

    /// Sets the audience of this issuer's tokens (default: that of the layer).
    ///
    /// Use it if issuers know the app under different names. For this issuer, it replaces the audiences of
    /// [the layer](crate::jwt::JwtAuthBuilder::audience).
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences. A token is accepted if its `aud` names at least one of them.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item: Into<String>>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an audience. A token is accepted if its `aud` names at least one of them.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the claim that names the audience, for an issuer whose tokens have no `aud` (default: `aud`).
    ///
    /// The claim is a string or an array of strings, one of which must be an [audience](Self::audience) of the app.
    /// Choose the claim that names the API for which the token is meant. If the tokens name only the client that they
    /// were issued to, use that claim, and list the clients of your app as audiences. `claim` is a name or a JSON
    /// Pointer, as in a [`ClaimMap`].
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Profile};
    ///
    /// let issuer = Issuer::discover("https://auth.example.com")
    ///     .profile(Profile::Compatible)
    ///     .audience_claim("client_id")
    ///     .audience("client_01");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn audience_claim(mut self, claim: &str) -> Self {
        self.conventions.audience_claim = ClaimPath::new(claim.to_owned());
        self
    }

    /// Requires a claim that marks access tokens, with this value (default: none, or that of the preset).
    ///
    /// Use it for an issuer that documents such a claim. The value is compared exactly, and a token without it is
    /// rejected as not an access token. With the profile [`Compatible`](Profile::Compatible), a token with this claim
    /// may have a `nonce`. `claim` is a name or a JSON Pointer, as in a [`ClaimMap`].
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Profile};
    ///
    /// let issuer = Issuer::discover("https://auth.example.com")
    ///     .profile(Profile::Compatible)
    ///     .token_use("typ", "Bearer");
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn token_use(mut self, claim: &str, value: impl Into<String>) -> Self {
        self.conventions.token_use = Some(TokenUse::value(claim.to_owned(), value.into()));
        self
    }

    /// Requires a claim that only access tokens of the issuer have, whatever its value (default: none).
    ///
    /// It is like [`token_use`](Self::token_use), which it replaces, for an issuer whose access tokens otherwise look
    /// like ID tokens. The claim must be a string.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::Issuer;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://sso.example.com";
    /// // Access tokens of authentik have the claims of ID tokens and `scope`.
    /// let issuer = Issuer::hs256(iss, secret).access_token_claim("scope");
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// # let app = Router::new().route("/", get(|| async {})).layer(auth);
    /// # let token = TokenBuilder::first_party(iss, secret, "ann");
    /// # let token = token.audience("api");
    /// let id_token = token.claim("nonce", "n-0S6_WzA2Mj");
    /// let access_token = id_token.clone().scope("openid email");
    /// for (token, status) in [(access_token, 200), (id_token, 401)] {
    ///     let token = token.sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn access_token_claim(mut self, claim: &str) -> Self {
        self.conventions.token_use = Some(TokenUse::presence(claim.to_owned()));
        self
    }

    /// Sets the conventions of an app that issues its own tokens.
    ///
    /// Access tokens have the claim `type: access`, so that refresh tokens and all [other tokens](Profile#own-issuers)
    /// of the same issuer are rejected. The tier is read from `subscription_tier`, roles and permissions from `roles`
    /// and `permissions`. It keeps other claims that were mapped before, and sets the profile
    /// [`Compatible`](Profile::Compatible).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::JwtAuth;
    /// # use tower::ServiceExt;
    /// use portcullis::{Issuer, testing::TokenBuilder};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// let issuer = Issuer::hs256(iss, secret).first_party();
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// # let app = Router::new().route("/", get(|| async {})).layer(auth);
    /// # let token = TokenBuilder::first_party(iss, secret, "ann");
    /// # let token = token.audience("api");
    /// for (token_use, status) in [("access", 200), ("refresh", 401)] {
    ///     let token = token.clone().claim("type", token_use).sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn first_party(mut self) -> Self {
        self.conventions.profile = Profile::Compatible;
        self.conventions.claims = self.conventions.claims.tier(["subscription_tier"]);
        self.conventions.token_use = Some(TokenUse::value("type", "access"));
        self.conventions.is_own = true;
        self
    }
}

/// # Users
impl Issuer {
    /// Sets the claims from which a user is read (default: [`ClaimMap::new`], or those of the preset).
    ///
    /// The map replaces that of a preset; [`map_claims`](Self::map_claims) keeps it.
    ///
    /// ```
    /// use portcullis::{ClaimMap, Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::discover("https://auth.example.com")
    ///     .claims(ClaimMap::new().roles(["/app/roles"]).id("uid"));
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn claims(mut self, claims: ClaimMap) -> Self {
        self.conventions.claims = claims;
        self
    }

    /// Changes some of the claims from which a user is read, and keeps the others of the preset.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::auth0("app.eu.auth0.com")
    ///     .map_claims(|claims| claims.roles(["https://app.example/roles"]));
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn map_claims(mut self, map: impl FnOnce(ClaimMap) -> ClaimMap) -> Self {
        self.conventions.claims = map(self.conventions.claims);
        self
    }

    /// Treats all tokens of the issuer as those of workloads, such as CI jobs or service accounts (default: users).
    ///
    /// The [principal](UserContext::principal) is then a [client](crate::Principal::Client), and its
    /// [`client_id`](UserContext::client_id) is its [`id`](UserContext::id).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{Issuer, Principal, UserContext};
    ///
    /// async fn deploy(job: UserContext) {
    ///     assert_eq!(job.principal(), Principal::Client);
    ///     assert_eq!(job.client_id(), Some("project:shop:main"));
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://ci.example.com";
    /// let issuer = Issuer::hs256(iss, secret).workload_tokens();
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// # let app = Router::new().route("/", get(deploy)).layer(auth);
    /// # let token = TokenBuilder::first_party(iss, secret, "project:shop:main");
    /// # let token = token.audience("api").sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn workload_tokens(mut self) -> Self {
        self.conventions.client_marker = Some(ClientMarker::Always);
        self
    }

    /// Sets a function that changes the user of a verified token, for what a [`ClaimMap`] cannot express.
    ///
    /// It runs on every request, even if the token is cached, and can read all claims with [`UserContext::claims`]. It
    /// cannot reject a user or wait; for that, use [`load_user`](crate::jwt::JwtAuthBuilder::load_user).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{Issuer, RequireRole, Roles, UserContext};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Extra {
    ///     is_staff: bool,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// let issuer = Issuer::hs256(iss, secret).map_user(|user: UserContext| {
    ///     match user.claims::<Extra>() {
    ///         Ok(Extra { is_staff: true }) => user.with_roles(["staff"]),
    ///         _ => user,
    ///     }
    /// });
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// # let roles = Roles::from_names(["staff"])?;
    /// # let staff = RequireRole::new(&roles, "staff")?;
    /// # let app = Router::new().route("/", get(|| async {}));
    /// # let app = app.layer(staff).layer(auth);
    /// # let token = TokenBuilder::first_party(iss, secret, "ann");
    /// # let token = token.audience("api").claim("is_staff", true).sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_user(mut self, map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        self.conventions.user_map = Some(UserMap::new(map));
        self
    }
}
