//! `Issuers`: many issuers, which are found while the app runs by the `iss` of their tokens.

pub(crate) mod compiler;
pub(crate) mod finder;
pub(crate) mod found;
pub(crate) mod lookups;
pub(crate) mod pattern;
pub(crate) mod source;
pub(crate) mod table;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::jwt::issuer::Issuer;
use crate::jwt::issuers::finder::IssuerFunction;

/// Many issuers, which are found while the app runs by the `iss` of their tokens.
///
/// Use it for a service whose tenants each have an issuer, if there are too many of them, or they come and go, so that
/// they cannot be listed with [`add_issuer`](crate::jwt::JwtAuthBuilder::add_issuer). There are two ways to find an
/// issuer:
///
/// | the issuers | constructor |
/// |---|---|
/// | are the realms or tenants of one server | [`from_pattern`](Self::from_pattern) |
/// | are anywhere, and the app knows them, for example from a database | [`from_fn`](Self::from_fn) |
///
/// The tenants of Microsoft Entra ID share their keys; for them, use
/// [`Issuer::entra_v2_tenants`](crate::Issuer::entra_v2_tenants).
///
/// # Lookups
///
/// The first token of an issuer waits while the issuer is looked up. Requests for the same issuer share one lookup, and
/// a request whose issuer is known never waits for another one. A lookup takes at most the
/// [`fetch_timeout`](crate::jwt::JwtAuthBuilder::fetch_timeout), including the time until its turn.
///
/// | result | response |
/// |---|---|
/// | the issuer is found | that of any token of a known issuer |
/// | there is no such issuer, which is remembered for 60 seconds | 401 `invalid_token` |
/// | the lookup fails or takes too long | 503 with `Retry-After` |
///
/// Anyone can send tokens with invented issuers, so lookups are limited. For a pattern, at most 8 run at the same time,
/// and after 8 that failed, one may start every two seconds. For a function, at most 16 run at the same time, and after
/// 16 that failed, two may start per second. Above these limits, tokens of unknown issuers are rejected with 401, or
/// with 503 during an outage. Successful lookups do not count as failed.
///
/// During a flood of invented issuers, a new tenant may be rejected as well; tenants whose issuers are known are not
/// affected. After a start, every tenant is new. To keep one client from causing a flood, put a
/// [limit by address](crate::RateLimit) around the layer.
///
/// An issuer whose lookup fails is looked up again after a second, and after twice as long with each further failure, up
/// to 32 seconds, so it does not use up the lookups of others.
///
/// # Memory
///
/// At most 10,000 issuers are cached with their keys, unless [`capacity`](Self::capacity) sets another number. To add
/// one more, the least recently used one is evicted; it is looked up again when it is needed. An
/// issuer that has not verified any token is evicted before the others.
#[derive(Clone, Debug)]
#[must_use]
pub struct Issuers {
    pub(crate) finding: Finding,
    pub(crate) capacity: usize,
    /// `None` for the default, since setting it for a pattern is an error.
    pub(crate) max_age: Option<Duration>,
}

/// How issuers are found.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// By the settings of all of them, with a placeholder in the name.
    Pattern(Box<Issuer>),
    Function {
        prefix: String,
        function: IssuerFunction,
    },
}

impl Issuers {
    /// The issuers of one server, whose names differ in one segment of the path, the placeholder in braces.
    ///
    /// The argument has the settings of all of them. A URL is short for [`Issuer::discover`] with this URL. Other
    /// constructors and presets take the placeholder as well:
    ///
    /// ```
    /// use portcullis::{Issuer, Issuers, JwtAuth, Profile};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// // Each realm publishes metadata.
    /// let realms = Issuers::from_pattern("https://id.example.com/realms/{realm}");
    /// # assert!(JwtAuth::builder().add_issuers(realms).audience("api").build().is_ok());
    ///
    /// // A preset, with an audience of its own.
    /// let keycloak = Issuer::keycloak("https://sso.example.com", "{realm}")
    ///     .audience("orders-api");
    ///
    /// // Keys at a known URL, and further settings.
    /// let tenants = Issuer::jwks(
    ///     "https://auth.example.com/{tenant}",
    ///     "https://auth.example.com/{tenant}/keys.json",
    /// );
    /// let tenants = tenants.profile(Profile::Compatible);
    ///
    /// let auth = JwtAuth::builder()
    ///     .add_issuers(Issuers::from_pattern(keycloak))
    ///     .add_issuers(Issuers::from_pattern(tenants))
    ///     .audience("https://api.example.com")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The placeholder matches 1 to 64 letters, digits, `.`, `_` and `-`, except `.` and `..`. A token with any other
    /// `iss` is rejected without a lookup, and so is one that no issuer of the pattern would accept, for example
    /// because of its audience.
    ///
    /// An issuer exists if its keys can be fetched. They are fetched from the host of the pattern only: metadata that
    /// refers to keys at another host is rejected. A status such as 404 means that there is no such issuer; 401, 407,
    /// 408, 425, 429 and 5xx mean that the server is unavailable.
    ///
    /// **Every realm of the server is accepted**, including one for administrators. So either no other realm may issue
    /// tokens with this audience, or a [user loader](crate::jwt::JwtAuthBuilder::load_user) must check the
    /// [issuer](crate::UserContext::issuer).
    ///
    /// An issuer that was found is accepted as long as its keys are. The tokens of a removed one are rejected after
    /// [`max_stale_keys`](crate::jwt::JwtAuthBuilder::max_stale_keys), or at once after
    /// [`JwtAuth::evict_issuer`](crate::JwtAuth::evict_issuer).
    #[doc(alias("multi-tenant", "realms"))]
    pub fn from_pattern(issuer: impl Into<Issuer>) -> Self {
        Self { finding: Finding::Pattern(Box::new(issuer.into())), capacity: CAPACITY, max_age: None }
    }

