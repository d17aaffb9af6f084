//! `Key`: what identifies the subject of a request.

mod part;
mod resolve;

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, request};

use crate::context::UserContext;
#[cfg(feature = "login_protection")]
use crate::keys::mac::MacKey;
use crate::rate_limit::key::part::KeyPart;

/// Identifies the [`Subject`](crate::rate_limit::Subject) that a request is counted for. Alternatives are tried in order.
///
/// | key | counts by | a caller evades it with |
/// |---|---|---|
/// | [`user`](Key::user) | verified user | more accounts |
/// | [`user_tenant`](Key::user_tenant) | tenant of the verified user | more tenants |
/// | [`tenant`](Key::tenant) | value read from the verified user | more tenants |
/// | [`ip`](Key::ip) | client address | more addresses |
/// | [`api_key`](Key::api_key) | value of a header | invented keys, unless they are verified first |
/// | [`custom`](Key::custom) | value read from the request head | whatever the caller can choose |
/// | [`global`](Key::global) | nothing: all requests count together | - |
///
/// ```
/// use portcullis::{Quota, RateLimit, rate_limit::Key};
///
/// let key = Key::user().or_ip();
/// let limit = RateLimit::builder().quota(Quota::per_minute(60)?).key(key).build();
/// assert!(limit.is_ok());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// A request that matches no alternative is rejected, so that it cannot evade the limit: with 401 if it is anonymous
/// and the key needs a user, else with 403. Every request has an [address](Key::ip) and a [global](Key::global)
/// subject, so an alternative after these would never be used, and `build()` reports it.
#[derive(Clone)]
#[must_use]
pub struct Key {
    parts: Vec<KeyPart>,
    ipv6_prefix: Option<u8>,
}

