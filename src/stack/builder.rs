//! `StackBuilder`: the gates of a `Stack`, and the checks that they can work in their places.

use crate::context::{RoutePattern, TrustedProxies};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Gate, Pair};
use crate::ip_filter::gate::IpFilter;
use crate::stack::gate::{NoAuth, Stack};
use crate::stack::layers::{Cors, RateLimit, SecurityHeaders};
use crate::stack::open_routes::{self, ExceptOpenRoutes};

/// Builds a [`Stack`]. The setters may be called in any order; a second call replaces the first.
///
/// Each setter takes a finished layer, so that each layer reports its own invalid settings. `A` is the gate that
/// authenticates.
#[derive(Clone, Debug)]
#[must_use]
pub struct StackBuilder<A = NoAuth> {
    proxies: Option<TrustedProxies>,
    headers: Option<SecurityHeaders>,
    cors: Option<Cors>,
    ip_filter: Option<IpFilter>,
    by_address: Option<RateLimit>,
    authenticate: A,
    open: Option<Vec<RoutePattern>>,
    by_user: Option<RateLimit>,
    has_user: bool,
}

impl Stack {
    /// Returns a builder without any layer. At least one is required.
    pub fn builder() -> StackBuilder {
        StackBuilder {
            proxies: None,
            headers: None,
            cors: None,
            ip_filter: None,
            by_address: None,
            authenticate: NoAuth::new(),
            open: None,
            by_user: None,
            has_user: false,
        }
    }
}

