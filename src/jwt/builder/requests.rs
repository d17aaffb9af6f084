//! The setters of `JwtAuthBuilder` for the tokens of requests and for challenges.

use http::HeaderName;

use crate::csrf::gate::Csrf;
use crate::jwt::builder::JwtAuthBuilder;

/// # Requests
impl JwtAuthBuilder {
    /// Admits requests without a token as anonymous (default: they are rejected with 401).
    ///
    /// An invalid token is still rejected. Every route is then open to anonymous users, unless its handler takes a
    /// [`UserContext`](crate::UserContext) or it has a `Require*` layer, such as [`RequireUser`](crate::RequireUser).
    /// To open only some routes, use [`JwtAuth::to_optional`](crate::JwtAuth::to_optional).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// use portcullis::UserContext;
    ///
    /// async fn greet(user: Option<UserContext>) -> String {
    ///     match user {
    ///         Some(user) => format!("Hello, {}", user.id()),
    ///         None => "Hello, stranger".to_owned(),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .optional()
    ///     .build()?;
    /// let app = Router::new().route("/", get(greet)).layer(auth);
    ///
    /// let request = Request::get("/").body(Body::empty())?;
    /// assert_eq!(app.clone().oneshot(request).await?.status(), 200);
    ///
    /// let request = Request::get("/").header("authorization", "Bearer a.b.c");
    /// let response = app.oneshot(request.body(Body::empty())?).await?;
    /// assert_eq!(response.status(), 401, "an invalid token is not ignored");
    /// # Ok(())
    /// # }
    /// ```
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Also reads the token from this cookie (default: only from the `Authorization` header).
    ///
    /// An empty cookie is no token. A request with a token in both places is rejected with 400 (RFC 6750 §2). Browsers
    /// send cookies with requests that other sites cause, so a request with the token in the cookie gets 403 if it may
    /// change something and is not from a page of the app: see [`csrf`](Self::csrf). The prefix `__Host-` keeps
    /// subdomains from setting the cookie.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
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
    ///     .cookie("__Host-token")
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let request = Request::get("/")
    ///     .header("cookie", format!("theme=dark; __Host-token={token}"))
    ///     .body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// Reads the token from this header instead of `Authorization`, without a scheme before it.
    ///
    /// `HeaderName::from_static` takes the name in lower case, and panics if it has other letters.
    ///
    /// Use it behind a proxy that authenticates users and adds a signed token to each request. Describe the proxy by
    /// [`Issuer::jwks`](crate::Issuer::jwks) with the profile [`Compatible`](crate::Profile::Compatible):
    ///
    /// - Identity-Aware Proxy of Google, in `x-goog-iap-jwt-assertion`: issuer `https://cloud.google.com/iap`, keys at
    ///   `https://www.gstatic.com/iap/verify/public_key-jwk`, an audience such as
    ///   `/projects/123/global/backendServices/456`, algorithm ES256.
    /// - Cloudflare Access, in `cf-access-jwt-assertion`: issuer `https://<team>.cloudflareaccess.com`, keys at
    ///   `<issuer>/cdn-cgi/access/certs`, the AUD tag of the application as audience, algorithm RS256.
    ///
    /// The proxy adds the header to every request of a browser, even to those that other sites cause. So a request gets
    /// 403 if it may change something and is not from a page of the app, as with a [cookie](Self::cookie). See
    /// [`csrf`](Self::csrf), also for programs that call the app through the proxy.
    ///
    /// `Authorization` is ignored, since the proxy may use it. Two values of the header are rejected with 400. A 401
    /// still has a challenge for `Bearer`, because RFC 9110 §15.5.2 requires one. In an [`AnyOf`](crate::AnyOf), a
    /// credential that the client sends itself takes precedence. This setting cannot be combined with `cookie` and
    /// [`websocket_protocol`](Self::websocket_protocol).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::testing::TestIssuer;
    /// # use tower::ServiceExt;
    /// use http::HeaderName;
    /// use portcullis::{Issuer, JwtAuth, Profile};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let iss = "https://cloud.google.com/iap";
    /// let keys = "https://www.gstatic.com/iap/verify/public_key-jwk";
    /// # let proxy = TestIssuer::start().await?;
    /// # let token = proxy.token("accounts.google.com:117").audience("/projects/1/apps/acme");
    /// # let url = proxy.jwks_url();
    /// # let (token, iss, keys) = (token.sign(), proxy.url(), url.as_str());
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::jwks(iss, keys).profile(Profile::Compatible))
    ///     .audience("/projects/1/apps/acme")
    ///     .header(HeaderName::from_static("x-goog-iap-jwt-assertion"))
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let request = Request::get("/")
    ///     .header("x-goog-iap-jwt-assertion", token)
    ///     .body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = Some(name);
        self
    }

    /// Also reads the token of a WebSocket from its subprotocols (default: they are not read).
    ///
    /// A script in a browser cannot set `Authorization` when it opens a WebSocket. It passes the token as the protocol
    /// after `name`: `new WebSocket(url, ["bearer", token])`. The form of the Kubernetes API server works too, in which
    /// one protocol is `base64url.bearer.authorization.<name>.<token in base64url>`. Other protocols may follow.
    ///
    /// The protocols are read only from a GET with `Upgrade: websocket`, or an extended CONNECT (RFC 8441). A request
    /// that also has an `Authorization` header or a token in the [cookie](Self::cookie) is rejected with 400; so is one
    /// with `name` and no protocol after it. The handler does not see the token. It still sees `name`, and should select
    /// it, since browsers close a socket if the server selects none of their protocols. If a response selects the token,
    /// its `Sec-WebSocket-Protocol` header is removed.
    ///
    /// No browser adds this credential by itself, so the page needs no check: a page of another site does not know the
    /// token. A [`Csrf`](crate::Csrf) layer still checks `Origin`.
    ///
    /// ```
    /// # use axum::body::Body;
    /// # use axum::http::Request;
    /// # use portcullis::testing::TestIssuer;
    /// # use tower::ServiceExt;
    /// use axum::extract::ws::WebSocketUpgrade;
    /// use axum::{Router, response::Response, routing::any};
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// async fn open(upgrade: WebSocketUpgrade) -> Response {
    ///     upgrade.protocols(["bearer"]).on_upgrade(async |_socket| {})
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TestIssuer::start().await?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::discover(issuer.url()))
    ///     .audience("api")
    ///     .websocket_protocol("bearer")
    ///     .build()?;
    /// let app: Router = Router::new().route("/", any(open)).layer(auth);
    /// # let token = issuer.token("ann").audience("api").sign();
    /// # for (protocols, status) in [("bearer, a.b.c".to_owned(), 401), (format!("bearer, {token}"), 426)] {
    /// #     let request = Request::get("/").header("connection", "upgrade").header("upgrade", "websocket");
    /// #     let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "a");
    /// #     let request = request.header("sec-websocket-protocol", protocols);
    /// #     let response = app.clone().oneshot(request.body(Body::empty())?).await?;
    /// #     assert_eq!(response.status(), status, "without a connection, axum cannot upgrade it");
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn websocket_protocol(mut self, name: impl Into<String>) -> Self {
        self.websocket_protocol = Some(name.into());
        self
    }

    /// Sets which pages are trusted (default: those of the app's own origin).
    ///
    /// Requests with the token in the [cookie](Self::cookie) or in the [header](Self::header) of a proxy are checked.
    /// Set this to trust other origins too, such as that of a single-page app on a sibling domain.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// use portcullis::{Csrf, OriginSet};
    ///
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let origins = OriginSet::new(["https://app.example.com"])?;
    /// let csrf = Csrf::builder().origins(origins).build()?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .cookie("__Host-token")
    ///     .csrf(csrf)
    ///     .build();
    /// assert!(auth.is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = Some(csrf);
        self
    }

    /// Sets the realm of challenges in `WWW-Authenticate` (RFC 9110 §11.5, default `api`).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .audience("api")
    ///     .realm("billing")
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let request = Request::get("/").body(Body::empty())?;
    /// let response = app.oneshot(request).await?;
    /// let challenge = &response.headers()["www-authenticate"];
    /// assert_eq!(challenge, r#"Bearer realm="billing""#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Sets the maximum length of a token in bytes (default 16,384, at most 65,536).
    ///
    /// A longer token is rejected. The length is checked before the token is parsed. Tokens with hundreds of groups may
    /// need a higher limit here and in the server, whose limit for the whole request head applies first.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_token_len = bytes;
        self
    }

    /// Sets the capacity of the verified-token cache (default 4,096 tokens; 0 disables it).
    ///
    /// The capacity is at most 1,048,576. A cached token is accepted without another signature check until it expires
    /// or its issuer publishes other keys. [`map_user`](crate::Issuer::map_user) and [`load_user`](Self::load_user)
    /// still run on every request. Tokens of more than 8,192 bytes are not cached.
    ///
    /// The capacity is divided into one shard per processor, at most 16, and each thread uses one shard. So a token
    /// that two threads receive may be cached twice, and a single-threaded runtime uses only one shard of the capacity.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth};
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// let builder = JwtAuth::builder().issuer(issuer).audience("api");
    /// // Every request checks the signature.
    /// let auth = builder.token_cache_capacity(0).build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn token_cache_capacity(mut self, tokens: usize) -> Self {
        self.token_cache_capacity = tokens;
        self
    }
}
