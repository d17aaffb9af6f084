//! The setters of `JwtAuthBuilder` for issuers, audiences and the times of tokens.

use std::time::Duration;

use crate::jwt::builder::JwtAuthBuilder;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuers::Issuers;

/// # Issuers and audiences
impl JwtAuthBuilder {
    /// Sets the issuer whose tokens are accepted (required).
    ///
    /// A URL is short for [`Issuer::discover`]. The other constructors of [`Issuer`] list the ways to provide its keys,
    /// and presets for identity providers.
    ///
    /// ```
    /// use portcullis::JwtAuth;
    ///
    /// let auth = JwtAuth::builder()
    ///     .issuer("https://auth.example.com")
    ///     .audience("https://api.example.com")
    ///     .build();
    /// assert!(auth.is_ok());
    ///
    /// let auth = JwtAuth::builder().issuer("auth").audience("api").build();
    /// let error = auth.unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "Issuer::discover");
    /// ```
    pub fn issuer(mut self, issuer: impl Into<Issuer>) -> Self {
        self.issuers = vec![issuer.into()];
        self
    }

    /// Adds an issuer whose tokens are accepted.
    ///
    /// A token is verified with the keys of the issuer that its `iss` names, and with no others (RFC 8725 §3.8). Two
    /// issuers may give different users the same id, so an app with several issuers identifies a user by
    /// [`UserContext::issuer`](crate::UserContext::issuer) and [`id`](crate::UserContext::id) together.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// let staff = Issuer::entra_v2("72f988bf-86f1-41af-91ab-2d7cd011db47")
    ///     .audience("11111111-2222-3333-4444-555555555555");
    /// let customers = Issuer::auth0("shop.eu.auth0.com")
    ///     .audience("https://api.example.com");
    /// let auth = JwtAuth::builder()
    ///     .add_issuer(staff)
    ///     .add_issuer(customers)
    ///     .build()?;
    /// assert!(!auth.is_ready(), "the keys have not been fetched");
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_issuer(mut self, issuer: impl Into<Issuer>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Adds many issuers, which are found while the app runs by the `iss` of their tokens (default: none).
    ///
    /// An issuer that was added with [`add_issuer`](Self::add_issuer) is preferred. If several patterns or prefixes
    /// match an `iss`, only the first is used.
    ///
    /// ```
    /// use portcullis::{Issuer, Issuers, JwtAuth};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let realms = Issuers::from_pattern("https://id.example.com/realms/{realm}");
    /// let auth = JwtAuth::builder()
    ///     .issuer("https://staff.example.com")
    ///     .add_issuers(realms)
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_issuers(mut self, issuers: Issuers) -> Self {
        self.sources.push(issuers);
        self
    }

    /// Sets the audience: the `aud` value of tokens for this app (RFC 7519 §4.1.3).
    ///
    /// Required here or for [each issuer](Issuer::audience), whose own audiences replace this one. Without this check,
    /// any API that receives a token of the issuer could use it at this app (RFC 8725 §3.9). The comparison is exact:
    /// `https://api.example.com/` is another audience than `https://api.example.com`.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// use portcullis::gate::{Denial, DenialKind, TokenError};
    /// use portcullis::testing::TokenBuilder;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("https://billing.example.com")
    ///     .sign();
    /// let request = Request::get("/")
    ///     .header("authorization", format!("Bearer {token}"))
    ///     .body(Body::empty())?;
    /// let response = app.oneshot(request).await?;
    /// let denial = response.extensions().get::<Denial>().unwrap();
    /// assert_eq!(denial.detail(), "the token is for another audience");
    /// # let kind = DenialKind::InvalidToken(TokenError::Audience);
    /// # assert_eq!(denial.kind(), &kind);
    /// # Ok(())
    /// # }
    /// ```
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences. A token is accepted if its `aud` names at least one of them.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audiences(["https://api.example.com", "https://api.example.org"])
    ///     .build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn audiences(mut self, audiences: impl IntoIterator<Item: Into<String>>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an audience. A token is accepted if its `aud` names at least one of them.
    ///
    /// Use it while clients move from an old name of the API to a new one.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("https://api.example.com")
    ///     .add_audience("https://example.com/api/v1")
    ///     .build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the tolerated difference between the issuer's clock and the app's (default 60 seconds).
    ///
    /// A token is accepted until `exp` plus this time, and from `nbf` and `iat` minus this time (RFC 7519 §4.1.4,
    /// §4.1.5, §4.1.6). At most five minutes: RFC 9068 §4 permits no more than a few.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// use std::time::Duration;
    /// use portcullis::testing::{FakeClock, TokenBuilder};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// # let issuer = Issuer::hs256(iss, secret).first_party();
    /// let fake = FakeClock::new();
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .leeway(Duration::from_secs(10))
    ///     .clock(fake.clock())
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let token = TokenBuilder::first_party(iss, secret, "ann").audience("api");
    /// let token = token.expires_in(Duration::from_secs(300)).sign();
    /// for (seconds, status) in [(304, 200), (8, 401)] {
    ///     fake.advance(Duration::from_secs(seconds));
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }
}
