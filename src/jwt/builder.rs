//! `JwtAuthBuilder`: the settings of a `JwtAuth`, and every issue with them.

mod key_source;
mod validate;

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::context::{Realm, Roles, Tier, Tiers, UserContext};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::jwt::algorithm::Algorithm;
use crate::jwt::gate::JwtAuth;
use crate::jwt::issuer::trusted::{IssuerKeys, TrustedIssuer};
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::policy::Policy;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::fetch::{Fetch, HttpClient};
use crate::jwt::token::header_cache::HeaderCache;
use crate::jwt::token_cache::TokenCache;
use crate::jwt::user_loader::{LoadError, UserLoader};

impl JwtAuth {
    /// Configures a layer. An issuer and an audience are required.
    pub fn builder() -> JwtAuthBuilder {
        JwtAuthBuilder::default()
    }
}

/// Configures a [`JwtAuth`].
///
/// A setter replaces the previous value, except for the setters that begin with `add_`.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Issuer, JwtAuth};
///
/// let auth = JwtAuth::builder()
///     .issuer(Issuer::hs256("https://app.example.com", *b"a secret of at least 32 random bytes"))
///     .audience("https://api.example.com")
///     .leeway(Duration::from_secs(30))
///     .cookie("__Host-token")
///     .build();
/// assert!(auth.is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtAuthBuilder {
    issuers: Vec<Issuer>,
    audiences: Vec<String>,
    leeway: Duration,
    max_token_len: usize,
    max_stale_keys: Duration,
    optional: bool,
    cookie: Option<String>,
    realm: Option<String>,
    tiers: Option<Tiers>,
    default_tier: Option<Tier>,
    roles: Option<Roles>,
    loader: Option<UserLoader>,
    token_cache_capacity: usize,
    client: Option<HttpClient>,
    clock: Clock,
}

impl Default for JwtAuthBuilder {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway: LEEWAY,
            max_token_len: MAX_TOKEN_LEN,
            max_stale_keys: MAX_STALE_KEYS,
            optional: false,
            cookie: None,
            realm: None,
            tiers: None,
            default_tier: None,
            roles: None,
            loader: None,
            token_cache_capacity: TOKEN_CACHE_CAPACITY,
            client: None,
            clock: Clock::system(),
        }
    }
}

