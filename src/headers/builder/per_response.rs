//! The setters of `SecurityHeadersBuilder` whose effect depends on the request or on the handler's response.

use crate::headers::builder::SecurityHeadersBuilder;

/// Settings about the request and the handler's response.
impl SecurityHeadersBuilder {
    /// Sets the names of the headers that are removed from every response (default: none).
    ///
    /// Most presets remove `Server` and `X-Powered-By`. [`OWASP_REMOVED`](crate::headers::OWASP_REMOVED) is a longer
    /// list. A header that a proxy adds afterwards cannot be removed here.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::OWASP_REMOVED;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::api().strip(OWASP_REMOVED).build()?;
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { [("x-generator", "acme 1.0")] }))
    ///     .layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// assert!(!response.headers().contains_key("x-generator"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn strip(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.stripped = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sets the names of the headers that replace the handler's (default: none).
    ///
    /// By default, the handler's headers are kept. With this setting, no handler can loosen the app's policy:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::api()
    ///     .override_handler(["x-frame-options"])
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { [("x-frame-options", "ALLOWALL")] }))
    ///     .layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// assert_eq!(response.headers()["x-frame-options"], "DENY");
    /// # Ok(())
    /// # }
    /// ```
    pub fn override_handler(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.overridden = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sends `Cache-Control: no-store` with responses to authenticated users (default: off).
    ///
    /// Every preset except `helmet` turns it on. A `Cache-Control` header that the handler sets is kept, except that an
    /// event stream always has `no-store`. The layer that authenticates writes it, because only it knows whether the
    /// request is authenticated; a custom gate does so with [`NoStore`](crate::context::NoStore).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::{SecurityHeaders, UserContext, testing::as_user};
    /// use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let app = Router::new().route("/", get(|| async { "private" }));
    /// let headers = SecurityHeaders::builder().no_store().build()?;
    /// let user = as_user(UserContext::new("ann"));
    /// # let request = || Request::get("/").body(Body::empty());
    ///
    /// let public: Router = app.clone().layer(headers.clone());
    /// # let response = public.oneshot(request()?).await?;
    /// assert!(!response.headers().contains_key("cache-control"));
    ///
    /// let private: Router = app.layer(user).layer(headers);
    /// # let response = private.oneshot(request()?).await?;
    /// assert_eq!(response.headers()["cache-control"], "no-store");
    /// # Ok(())
    /// # }
    /// ```
    pub fn no_store(mut self) -> Self {
        self.is_no_store = true;
        self
    }

    /// Treats every request as if it came over https (default: detected for each request).
    ///
    /// Use it if clients can reach the app only over https. Without it, a request counts as https if its URI says so in
    /// HTTP/2 or HTTP/3, or if a trusted proxy reports it: see [`TrustedProxies`](crate::TrustedProxies), whose layer
    /// must be around this one. A [`Stack`](crate::Stack) puts it there.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use axum::extract::connect_info::MockConnectInfo;
    /// # use std::net::SocketAddr;
    /// use portcullis::{SecurityHeaders, TrustedProxies};
    /// use tower::ServiceBuilder;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let layers = ServiceBuilder::new()
    ///     .layer(TrustedProxies::new(["10.0.0.0/8"])?)
    ///     .layer(SecurityHeaders::api().build()?);
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(layers);
    /// # let app = app.layer(MockConnectInfo(SocketAddr::from(([10, 0, 0, 7], 443))));
    ///
    /// // A request from 10.0.0.7:
    /// let request = Request::get("/").header("x-forwarded-proto", "https");
    /// # let request = request.body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// assert!(response.headers().contains_key("strict-transport-security"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn assume_https(mut self) -> Self {
        self.assumes_https = true;
        self
    }
}