    /// The issuers that a function of the app finds, for example in a database.
    ///
    /// The function is called with the `iss` of a token if it begins with the prefix and has at most 512 visible ASCII
    /// characters. **The token has not been verified**: use the text to look up an issuer that the app already knows,
    /// and never fetch from it directly. The function returns `None` if there is no such issuer. The name of the issuer
    /// that it returns must equal this `iss`.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::testing::TokenBuilder;
    /// # use tower::ServiceExt;
    /// use portcullis::{Issuer, Issuers, JwtAuth};
    ///
    /// # async fn find_secret(iss: &str) -> Option<[u8; 32]> {
    /// #     (iss == "https://acme.example.com").then_some([7; 32])
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let customers = Issuers::from_fn("https://", |iss: String| async move {
    ///     // A query to the app's database.
    ///     let secret = find_secret(&iss).await?;
    ///     Some(Issuer::hs256(iss, secret).audience("orders"))
    /// });
    /// let auth = JwtAuth::builder().add_issuers(customers).build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// for (tenant, status) in [("acme", 200), ("evil", 401)] {
    ///     let iss = format!("https://{tenant}.example.com");
    ///     let token = TokenBuilder::first_party(&iss, [7; 32], "ann")
    ///         .audience("orders")
    ///         .sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The function cannot return an error. If the database is unavailable, retry, or await
    /// [`std::future::pending`]: after the [`fetch_timeout`](crate::jwt::JwtAuthBuilder::fetch_timeout), the request is
    /// rejected with 503. `None` would reject valid tokens for a minute.
    ///
    /// The result is used for the [`max_age`](Self::max_age). Before it expires, the function is called again in the
    /// background. So the tokens of an issuer that the app has removed are rejected after that time, or at once after
    /// [`JwtAuth::evict_issuer`](crate::JwtAuth::evict_issuer).
    #[doc(alias("multi-tenant", "resolver"))]
    pub fn from_fn<F, Fut>(prefix: impl Into<String>, find: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<Issuer>> + Send + 'static,
    {
        let function = IssuerFunction(Arc::new(move |name| Box::pin(find(name))));
        let finding = Finding::Function { prefix: prefix.into(), function };
        Self { finding, capacity: CAPACITY, max_age: None }
    }

    /// Sets the number of issuers that are cached (default 10,000, at most 100,000).
    ///
    /// To add one more, the least recently used one is evicted.
    ///
    /// ```
    /// use portcullis::{Issuers, JwtAuth};
    ///
    /// let realms = Issuers::from_pattern("https://id.example.com/realms/{realm}");
    /// let realms = realms.capacity(50_000);
    /// let auth = JwtAuth::builder().add_issuers(realms).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn capacity(mut self, issuers: usize) -> Self {
        self.capacity = issuers;
        self
    }

    /// Sets how long an issuer that the function returned is used (default five minutes).
    ///
    /// It is at least a second and at most a day. An issuer that the app has removed is accepted for at most this time.
    /// For a pattern, `build()` rejects this setting: its issuers are used as long as their keys.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{Issuers, JwtAuth};
    ///
    /// let customers = Issuers::from_fn("https://", async |_| None);
    /// let customers = customers.max_age(Duration::from_secs(60));
    /// let auth = JwtAuth::builder().add_issuers(customers).audience("api");
    /// assert!(auth.build().is_ok());
    /// ```
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

impl Issuers {
    /// Returns the pattern or the prefix.
    pub(crate) fn text(&self) -> &str {
        match &self.finding {
            Finding::Pattern(issuer) => &issuer.name,
            Finding::Function { prefix, .. } => prefix,
        }
    }
}

// About 50 MB if each issuer has two RSA keys.
const CAPACITY: usize = 10_000;