impl JwtAuthBuilder {
    /// Sets the issuer whose tokens are accepted (required).
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers = vec![issuer];
        self
    }

    /// Adds an issuer whose tokens are accepted, each verified with the keys of its own issuer only.
    pub fn add_issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets the audience: the `aud` value of tokens for this app (RFC 7519 §4.1.3).
    ///
    /// Required here or for [each issuer](Issuer::audience).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = vec![audience.into()];
        self
    }

    /// Adds an audience: a token for any one of them is accepted.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the tolerated difference between the clocks of issuer and app (default 60 seconds, at most five minutes).
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets the maximum length of a token in bytes (default 16,384, at most 65,536). A longer token is rejected.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_token_len = bytes;
        self
    }

    /// Sets how long published keys stay in use after they are due for a refresh (default 24 hours).
    ///
    /// Keys are [refreshed](crate::jwt#keys) in the background. If the issuer cannot be reached for longer than this
    /// time, requests are rejected with 503. With zero, requests wait for each refresh.
    pub fn max_stale_keys(mut self, time: Duration) -> Self {
        self.max_stale_keys = time;
        self
    }

    /// Admits requests without a token as anonymous (default: they are rejected with 401).
    ///
    /// An invalid token is still rejected. Every route is then open to anonymous users, unless its handler takes an
    /// `Extractor<UserContext>` or it has a `Require*` layer, such as [`RequireUser`](crate::RequireUser). To open only
    /// some routes, use [`JwtAuth::to_optional`].
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Also reads the token from this cookie (default: only from the `Authorization` header).
    ///
    /// A request with a token in both places is rejected with 400. Browsers send cookies with requests that other sites
    /// trigger: set `SameSite`, and check the origin of every request that changes something. The prefix `__Host-`
    /// keeps subdomains from setting the cookie.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// Sets the realm of challenges in `WWW-Authenticate` (RFC 9110 §11.5, default `api`).
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Sets the app's tiers, to which the tier claim of a token refers (default: none).
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.tiers = Some(tiers);
        self
    }

    /// Sets the tier of users whose token has no tier claim (default: none, which is below every tier).
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth, Tiers};
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let tiers = Tiers::ascending(["free", "pro"])?;
    /// # let builder = JwtAuth::builder().issuer(Issuer::hs256("https://app.example.com", [7; 32])).audience("api");
    /// let auth = builder.default_tier(tiers.get("free")?).tiers(tiers).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.default_tier = Some(tier);
        self
    }

    /// Sets the app's roles and the permissions that they grant (default: roles grant no permissions).
    pub fn roles(mut self, roles: Roles) -> Self {
        self.roles = Some(roles);
        self
    }

    /// Sets a function that loads the user of a verified token, for example to reject a locked account (default: none).
    ///
    /// It runs on every request with a valid token, also if the token is cached, with a timeout of five seconds. Inner
    /// layers and handlers see the user that it returns. [`UserContext::with_record`] attaches the loaded data.
    ///
    /// ```
    /// # use portcullis::{Issuer, JwtAuth, UserContext};
    /// use portcullis::{gate::AccountRefusal, jwt::LoadError};
    ///
    /// # struct Account { is_locked: bool }
    /// # async fn find_account(_id: &str) -> Result<Option<Account>, std::io::Error> { Ok(None) }
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     match find_account(user.id()).await {
    ///         Ok(Some(account)) if account.is_locked => Err(LoadError::refused(AccountRefusal::Locked)),
    ///         Ok(Some(account)) => Ok(user.with_record(account)),
    ///         Ok(None) => Err(LoadError::Unknown),
    ///         Err(error) => Err(LoadError::unavailable(error)),
    ///     }
    /// }
    ///
    /// # let builder = JwtAuth::builder().issuer(Issuer::hs256("https://app.example.com", [7; 32])).audience("api");
    /// let auth = builder.load_user(load).build();
    /// # assert!(auth.is_ok());
    /// ```
    pub fn load_user<F, Fut>(mut self, load: F) -> Self
    where
        F: Fn(UserContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<UserContext, LoadError>> + Send + 'static,
    {
        self.loader = Some(UserLoader::new(load));
        self
    }

    /// Sets the capacity of the verified-token cache (default 4,096 tokens, at most 1,048,576; 0 disables it).
    ///
    /// A cached token is accepted without another signature check until it expires or its issuer publishes other keys.
    /// [`map_user`](Issuer::map_user) and [`load_user`](Self::load_user) still run on every request. Tokens of more
    /// than 8,192 bytes are not cached.
    ///
    /// The capacity is divided into one shard per processor, at most 16, and each thread uses one shard. So a token
    /// that two threads receive may be cached twice, and a single-threaded runtime uses only one shard of the capacity.
    pub fn token_cache_capacity(mut self, tokens: usize) -> Self {
        self.token_cache_capacity = tokens;
        self
    }

    /// Sets the HTTP client that fetches metadata and keys (default: the built-in client of the feature `fetch`).
    pub fn fetch(mut self, client: impl Fetch) -> Self {
        self.client = Some(HttpClient::new(client));
        self
    }

    /// Sets the clock (default: the system's), for tests with a fake one.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer, and fetches nothing. Keys are fetched by the first request or by [`JwtAuth::prefetch_keys`].
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue:
    ///
    /// - There is no issuer, or the same issuer twice.
    /// - An issuer has no audience.
    /// - The URL of an issuer or its keys is not https, or an argument of a preset is invalid.
    /// - A key is malformed, weak, private, too short, or does not fit its algorithm.
    /// - There is no HTTP client for an issuer with published keys.
    /// - A setting is invalid, out of bounds, or without effect.
    pub fn build(mut self) -> Result<JwtAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate_settings(&mut issues);
        let issuers = self.build_issuers(&mut issues);
        issues.into_result(|| {
            let policy = Policy {
                issuers,
                realm: self.realm.as_deref().map_or_else(Realm::default, Realm::new),
                cookie: self.cookie,
                max_token_len: self.max_token_len,
                leeway: self.leeway,
                tiers: self.tiers,
                default_tier: self.default_tier,
                roles: self.roles,
                loader: self.loader,
                cache: NonZeroUsize::new(self.token_cache_capacity).map(TokenCache::new),
                clock: self.clock,
            };
            JwtAuth::new(policy, self.optional)
        })
    }

    /// Validates all settings except the issuers.
    fn validate_settings(&self, issues: &mut ConfigIssues) {
        if self.issuers.is_empty() {
            let remedy = "call .issuer(..) with the issuer whose tokens to accept";
            issues.add(ConfigIssue::new("issuer", IssueKind::Missing, "no issuer is set", remedy));
        }
        validate::leeway(self.leeway, issues);
        validate::max_token_len(self.max_token_len, issues);
        validate::token_cache_capacity(self.token_cache_capacity, issues);
        if let Some(name) = &self.cookie {
            validate::cookie(name, issues);
        }
        if let Some(realm) = &self.realm {
            validate::realm(realm, issues);
        }
        for audience in self.audiences.iter().chain(self.issuers.iter().flat_map(|issuer| &issuer.audiences)) {
            validate::audience(audience, issues);
        }
        if let Some(tier) = &self.default_tier {
            validate::default_tier(tier, self.tiers.as_ref(), issues);
        }
    }

    fn build_issuers(&mut self, issues: &mut ConfigIssues) -> Vec<TrustedIssuer> {
        let issuers = std::mem::take(&mut self.issuers);
        let mut trusted = Vec::with_capacity(issuers.len());
        let mut names: Vec<String> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            if names.contains(&issuer.name) {
                let remedy = "add each issuer once; use add_secret or add_pem for several keys";
                let issue = ConfigIssue::new("issuer", IssueKind::Duplicate, "is set twice", remedy);
                issues.add(issue.with_value(&issuer.name));
            }
            names.push(issuer.name.clone());
            trusted.extend(self.build_issuer(issuer, issues));
        }
        trusted
    }

    fn build_issuer(&mut self, issuer: Issuer, issues: &mut ConfigIssues) -> Option<TrustedIssuer> {
        let audiences = if issuer.audiences.is_empty() { self.audiences.clone() } else { issuer.audiences.clone() };
        if audiences.is_empty() {
            let reason = "no audience is set for this issuer's tokens";
            let remedy = "call .audience(..) with the `aud` value of the tokens for this app";
            let issue = ConfigIssue::new("audience", IssueKind::Missing, reason, remedy);
            issues.add(issue.for_issuer(&issuer.name));
        }
        key_source::validate_issuer(&issuer, issues);
        let name: Arc<str> = issuer.name.as_str().into();
        let allowed = key_source::allowed_algorithms(&issuer, issues);
        let keys = self.build_keys(&issuer, &name, &allowed, issues)?;
        let conventions = issuer.conventions;
        Some(TrustedIssuer { name, keys, allowed, audiences, conventions, header_cache: HeaderCache::default() })
    }

    fn build_keys(
        &mut self,
        issuer: &Issuer,
        name: &Arc<str>,
        allowed: &[Algorithm],
        issues: &mut ConfigIssues,
    ) -> Option<IssuerKeys> {
        match &issuer.source {
            KeySource::Fixed(first) => Some(IssuerKeys::Fixed(key_source::fixed_keys(issuer, first, issues))),
            KeySource::Document(text) => {
                key_source::document_keys(issuer, text, allowed, issues).map(IssuerKeys::Fixed)
            }
            KeySource::Remote(location) => {
                key_source::validate_location(&issuer.name, location, issues);
                let client = self.http_client(issues)?;
                let remote = RemoteKeys::new(
                    Arc::clone(name),
                    location.clone(),
                    allowed.to_vec(),
                    client,
                    self.clock.clone(),
                    self.max_stale_keys,
                );
                Some(IssuerKeys::Remote(Arc::new(remote)))
            }
        }
    }

    /// Returns the custom client, or else the built-in one, which all issuers share.
    fn http_client(&mut self, issues: &mut ConfigIssues) -> Option<HttpClient> {
        if self.client.is_none() {
            self.client = built_in_client();
        }
        if self.client.is_none() {
            let reason = "an issuer publishes its keys, and there is no HTTP client to fetch them";
            let remedy = "enable the feature `fetch`, or call .fetch(..)";
            issues.add(ConfigIssue::new("fetch", IssueKind::Missing, reason, remedy));
        }
        self.client.clone()
    }
}

#[cfg(feature = "fetch")]
fn built_in_client() -> Option<HttpClient> {
    crate::jwt::remote::reqwest::ReqwestClient::new().map(HttpClient::new)
}

#[cfg(not(feature = "fetch"))]
fn built_in_client() -> Option<HttpClient> {
    None
}

// Clocks drift, and clients use tokens right after they are issued. Most libraries of issuers have the same default.
const LEEWAY: Duration = Duration::from_secs(60);

// Servers accept heads of 16 to 64 KiB. The largest real tokens, with some hundred groups, have about ten.
const MAX_TOKEN_LEN: usize = 16 * 1024;

// Takes about 8 MB if each token has a kilobyte, and its claims another one.
const TOKEN_CACHE_CAPACITY: usize = 4_096;
const MAX_STALE_KEYS: Duration = Duration::from_secs(24 * 3600);
