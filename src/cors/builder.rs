//! `CorsBuilder`: the settings of `Cors`.

mod validate;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::context::OriginSet;
use crate::cors::gate::Cors;
use crate::error::ConfigError;

impl Cors {
    /// Returns a builder. [`origins`](CorsBuilder::origins) or [`any_origin`](CorsBuilder::any_origin) is required.
    pub fn builder() -> CorsBuilder {
        CorsBuilder::default()
    }

    /// Replaces the policy of this layer and all its clones, from the next request on.
    ///
    /// All settings are replaced, not only the ones that the builder sets. So keep a base builder, and reload with a
    /// clone of it. A request that is already being handled finishes with the policy that it started with.
    ///
    /// ```
    /// use portcullis::{Cors, OriginSet};
    ///
    /// let base = Cors::builder().allow_methods(["DELETE"]);
    /// let first = OriginSet::new(["https://a.example"])?;
    /// let cors = base.clone().origins(first).build()?;
    ///
    /// let both = OriginSet::new(["https://a.example", "https://b.example"])?;
    /// cors.reload(base.clone().origins(both))?;
    ///
    /// // An invalid builder changes nothing: here the origins are missing.
    /// assert!(cors.reload(base).is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if [`CorsBuilder::build`] would. The current policy then stays in effect.
    pub fn reload(&self, builder: CorsBuilder) -> Result<(), ConfigError> {
        self.0.store(Arc::new(builder.policy()?));
        Ok(())
    }
}

/// Configures a [`Cors`]. Each setter replaces the previous value.
#[derive(Clone, Debug)]
#[must_use]
pub struct CorsBuilder {
    origins: Origins,
    allows_credentials: bool,
    allows_http_with_credentials: bool,
    methods: Vec<String>,
    allows_any_method: bool,
    request_headers: Vec<String>,
    allows_any_request_header: bool,
    exposed_headers: Vec<String>,
    max_age: Duration,
    is_debug: bool,
}

#[derive(Clone, Debug)]
enum Origins {
    NotSet,
    Any,
    Set(OriginSet),
}

impl Default for CorsBuilder {
    fn default() -> Self {
        Self {
            origins: Origins::NotSet,
            allows_credentials: false,
            allows_http_with_credentials: false,
            methods: Vec::new(),
            allows_any_method: false,
            request_headers: DEFAULT_REQUEST_HEADERS.map(str::to_owned).into(),
            allows_any_request_header: false,
            exposed_headers: Vec::new(),
            max_age: DEFAULT_MAX_AGE,
            is_debug: false,
        }
    }
}