impl Key {
    /// Counts by the verified user, identified by issuer and id.
    ///
    /// An authenticating layer must run before this one. Otherwise the response to every request is 500.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, UserContext};
    /// # use portcullis::{rate_limit::Key, testing::as_user};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(1)?)
    ///     .key(Key::user())
    ///     .build()?;
    /// let app: Router = Router::new().route("/", get(|| async {})).layer(limit);
    /// # let request_of = async |user: &str| {
    /// #     let app = app.clone().layer(as_user(UserContext::new(user)));
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(request_of("ann").await, 200);
    /// assert_eq!(request_of("ann").await, 429);
    /// assert_eq!(request_of("bob").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn user() -> Self {
        Self::of(KeyPart::User)
    }

    /// Counts by the client's address; IPv6 addresses by their /64 network, see [`ipv6_prefix`](Self::ipv6_prefix).
    ///
    /// The address is the one that a [`TrustedProxies`](crate::TrustedProxies) layer around this one found, or that of
    /// a [`Stack`](crate::stack::StackBuilder::trusted_proxies): that of the connection, or the one that a trusted
    /// proxy forwards. Without such a layer, the response to every request is 500. It must know your proxies: if it
    /// does not, all clients behind them share one limit.
    ///
    /// axum provides the address of a connection only if the app is served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`. Without it, the response to every request is 500. In
    /// tests, add axum's `MockConnectInfo`. Other servers insert a [`std::net::SocketAddr`] into the request's
    /// extensions.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::{Router, extract::connect_info::MockConnectInfo, routing::get};
    /// use portcullis::{Quota, RateLimit, TrustedProxies, rate_limit::Key};
    /// # use axum::{body::Body, http::Request};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(1)?)
    ///     .key(Key::ip())
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async {}))
    ///     .layer(limit)
    ///     .layer(TrustedProxies::none()); // or new(..), behind proxies
    ///
    /// // In main:
    /// # async fn serve(app: Router, listener: tokio::net::TcpListener) {
    /// let service = app.into_make_service_with_connect_info::<SocketAddr>();
    /// axum::serve(listener, service).await.unwrap();
    /// # }
    ///
    /// // In a test:
    /// let client = SocketAddr::from(([203, 0, 113, 9], 4711));
    /// let app = app.layer(MockConnectInfo(client));
    /// # let request = || Request::get("/").body(Body::empty()).unwrap();
    /// assert_eq!(app.clone().oneshot(request()).await.unwrap().status(), 200);
    /// assert_eq!(app.oneshot(request()).await.unwrap().status(), 429);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ip() -> Self {
        Self::of(KeyPart::Ip)
    }

    /// Counts by an API key, the single value of this header. Stores keep only a hash of it.
    ///
    /// This key does not verify anything, and a caller can invent a new value for each request. Put a layer that
    /// verifies API keys around this one, or add a limit by address. A request without the header, with an empty value
    /// or with two values does not match.
    ///
    /// The layer marks the header as [sensitive](http::HeaderValue::set_sensitive), so a handler that logs the headers
    /// of a request does not log it.
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Limit};
    ///
    /// let key = Key::api_key(HeaderName::from_static("x-api-key"));
    /// let address = Key::ip();
    /// let limit = RateLimit::builder()
    ///     .add_limit(Limit::new("key", Quota::per_hour(1000)?).key(key))
    ///     .add_limit(Limit::new("address", Quota::per_minute(300)?).key(address))
    ///     .build();
    /// assert!(limit.is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[doc(alias("api key", "x-api-key"))]
    pub fn api_key(header: HeaderName) -> Self {
        Self::of(KeyPart::ApiKey(header))
    }

    /// Counts by the [tenant](UserContext::tenant) of the verified user, identified by issuer and tenant.
    ///
    /// All users of a tenant share the limit. A user without a tenant does not match. As with [`user`](Self::user), an
    /// authenticating layer must run before this one.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, UserContext};
    /// # use portcullis::{rate_limit::Key, testing::as_user};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(2)?)
    ///     .key(Key::user_tenant())
    ///     .build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(limit);
    /// # let request_of = async |id: &str, tenant: &str| {
    /// #     let user = UserContext::new(id).with_tenant(tenant);
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(request_of("ann", "acme").await, 200);
    /// assert_eq!(request_of("bob", "acme").await, 200);
    /// assert_eq!(request_of("cleo", "acme").await, 429);
    /// assert_eq!(request_of("ann", "zeta").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn user_tenant() -> Self {
        Self::of(KeyPart::UserTenant)
    }

    /// Counts by the tenant that the function reads from the verified user.
    ///
    /// All users of a tenant share the limit. For the tenant that the issuer's claims name, use
    /// [`user_tenant`](Self::user_tenant).
    ///
    /// A user for which the function returns `None` does not match. As with [`user`](Self::user), an authenticating
    /// layer must run before this one.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ConfigError, Quota, RateLimit, UserContext};
    /// # use portcullis::{rate_limit::Key, testing::as_user};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// // Each client id is a tenant.
    /// let key = Key::tenant(|user| user.client_id().map(str::to_owned));
    /// # let limit = RateLimit::builder().quota(Quota::per_minute(2)?).key(key).build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(limit);
    /// # let request_of = async |id: &str| {
    /// #     let user = UserContext::new(id).with_client_id("acme");
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// # assert_eq!(request_of("ann").await, 200);
    /// # assert_eq!(request_of("bob").await, 200);
    /// # assert_eq!(request_of("cleo").await, 429);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenant(read: impl Fn(&UserContext) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(KeyPart::Tenant(Arc::new(read)))
    }

    /// Counts by the value that the function reads from the request head.
    ///
    /// For `None`, the next alternative of the key is tried. If there is none, the request is rejected with 403
    /// ([`RateLimitKeyMissing`](crate::gate::DenialKind::RateLimitKeyMissing)), and one warning in the log says so. To count such
    /// requests by address, add [`or_ip`](Self::or_ip), here `Key::custom(..).or_ip()`. To admit them uncounted, use
    /// [`Limit::only_if`](crate::rate_limit::Limit::only_if).
    ///
    /// Do not rely on values that the caller can choose freely: with a new value per request it evades the limit. Use
    /// what an outer layer verified and stored in the request's extensions.
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    /// use portcullis::{Quota, RateLimit};
    ///
    /// /// Inserted by the app's own layer, which verifies the device's certificate.
    /// #[derive(Clone)]
    /// struct DeviceId(String);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let by_device =
    ///     Key::custom(|head| Some(head.extensions.get::<DeviceId>()?.0.clone()));
    /// let limit = Limit::new("device", Quota::per_minute(60)?).key(by_device);
    /// let limit = RateLimit::builder().limit(limit).build()?;
    ///
    /// // Other code names the same subject by the value.
    /// let thermostat = Subject::custom("thermostat-7");
    /// assert_eq!(limit.peek(&thermostat).await?[0].used(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn custom(read: impl Fn(&request::Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(KeyPart::Custom(Arc::new(read)))
    }

    /// Counts all requests together, to protect the app or a service behind it.
    ///
    /// One caller can use up such a limit for all others. Combine it with a limit by user or address.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Limit};
    ///
    /// let address = Key::ip();
    /// let limit = RateLimit::builder()
    ///     .add_limit(Limit::new("all", Quota::per_second(200)?).key(Key::global()))
    ///     .add_limit(Limit::new("each", Quota::per_second(5)?).key(address))
    ///     .build();
    /// assert!(limit.is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn global() -> Self {
        Self::of(KeyPart::Global)
    }

    /// Falls back to the client's address; see [`ip`](Self::ip) for the layer that this needs.
    pub fn or_ip(self) -> Self {
        self.or(Self::ip())
    }

    /// Falls back to another key for requests that do not match this one.
    ///
    /// Subjects of different kinds are counted separately: an API key `a` and a user `a` do not share a counter.
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use portcullis::{Quota, RateLimit, rate_limit::Key};
    ///
    /// let api_key = HeaderName::from_static("x-api-key");
    /// let key = Key::user().or(Key::api_key(api_key)).or_ip();
    /// let quota = Quota::per_minute(60)?;
    /// assert!(RateLimit::builder().quota(quota).key(key).build().is_ok());
    ///
    /// // Every request has an address, so no request would fall back to its user.
    /// let wrong = Key::ip().or(Key::user());
    /// let error = RateLimit::builder().quota(quota).key(wrong).build();
    /// assert_eq!(error.unwrap_err().issues()[0].setting(), "key");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn or(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self.ipv6_prefix = self.ipv6_prefix.or(other.ipv6_prefix);
        self
    }

    /// Sets how many leading bits of an IPv6 address identify a client (default 64; from 1 to 128).
    ///
    /// A /64 is usually one household, whose devices change their addresses within it. Use 48 or 56 if providers assign
    /// larger networks to your callers (RFC 6177).
    ///
    /// It does not apply to addresses that stand for an IPv4 host, because a /64 would contain all of them. Those of
    /// NAT64 (`64:ff9b::/96`), 6to4 (`2002::/16`) and Teredo (`2001::/32`) count as the IPv4 address that they embed,
    /// like an IPv4-mapped address. Those of a local NAT64 (`64:ff9b:1::/48`, RFC 8215) each count alone.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit};
    /// use portcullis::rate_limit::{Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = RateLimit::builder()
    ///     .quota(Quota::per_minute(1)?)
    ///     .key(Key::ip().ipv6_prefix(56))
    ///     .build()?;
    /// // Two /64 networks of one /56 network.
    /// let one = Subject::address("2001:db8:0:1::1".parse()?);
    /// let other = Subject::address("2001:db8:0:2::1".parse()?);
    /// assert!(limit.check(&one, 1).await.is_ok());
    /// assert!(limit.check(&other, 1).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = Some(bits);
        self
    }

    /// Accounts, by names that are hashed with this key.
    #[cfg(feature = "login_protection")]
    pub(super) fn of_accounts(names: Arc<MacKey>) -> Self {
        Self::of(KeyPart::Account { names, of_device: false })
    }

    fn of(part: KeyPart) -> Self {
        Self { parts: vec![part], ipv6_prefix: None }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

#[cfg(test)]
mod tests;
