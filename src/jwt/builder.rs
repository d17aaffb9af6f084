//! `JwtAuthBuilder`: what the user says, and every problem with it.

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
use crate::jwt::builder::key_source::{allowed, judge_remote};
use crate::jwt::gate::JwtAuth;
use crate::jwt::issuer::trusted::{IssuerKeys, TrustedIssuer};
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::policy::Policy;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::fetch::{Fetch, HttpClient};
use crate::jwt::token::known_header::KnownHeader;
use crate::jwt::token_cache::TokenCache;
use crate::jwt::user_loader::{LoadError, UserLoader};

/// Configures a [`JwtAuth`]. Each setter replaces what was set before, but for those that begin with `add_`.
#[derive(Debug)]
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
            max_stale_keys: SERVE_STALE,
            optional: false,
            cookie: None,
            realm: None,
            tiers: None,
            default_tier: None,
            roles: None,
            loader: None,
            token_cache_capacity: SEEN_TOKENS,
            client: None,
            clock: Clock::system(),
        }
    }
}

impl JwtAuthBuilder {
    /// Sets the one issuer whose tokens are accepted. Required.
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers = vec![issuer];
        self
    }

    /// Adds an issuer. Each is trusted with its own keys alone.
    pub fn add_issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets the audience: the name by which tokens are meant for this app (`aud`, RFC 7519 §4.1.3). Required, here or
    /// for each issuer.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = vec![audience.into()];
        self
    }

    /// Adds another name of this app.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets by how much the issuer's clock may differ from this one: 60 seconds unless set, at most five minutes.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets the most bytes a token may have: 16,384 unless set, 65,536 at most.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_token_len = bytes;
        self
    }

    /// Sets for how long keys stay in use past their age, until the issuer has answered anew: 24 hours unless set. With
    /// zero, requests wait for the issuer once the keys are past their age.
    pub fn max_stale_keys(mut self, time: Duration) -> Self {
        self.max_stale_keys = time;
        self
    }

    /// Lets a request without a credential through as anonymous. A bad credential is still refused.
    ///
    /// A handler that neither takes an `Extractor<UserContext>` nor stands behind a `Require*` layer is then open to all;
    /// [`RequireUser`](crate::RequireUser) asks for any user. Where only some routes are open, see
    /// [`JwtAuth::to_optional`].
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Reads the token from this cookie too, where the `Authorization` field has no bearer token; two tokens are refused.
    ///
    /// A browser sends cookies with requests that other sites cause: make it `SameSite`, and check the origin of every
    /// request that changes something. A name that begins with `__Host-` keeps subdomains from setting it.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    /// Sets the realm that challenges name (RFC 9110 §11.5): `api` unless set.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Sets the app's tiers, by which the tier claim is understood.
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.tiers = Some(tiers);
        self
    }

    /// Sets the tier of a token that has no tier claim; without it, such a user ranks below every tier.
    pub fn default_tier(mut self, tier: Tier) -> Self {
        self.default_tier = Some(tier);
        self
    }

    /// Sets the app's roles, by which a user's roles grant permissions.
    pub fn roles(mut self, roles: Roles) -> Self {
        self.roles = Some(roles);
        self
    }

    /// Sets what is asked once a token is verified: whether the user is still welcome, and what the app knows of them.
    ///
    /// It runs on every request with a good token, for five seconds at most. What it returns is the user that handlers
    /// see; [`with_record`](UserContext::with_record) attaches what it loaded.
    pub fn load_user<F, Fut>(mut self, load: F) -> Self
    where
        F: Fn(UserContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<UserContext, LoadError>> + Send + 'static,
    {
        self.loader = Some(UserLoader::new(load));
        self
    }

    /// Sets how many tokens that were verified are known again without a look at their signature: 4,096 unless set, none with
    /// zero.
    ///
    /// A token is known by all its bytes, until it expires and as long as the issuer's keys are those that verified it.
    /// What [`map_user`](crate::Issuer::map_user) and [`load_user`](Self::load_user) do is done for every request. It is kept with its
    /// text; one of more than 8,192 bytes is not kept. The places, 1,048,576 at most, are divided into as many shares as the
    /// machine has processors, 16 at most, and each thread uses one: a token that two threads see takes two places, and a
    /// runtime of one thread has one share.
    pub fn token_cache_capacity(mut self, most: usize) -> Self {
        self.token_cache_capacity = most;
        self
    }

    /// Sets the HTTP client that fetches keys.
    pub fn fetch(mut self, client: impl Fetch) -> Self {
        self.client = Some(HttpClient::new(client));
        self
    }

    /// Sets where the time is read.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The layer.
    ///
    /// Nothing is fetched: keys arrive with the first request, or by [`JwtAuth::is_ready`] or [`JwtAuth::prefetch_keys`].
    ///
    /// # Errors
    ///
    /// Names every problem at once: no issuer or one that stands twice, no audience, an issuer or a URL of keys that is
    /// not https (loopback aside), a secret shorter than its hash, a key that is malformed, weak or private, an
    /// algorithm that does not fit, a preset's argument, a claim's name, a cookie or a realm of the wrong form, a leeway, a
    /// length, a number of keys or of tokens to be known again beyond its bound, a setting that has no effect, no HTTP client where keys are published.
    pub fn build(mut self) -> Result<JwtAuth, ConfigError> {
        let mut problems = ConfigIssues::default();
        self.judge_settings(&mut problems);
        let realm = self.realm.as_deref().map_or_else(Realm::default, Realm::new);
        let issuers = std::mem::take(&mut self.issuers);
        let mut trusts: Vec<TrustedIssuer> = Vec::with_capacity(issuers.len());
        let mut names: Vec<String> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            if names.contains(&issuer.name) {
                problems.add(
                    ConfigIssue::new(
                        "issuer",
                        IssueKind::Duplicate,
                        "stands twice",
                        "give each issuer once; use add_secret or add_pem for several keys",
                    )
                    .with_value(&issuer.name),
                );
            }
            names.push(issuer.name.clone());
            if let Some(trust) = self.trust(issuer, &mut problems) {
                trusts.push(trust);
            }
        }
        problems.into_result(|| {
            let policy = Policy {
                issuers: trusts,
                realm,
                cookie: self.cookie,
                max_token_len: self.max_token_len,
                leeway: self.leeway,
                tiers: self.tiers,
                default_tier: self.default_tier,
                roles: self.roles,
                loader: self.loader,
                seen: NonZeroUsize::new(self.token_cache_capacity).map(TokenCache::new),
                clock: self.clock,
            };
            JwtAuth::new(policy, self.optional)
        })
    }

    fn trust(&mut self, issuer: Issuer, problems: &mut ConfigIssues) -> Option<TrustedIssuer> {
        let audiences = if issuer.audiences.is_empty() { self.audiences.clone() } else { issuer.audiences.clone() };
        if audiences.is_empty() {
            problems.add(
                ConfigIssue::new(
                    "audience",
                    IssueKind::Missing,
                    "no audience is set for this issuer's tokens",
                    "call .audience(..) with the name by which its tokens are meant for this app",
                )
                .for_issuer(&issuer.name),
            );
        }
        key_source::validate_conventions(&issuer, problems);
        let name: Arc<str> = issuer.name.as_str().into();
        let allowed = allowed(&issuer, problems);
        let keys = self.keys(&issuer, &name, &allowed, problems)?;
        Some(TrustedIssuer {
            name,
            keys,
            allowed,
            audiences,
            conventions: issuer.conventions,
            header: KnownHeader::default(),
        })
    }

    fn keys(
        &mut self,
        issuer: &Issuer,
        name: &Arc<str>,
        allowed: &[Algorithm],
        problems: &mut ConfigIssues,
    ) -> Option<IssuerKeys> {
        if !issuer.added.is_empty() && !matches!(issuer.source, KeySource::Fixed(_)) {
            let reason = "a key is added to an issuer that publishes its keys";
            problems.add(
                ConfigIssue::new(
                    "key",
                    IssueKind::Prohibited,
                    reason,
                    "let the issuer publish it, or give all keys by hand",
                )
                .for_issuer(&issuer.name),
            );
        }
        match &issuer.source {
            KeySource::Fixed(first) => Some(IssuerKeys::Fixed(key_source::fixed(issuer, first, problems))),
            KeySource::Document(text) => key_source::document(issuer, text, allowed, problems).map(IssuerKeys::Fixed),
            KeySource::Remote(location) => {
                judge_remote(&issuer.name, location, problems);
                let client = self.client(problems)?;
                let (name, location) = (Arc::clone(name), location.clone());
                let clock = self.clock.clone();
                let remote = RemoteKeys::new(name, location, allowed.to_vec(), client, clock, self.max_stale_keys);
                Some(IssuerKeys::Remote(Arc::new(remote)))
            }
        }
    }

    /// The client set, else the built-in one, made once for all issuers.
    fn client(&mut self, problems: &mut ConfigIssues) -> Option<HttpClient> {
        if self.client.is_none() {
            self.client = built_in_client();
        }
        if self.client.is_none() {
            let reason = "an issuer publishes its keys, and there is no HTTP client to fetch them";
            problems.add(ConfigIssue::new(
                "fetch",
                IssueKind::Missing,
                reason,
                "switch on the feature `fetch`, or call .fetch(..)",
            ));
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

// Clocks drift, and tokens are minted a moment before they are used: what most issuers' libraries allow.
const LEEWAY: Duration = Duration::from_secs(60);
// Servers take heads of 16 to 64 KiB; the largest tokens in use, with some hundred groups, have about ten.
const MAX_TOKEN_LEN: usize = 16 * 1024;
// Some 8 MB where a token has a kilobyte and its claims another.
const SEEN_TOKENS: usize = 4_096;
const SERVE_STALE: Duration = Duration::from_secs(24 * 3600);