impl CorsBuilder {
    /// Sets the origins whose pages may read responses. Required, unless [`any_origin`](Self::any_origin) is set.
    ///
    /// Each origin that you list is trusted: a script that an attacker injects into one of its pages can read responses
    /// too. [`OriginSet`] describes the patterns for subdomains and ports. A response contains only the origin of its
    /// request, never the list.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{Cors, OriginSet};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let origins = OriginSet::new(["https://*.example.com"])?;
    /// let cors = Cors::builder().origins(origins).build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(cors);
    /// # let of = |origin: &str| {
    /// #     let request = Request::get("/").header("origin", origin).body(Body::empty()).unwrap();
    /// #     tower::ServiceExt::oneshot(app.clone(), request)
    /// # };
    /// # let [ours, foreign] = [of("https://a.example.com").await?, of("https://b.example").await?];
    ///
    /// // The response to a page of https://a.example.com:
    /// let allowed = &ours.headers()["access-control-allow-origin"];
    /// assert_eq!(allowed, "https://a.example.com");
    /// // The response to a page of https://b.example:
    /// assert!(!foreign.headers().contains_key("access-control-allow-origin"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn origins(mut self, origins: OriginSet) -> Self {
        self.origins = Origins::Set(origins);
        self
    }

    /// Lets pages of every origin read responses, without credentials. Use it for public resources.
    ///
    /// Every response then has `Access-Control-Allow-Origin: *` and can be cached for all origins together. Browsers do
    /// not accept `*` if a request carries credentials (Fetch, "CORS check"), so [`build`](Self::build) rejects it
    /// together with [`allow_credentials`](Self::allow_credentials):
    ///
    /// ```
    /// use portcullis::Cors;
    ///
    /// let public = Cors::builder().any_origin();
    /// assert!(public.clone().build().is_ok());
    ///
    /// let error = public.allow_credentials().build().unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "any_origin");
    /// ```
    pub fn any_origin(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    /// Lets pages send credentials that the browser stores (default: off).
    ///
    /// These are cookies, HTTP authentication and client certificates. A page that sends a bearer token itself does not
    /// need this: for Fetch, an `Authorization` header that a script sets is an ordinary header, which is allowed by
    /// default.
    ///
    /// Together with credentials, origins must use https, because an attacker on the network can forge pages served
    /// over http. Loopback hosts are exempt:
    ///
    /// ```
    /// use portcullis::{ConfigError, Cors, OriginSet};
    ///
    /// fn build(origin: &str) -> Result<Cors, ConfigError> {
    ///     let origins = OriginSet::new([origin])?;
    ///     Cors::builder().origins(origins).allow_credentials().build()
    /// }
    /// assert!(build("https://app.example.com").is_ok());
    /// assert!(build("http://localhost:5173").is_ok());
    /// assert!(build("http://app.example.com").is_err());
    /// ```
    pub fn allow_credentials(mut self) -> Self {
        self.allows_credentials = true;
        self
    }

    /// Sets the methods that pages may use besides GET, HEAD and POST (default: none).
    ///
    /// GET, HEAD and POST are always allowed. Methods are case-sensitive. Fetch converts some of them to upper case,
    /// but not PATCH: a page that calls `fetch(url, {method: "patch"})` sends `patch`, which is another method.
    ///
    /// ```
    /// use portcullis::{Cors, OriginSet};
    ///
    /// let origins = OriginSet::new(["https://app.example.com"])?;
    /// let cors = Cors::builder().origins(origins);
    /// assert!(cors.clone().allow_methods(["PUT", "PATCH"]).build().is_ok());
    /// assert!(cors.allow_methods(["patch"]).build().is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn allow_methods(mut self, methods: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.methods = methods.into_iter().map(|method| method.as_ref().to_owned()).collect();
        self.allows_any_method = false;
        self
    }

    /// Lets pages use any method, except CONNECT, TRACE and TRACK, which browsers never send.
    ///
    /// Replaced by a later [`allow_methods`](Self::allow_methods).
    pub fn any_method(mut self) -> Self {
        self.allows_any_method = true;
        self
    }

    /// Sets the request headers that pages may send (default: `Authorization` and `Content-Type`).
    ///
    /// The given names replace the default ones, so repeat those that you need. `Content-Type` is needed for JSON:
    /// without a preflight, a page may send only the media types of forms and plain text.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{Cors, OriginSet};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let cors = Cors::builder()
    ///     .origins(OriginSet::new(["https://app.example.com"])?)
    ///     .allow_headers(["Content-Type", "X-Request-Id"])
    ///     .build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(cors);
    ///
    /// let preflight = Request::options("/")
    ///     .header("origin", "https://app.example.com")
    ///     .header("access-control-request-method", "GET")
    ///     .header("access-control-request-headers", "authorization");
    /// # let preflight = preflight.body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, preflight).await?;
    /// assert_eq!(response.status(), 403, "`Authorization` is not listed");
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.request_headers = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.allows_any_request_header = false;
        self
    }

    /// Lets pages send any request header, `Authorization` included.
    ///
    /// The response to a preflight repeats the requested names instead of sending `*`, which does not include
    /// `Authorization` and does not work with credentials (Fetch, "CORS-preflight fetch"). Replaced by a later
    /// [`allow_headers`](Self::allow_headers).
    pub fn any_header(mut self) -> Self {
        self.allows_any_request_header = true;
        self
    }

    /// Sets further response headers that pages may read (default: none).
    ///
    /// Always readable are the headers that Fetch calls "CORS-safelisted response-header names", and the headers that
    /// explain a rejection: `Retry-After`, `WWW-Authenticate`, the rate-limit headers and the gRPC status.
    ///
    /// `*` exposes every header, but only without credentials: together with them, browsers read it as the name of a
    /// header, so [`build`](Self::build) rejects it.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{Cors, OriginSet};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let cors = Cors::builder()
    ///     .origins(OriginSet::new(["https://app.example.com"])?)
    ///     .expose_headers(["ETag"])
    ///     .build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(cors);
    /// # let request = Request::get("/").header("origin", "https://app.example.com").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    ///
    /// let exposed = response.headers()["access-control-expose-headers"].to_str()?;
    /// assert!(exposed.split(',').any(|name| name == "etag"));
    /// assert!(exposed.split(',').any(|name| name == "retry-after"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn expose_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.exposed_headers = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sets how long a browser may cache a preflight response (default 10 minutes; 0 disables the cache).
    ///
    /// In whole seconds, at most 24 hours. Browsers have lower limits: Chromium caches for at most 2 hours. A browser
    /// that has cached a permission does not notice for that long that the policy was [reloaded](Cors::reload).
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::Cors;
    ///
    /// let cors = Cors::builder().any_origin();
    /// assert!(cors.clone().max_age(Duration::from_secs(7_200)).build().is_ok());
    /// assert!(cors.max_age(Duration::from_millis(1_500)).build().is_err());
    /// ```
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Logs which check a denied preflight failed (default: off).
    ///
    /// The log line, at `info`, names `origin`, `method` or `headers`, and has no value of the request. The response
    /// stays the same, so the log is the only place that shows the reason.
    pub fn debug(mut self) -> Self {
        self.is_debug = true;
        self
    }

    /// Allows [`allow_credentials`](Self::allow_credentials) together with `http` origins other than loopback.
    ///
    /// Dangerous: an attacker on the network can serve a page of such an origin and act with the user's credentials.
    /// Use it only on a network that you control, for example for a test server without certificates.
    ///
    /// ```
    /// use portcullis::{Cors, OriginSet};
    ///
    /// let origins = OriginSet::new(["http://test.example.com"])?;
    /// let cors = Cors::builder().origins(origins).allow_credentials();
    /// assert!(cors.clone().build().is_err());
    /// assert!(cors.dangerously_allow_http_with_credentials().build().is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn dangerously_allow_http_with_credentials(mut self) -> Self {
        self.allows_http_with_credentials = true;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with all of these issues:
    ///
    /// - Neither `origins` nor `any_origin` is set.
    /// - `allow_credentials` is set together with `any_origin`, or with an `http` origin that is not loopback.
    /// - A method or a request header is not a token, or browsers never let a page send it.
    /// - An exposed header is not a token or cannot be exposed.
    /// - `max_age` is not a whole number of seconds from 0 to 86,400.
    pub fn build(self) -> Result<Cors, ConfigError> {
        self.policy().map(|policy| Cors(Arc::new(ArcSwap::from_pointee(policy))))
    }
}

/// What a page needs to send JSON with a bearer token.
const DEFAULT_REQUEST_HEADERS: [&str; 2] = ["authorization", "content-type"];
/// Long enough to spare most preflights of a session, short enough that a new policy soon reaches all browsers.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(600);
