//! `JwtAuthBuilder`: the settings of a `JwtAuth`, and every issue with them.
//!
//! The setters are in `builder/`, one file for each section of the type's documentation.

mod compile;
mod issuers;
pub(crate) mod key_source;
mod keys;
mod requests;
#[cfg(feature = "shared_signals")]
mod transmitter;
mod users;
mod validate;
pub(crate) mod validate_preset;

use std::num::NonZeroUsize;
use std::time::Duration;

use http::HeaderName;

use crate::clock::Clock;
use crate::context::{AppSettings, Realm};
use crate::csrf::gate::Csrf;
use crate::error::{ConfigError, ConfigIssues};
use crate::gate::{Admission, UserLoader};
use crate::http_client::client::SharedHttpClient;
use crate::jwt::gate::JwtAuth;
use crate::jwt::hints::Hints;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuers::Issuers;
use crate::jwt::issuers::table::IssuerTable;
use crate::jwt::policy::Policy;
use crate::jwt::request_token::TokenSources;
use crate::jwt::revocation_check::RevocationCheck;
use crate::jwt::token::header_cache::HeaderCache;
use crate::jwt::token_cache::TokenCache;

impl JwtAuth {
    /// Returns a builder with the default settings. An issuer and an audience are required.
    pub fn builder() -> JwtAuthBuilder {
        JwtAuthBuilder::default()
    }
}

/// Configures a [`JwtAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue. A setter
/// replaces the previous value, except for the setters that begin with `add_`.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Issuer, JwtAuth};
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let secret = *b"a secret of at least 32 random bytes";
/// let auth = JwtAuth::builder()
///     .issuer(Issuer::hs256("https://app.example.com", secret))
///     .audience("https://api.example.com")
///     .leeway(Duration::from_secs(30))
///     .cookie("__Host-token")
///     .build()?;
/// assert!(auth.is_ready(), "a configured key needs no fetch");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtAuthBuilder {
    issuers: Vec<Issuer>,
    sources: Vec<Issuers>,
    audiences: Vec<String>,
    leeway: Duration,
    max_token_len: usize,
    max_stale_keys: Duration,
    fetch_timeout: Duration,
    optional: bool,
    header: Option<HeaderName>,
    cookie: Option<String>,
    websocket_protocol: Option<String>,
    csrf: Option<Csrf>,
    realm: Option<String>,
    /// Without the realm, which `build` adds.
    app: AppSettings,
    loader: Option<UserLoader>,
    /// `None` for the default, since setting it without a loader is an error.
    load_user_timeout: Option<Duration>,
    token_cache_capacity: usize,
    client: Option<SharedHttpClient>,
    revocations: RevocationCheck,
    clock: Clock,
}

impl Default for JwtAuthBuilder {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            sources: Vec::new(),
            audiences: Vec::new(),
            leeway: LEEWAY,
            max_token_len: MAX_TOKEN_LEN,
            max_stale_keys: MAX_STALE_KEYS,
            fetch_timeout: FETCH_TIMEOUT,
            optional: false,
            header: None,
            cookie: None,
            websocket_protocol: None,
            csrf: None,
            realm: None,
            app: AppSettings::default(),
            loader: None,
            load_user_timeout: None,
            token_cache_capacity: TOKEN_CACHE_CAPACITY,
            client: None,
            revocations: RevocationCheck::default(),
            clock: Clock::system(),
        }
    }
}

/// # Clock and build
impl JwtAuthBuilder {
    /// Sets the clock (default: the system's). Tests set a fake one.
    ///
    /// The wall clock decides whether a token has expired, and the monotonic clock decides how old the keys are.
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
    ///     .clock(fake.clock())
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let token = TokenBuilder::first_party(iss, secret, "ann").audience("api");
    /// let token = token.expires_in(Duration::from_secs(300)).sign();
    /// # let get = || {
    /// #     let request = Request::get("/");
    /// #     request.header("authorization", format!("Bearer {token}"))
    /// # };
    /// let request = get().body(Body::empty())?;
    /// assert_eq!(app.clone().oneshot(request).await?.status(), 200);
    ///
    /// fake.advance(Duration::from_secs(3600));
    /// let request = get().body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the layer.
    ///
    /// This fetches nothing, so an app starts while its issuer is unavailable. The first request fetches the keys, or
    /// an earlier call of [`JwtAuth::prefetch_keys`] does.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let error = JwtAuth::builder()
    ///     .issuer(Issuer::hs256("https://app.example.com", *b"too short"))
    ///     .realm("\"api\"")
    ///     .build()
    ///     .unwrap_err();
    /// let settings: Vec<_> =
    ///     error.issues().iter().map(|issue| issue.setting()).collect();
    /// assert_eq!(settings, ["realm", "audience", "Issuer::hs256"]);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue:
    ///
    /// - There is no issuer, or two issuers accept the same `iss` or differ only in a trailing slash.
    /// - There is no audience, or an issuer has none.
    /// - The URL of an issuer or of its keys is not https, or an argument of a preset is invalid.
    /// - A key is malformed, weak, private, too short, or of the wrong type for its algorithm.
    /// - An issuer publishes its keys, and there is no HTTP client to fetch them.
    /// - A setting is invalid, out of bounds, or has no effect.
    pub fn build(mut self) -> Result<JwtAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate_settings(&mut issues);
        let capacities: Vec<usize> = self.sources.iter().map(|source| source.capacity).collect();
        let (issuers, sources) = self.build_issuers(&mut issues);
        let max_issuers = capacities.into_iter().fold(issuers.len(), usize::saturating_add);
        issues.into_result(|| {
            self.revocations.set_in_use();
            let realm = self.realm.as_deref().map_or_else(Realm::default, Realm::new);
            let app = AppSettings { realm, ..self.app };
            let policy = Policy {
                header_cache: HeaderCache::new(max_issuers),
                issuers: IssuerTable::new(issuers, sources),
                hints: Hints::new(self.clock.clone()),
                app: self.revocations.add_lifetime(app, &self.clock, self.leeway),
                sources: match self.header {
                    Some(name) => TokenSources::Header(name, self.csrf.unwrap_or_default()),
                    None => TokenSources::Bearer {
                        cookie: self.cookie.map(|name| (name, self.csrf.unwrap_or_default())),
                        protocol: self.websocket_protocol.map(Into::into),
                    },
                },
                max_token_len: self.max_token_len,
                leeway: self.leeway,
                admission: Admission::new(self.loader, self.load_user_timeout),
                cache: NonZeroUsize::new(self.token_cache_capacity).map(TokenCache::new),
                revocations: self.revocations,
                clock: self.clock,
            };
            JwtAuth::new(policy, self.optional)
        })
    }
}

// Clocks drift, and clients use a token right after it was issued. jsonwebtoken has the same default.
const LEEWAY: Duration = Duration::from_secs(60);

// Servers accept request heads of 16 to 64 KiB. The largest tokens in use, with some hundred groups, have about 10 KiB.
const MAX_TOKEN_LEN: usize = 16 * 1024;

// Takes about 8 MB if each token has a kilobyte and its claims have another one.
const TOKEN_CACHE_CAPACITY: usize = 4_096;

// An outage of the issuer for a day is not an outage of the app.
const MAX_STALE_KEYS: Duration = Duration::from_secs(24 * 3600);

// Requests with an unknown key wait for a fetch, and waiting requests must not accumulate during an outage.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