impl<A: Gate> StackBuilder<A> {
    /// Sets the proxies whose forwarding headers report the client's address and scheme.
    ///
    /// It is the only place where proxies are set: limits with [`Key::ip`](crate::rate_limit::Key::ip) and handlers
    /// with a [`ClientAddr`](crate::ClientAddr) use the address that this layer finds, and [`SecurityHeaders`] the
    /// scheme, in inner routers too. Such limits require it; without proxies, pass [`TrustedProxies::none`].
    ///
    /// axum provides the address of the connection only if the app is served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{ClientAddr, Stack, TrustedProxies};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let proxies = TrustedProxies::new(["10.0.0.0/8"])?;
    /// let stack = Stack::builder().trusted_proxies(proxies).build()?;
    /// async fn ip(client: ClientAddr) -> String {
    ///     client.to_string()
    /// }
    /// let app: Router = Router::new().route("/ip", get(ip)).layer(stack);
    ///
    /// let request = Request::get("/ip").header("x-forwarded-for", "203.0.113.9");
    /// let proxy = SocketAddr::from(([10, 0, 0, 1], 443));
    /// # let request = request.extension(proxy).body(Body::empty()).unwrap();
    /// # let response = app.oneshot(request).await.unwrap();
    /// # let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    /// assert_eq!(body, "203.0.113.9");
    /// # Ok(())
    /// # }
    /// ```
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Sets the layer that adds security headers to every response, including rejections by inner layers.
    #[cfg(feature = "headers")]
    pub fn security_headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets the CORS policy: which pages of other origins may read responses.
    ///
    /// It runs before authentication, because a preflight carries no credentials.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::Request, routing::put};
    /// use portcullis::{Cors, OriginSet, Stack, testing::as_anonymous};
    /// # use portcullis::RequireUser;
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let origins = OriginSet::new(["https://app.example.com"])?;
    /// let cors = Cors::builder().origins(origins).allow_methods(["PUT"]);
    /// let stack = Stack::builder().cors(cors.build()?).authenticate(as_anonymous());
    /// let app: Router = Router::new()
    ///     .route("/", put(|| async {}).layer(RequireUser::new()))
    ///     .layer(stack.build()?);
    ///
    /// let preflight = Request::options("/")
    ///     .header("origin", "https://app.example.com")
    ///     .header("access-control-request-method", "PUT");
    /// # let preflight = preflight.body(Body::empty()).unwrap();
    /// let response = app.oneshot(preflight).await.unwrap();
    /// assert_eq!(response.status(), 204);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "cors")]
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets the layer that allows or denies requests by the client's address, before rate limits and authentication.
    ///
    /// It requires [`trusted_proxies`](Self::trusted_proxies). Keep a clone of the filter to
    /// [reload](IpFilter::reload) its lists.
    ///
    /// ```
    /// use portcullis::{IpFilter, Stack, TrustedProxies};
    ///
    /// let filter = IpFilter::builder().deny(["192.0.2.0/24"]).build()?;
    /// let builder = Stack::builder().ip_filter(filter);
    /// assert!(builder.clone().build().is_err());
    /// assert!(builder.trusted_proxies(TrustedProxies::none()).build().is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn ip_filter(mut self, filter: IpFilter) -> Self {
        self.ip_filter = Some(filter);
        self
    }

    /// Sets a rate limit that runs before authentication and so bounds the work of verifying tokens.
    ///
    /// Its key may be the client's address, an API key or the global key, but not the user, because no user is known
    /// yet. CORS preflights are not charged, because [`Cors`] responds to them first.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, Stack, TrustedProxies};
    /// use portcullis::{rate_limit::Key, testing::as_anonymous};
    ///
    /// let quota = Quota::per_minute(600)?;
    /// let by_address = RateLimit::builder().quota(quota).key(Key::ip()).build()?;
    /// let by_user = RateLimit::builder().quota(quota).key(Key::user()).build()?;
    ///
    /// let builder = Stack::builder()
    ///     .trusted_proxies(TrustedProxies::none())
    ///     .authenticate(as_anonymous());
    /// assert!(builder.clone().limit_by_address(by_address).build().is_ok());
    /// let error = builder.limit_by_address(by_user).build().unwrap_err();
    /// assert_eq!(error.issues()[0].remedy(), "pass it to limit_by_user");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[cfg(feature = "rate_limit")]
    pub fn limit_by_address(mut self, limit: RateLimit) -> Self {
        self.by_address = Some(limit);
        self
    }

    /// Sets the gate that authenticates: a [`JwtAuth`](crate::JwtAuth), an [`AnyOf`](crate::AnyOf), a custom gate, or in
    /// tests [`as_user`](crate::testing::as_user).
    ///
    /// A custom gate inserts a [`Visitor`](crate::context::Visitor) into the request's extensions and honors
    /// [`NoStore`](crate::context::NoStore). If it writes no response headers, it says so in
    /// [`Gate::response_headers`], which makes the stack faster.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::{Request, request}, routing::get};
    /// use portcullis::context::{Realm, Visitor};
    /// use portcullis::gate::{Entry, Gate, ResponseHeaders};
    /// use portcullis::{RequireUser, Stack, UserContext};
    /// # use tower::ServiceExt;
    ///
    /// /// Trusts a header that only the proxy in front of the app can set.
    /// #[derive(Clone)]
    /// struct ProxyAuth;
    ///
    /// impl Gate for ProxyAuth {
    ///     type Pass = ();
    ///
    ///     fn enter(&self, head: &mut request::Parts) -> Entry<()> {
    ///         let id = head.headers.get("x-verified-user");
    ///         head.extensions.insert(match id.and_then(|id| id.to_str().ok()) {
    ///             Some(id) => Visitor::authenticated(UserContext::new(id)),
    ///             None => Visitor::anonymous(Realm::default()),
    ///         });
    ///         Entry::Admit(())
    ///     }
    ///
    ///     fn response_headers(&self) -> ResponseHeaders {
    ///         ResponseHeaders::none()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let stack = Stack::builder().authenticate(ProxyAuth).build()?;
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async {}).layer(RequireUser::new()))
    ///     .layer(stack);
    /// let request = Request::get("/").header("x-verified-user", "ann");
    /// # let request = request.body(Body::empty()).unwrap();
    /// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn authenticate<B: Gate>(self, gate: B) -> StackBuilder<B> {
        StackBuilder {
            proxies: self.proxies,
            headers: self.headers,
            cors: self.cors,
            ip_filter: self.ip_filter,
            by_address: self.by_address,
            authenticate: gate,
            open: self.open,
            by_user: self.by_user,
            has_user: true,
        }
    }

    /// Sets the routes that need no credential, such as a login or a health check (default: the gate decides alone).
    ///
    /// All other routes, and the fallback, then require a user, even if the gate is an
    /// [optional](crate::jwt::JwtAuthBuilder::optional) `JwtAuth`.
    ///
    /// A route is written as in the router, with its full path: `/docs/{*path}`, or `/api/login` for a route `/login`
    /// of a router that is nested at `/api`. `GET /reports` opens one method of a route, and its other methods stay
    /// closed. GET includes HEAD, as in axum.
    ///
    /// On an open route, a credential is not read, so an expired cookie does not keep its user from the login page:
    /// every caller is anonymous. The headers `Authorization` and `Cookie` are marked as
    /// [sensitive](http::HeaderValue::set_sensitive) all the same. All other layers still apply. A `Require*` layer or
    /// a `UserContext` in a handler responds with 500 there, and the log names the mistake, unless an inner layer
    /// authenticates.
    ///
    /// The method counts that the request has at the stack, so put a middleware that changes methods around it. The
    /// route that the router matched decides. `//health`, `/health/` and `/%68ealth` are other routes for axum, and
    /// stay closed. Around a router, or without one, only routes without parameters can be open, and the path must be
    /// exactly the same.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{Issuer, JwtAuth, Stack};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret = [7; 32];
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::hs256("https://auth.example.com", secret))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// let stack = Stack::builder()
    ///     .authenticate(auth)
    ///     .open(["/health", "GET /posts/{id}"])
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/account", get(|| async {}))
    ///     .route("/health", get(|| async {}))
    ///     .route("/posts/{id}", get(|| async {}).delete(|| async {}))
    ///     .layer(stack);
    ///
    /// let status = async |method: &str, path: &str| {
    ///     let request = Request::builder().method(method).uri(path);
    ///     let request = request.body(Body::empty()).unwrap();
    ///     app.clone().oneshot(request).await.unwrap().status()
    /// };
    /// assert_eq!(status("GET", "/health").await, 200);
    /// assert_eq!(status("GET", "/posts/7").await, 200);
    /// assert_eq!(status("DELETE", "/posts/7").await, 401);
    /// assert_eq!(status("GET", "/account").await, 401);
    /// assert_eq!(status("GET", "/unknown").await, 401);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<R>(mut self, routes: impl IntoIterator<Item = R>) -> Self
    where
        R: Into<String>,
    {
        self.open = Some(RoutePattern::all(routes));
        self
    }

    /// Sets a rate limit that runs after authentication.
    ///
    /// Its key may be the user or a claim, and its quotas may differ by tier.
    ///
    /// If authentication is optional, let the key fall back to the address:
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, Stack, TrustedProxies};
    /// use portcullis::{rate_limit::Key, testing::as_anonymous};
    ///
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_hour(1000)?)
    ///     .key(Key::user().or_ip())
    ///     .build()?;
    ///
    /// let builder = Stack::builder().trusted_proxies(TrustedProxies::none());
    /// let builder = builder.limit_by_user(limit);
    /// // Without authentication, no user is known.
    /// assert!(builder.clone().build().is_err());
    /// // In an app, an optional `JwtAuth`.
    /// assert!(builder.authenticate(as_anonymous()).build().is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[cfg(feature = "rate_limit")]
    pub fn limit_by_user(mut self, limit: RateLimit) -> Self {
        self.by_user = Some(limit);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a rate limit needs a user but no gate authenticates one before it, if a rate limit or
    /// a filter needs the client's address but [`trusted_proxies`](Self::trusted_proxies) is not set, or if no layer is
    /// set. A limit needs a user if its key is [`user`](crate::rate_limit::Key::user) or
    /// [`tenant`](crate::rate_limit::Key::tenant), or if its quota depends on the tier. It needs the address if its key
    /// is [`ip`](crate::rate_limit::Key::ip) or falls back to it.
    ///
    /// With [open](Self::open) routes, it also returns an error if a route is malformed or named twice, if the list is
    /// empty, if no gate authenticates, or if a limit by user would reject every request for an open route.
    ///
    /// ```
    /// use portcullis::Stack;
    ///
    /// let error = Stack::builder().build().unwrap_err();
    /// assert_eq!(error.issues()[0].reason(), "no layer is set");
    /// ```
    pub fn build(self) -> Result<Stack<A>, ConfigError> {
        let mut issues = ConfigIssues::default();
        if needs_user(self.by_address.as_ref()) {
            let reason = "the limit needs a user, and none is known before authentication";
            let remedy = "pass it to limit_by_user";
            issues.add(ConfigIssue::new("limit_by_address", IssueKind::Prohibited, reason, remedy));
        }
        if needs_user(self.by_user.as_ref()) && !self.has_user {
            let reason = "the limit needs a user, and no gate authenticates one";
            let remedy = "call authenticate(..), or give the limit another key";
            issues.add(ConfigIssue::new("limit_by_user", IssueKind::Missing, reason, remedy));
        }
        open_routes::validate(self.open.as_deref(), self.has_user, &mut issues);
        let user_limit = self.by_user.as_ref();
        if self.open.as_deref().is_some_and(|open| user_limit.is_some_and(|limit| limit.requires_user_on(open))) {
            let reason = "the limit counts only by user, and no user is known on open routes";
            let remedy = "let its key fall back to the address with or_ip(), or exempt the open routes";
            issues.add(ConfigIssue::new("limit_by_user", IssueKind::Prohibited, reason, remedy));
        }
        let limits = [&self.by_address, &self.by_user];
        let needs_address = self.ip_filter.is_some() || limits.into_iter().flatten().any(RateLimit::needs_address);
        if self.proxies.is_none() && needs_address {
            let reason = "a layer needs the client's address, which proxies may forward";
            let remedy = "pass the proxies in front of the app, or TrustedProxies::none() if there is none";
            issues.add(ConfigIssue::new("trusted_proxies", IssueKind::Missing, reason, remedy));
        }
        if !self.has_any_layer() {
            let remedy = "call at least one setter, such as authenticate or security_headers";
            issues.add(ConfigIssue::new("Stack::builder", IssueKind::Missing, "no layer is set", remedy));
        }
        issues.into_result(|| {
            // A setting that is missing is an `Option` in its place, which admits every request: one type for all
            // stacks with the same `A`.
            let connection = Pair::new(self.proxies, self.headers);
            let outer = Pair::new(Pair::new(self.cors, self.ip_filter), self.by_address);
            let authenticate = ExceptOpenRoutes::new(self.authenticate, self.open);
            Stack::new(connection, outer, authenticate, self.by_user)
        })
    }

    fn has_any_layer(&self) -> bool {
        self.proxies.is_some()
            || self.headers.is_some()
            || self.cors.is_some()
            || self.ip_filter.is_some()
            || self.by_address.is_some()
            || self.has_user
            || self.by_user.is_some()
    }
}

/// Whether a limit has a key or quotas that require a user.
fn needs_user(limit: Option<&RateLimit>) -> bool {
    limit.is_some_and(RateLimit::needs_user)
}
