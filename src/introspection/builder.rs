//! `IntrospectionAuthBuilder`: the settings of an `IntrospectionAuth`, and every issue with them.

mod server;
mod tokens;
mod users;
mod validate;
mod validated;

use std::sync::Arc;
use std::time::Duration;

use crate::claims::claim_map::ClaimMap;
use crate::clock::Clock;
use crate::context::{AppSettings, Realm};
use crate::error::{ConfigError, ConfigIssues};
use crate::gate::{Admission, UserLoader, UserMap};
use crate::http_client::client::SharedHttpClient;
use crate::introspection::builder::validated::Validated;
use crate::introspection::cache::{CacheSettings, IntrospectionCache};
use crate::introspection::client_auth::ClientAuth;
use crate::introspection::endpoint::Endpoint;
use crate::introspection::gate::IntrospectionAuth;
use crate::introspection::policy::Policy;
use crate::introspection::signed_response::SignedResponses;
use crate::introspection::users::Users;
use crate::revocation::handle::Revocations;
use crate::revocation::lifetime::Lifetime;
use crate::verify_jwt::verifier::Verifier;

impl IntrospectionAuth {
    /// Returns a builder with the default settings. An endpoint, the app's credentials there, and an audience are
    /// required.
    pub fn builder() -> IntrospectionAuthBuilder {
        IntrospectionAuthBuilder::default()
    }
}

/// Configures an [`IntrospectionAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue. A setter
/// replaces the previous value, except for the setters that begin with `add_`.
///
/// ```
/// use std::time::Duration;
/// use portcullis::IntrospectionAuth;
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// # let secret = "7Fjfp0ZBr1KtDRbnfVdmIw";
/// let opaque = IntrospectionAuth::builder()
///     .endpoint("https://auth.example.com/introspect")
///     .client("api", secret)
///     .audience("https://api.example.com")
///     .cache_ttl(Duration::from_secs(10))
///     .build()?;
/// # let _ = opaque;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IntrospectionAuthBuilder {
    endpoint: Option<String>,
    client_auth: Option<(&'static str, ClientAuth)>,
    http_client: Option<SharedHttpClient>,
    timeout: Duration,
    keys: Option<Verifier>,
    issuer: Option<String>,
    audiences: Vec<String>,
    accepts_any_audience: bool,
    leeway: Duration,
    cache_ttl: Duration,
    cache_capacity: usize,
    realm: Option<String>,
    optional: bool,
    claims: ClaimMap,
    /// Without the realm, which `build` adds.
    app: AppSettings,
    user_map: Option<UserMap>,
    loader: Option<UserLoader>,
    load_user_timeout: Option<Duration>,
    revocations: Option<Revocations>,
    clock: Clock,
}

impl Default for IntrospectionAuthBuilder {
    fn default() -> Self {
        Self {
            endpoint: None,
            client_auth: None,
            http_client: None,
            timeout: TIMEOUT,
            keys: None,
            issuer: None,
            audiences: Vec::new(),
            accepts_any_audience: false,
            leeway: LEEWAY,
            cache_ttl: CACHE_TTL,
            cache_capacity: CACHE_CAPACITY,
            realm: None,
            optional: false,
            claims: ClaimMap::new(),
            app: AppSettings::default(),
            user_map: None,
            loader: None,
            load_user_timeout: None,
            revocations: None,
            clock: Clock::system(),
        }
    }
}

/// # Clock and build
impl IntrospectionAuthBuilder {
    /// Sets the clock (default: the system's).
    ///
    /// The wall clock decides whether a token has expired, and the monotonic clock decides how old a response is. In
    /// tests, set a [`FakeClock`](crate::testing::FakeClock) instead of sleeping.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the layer.
    ///
    /// This sends no request, so an app starts while the authorization server is unavailable.
    ///
    /// ```
    /// use portcullis::IntrospectionAuth;
    ///
    /// let error = IntrospectionAuth::builder()
    ///     .endpoint("http://auth.example.com/introspect")
    ///     .build()
    ///     .unwrap_err();
    /// let settings: Vec<_> =
    ///     error.issues().iter().map(|issue| issue.setting()).collect();
    /// assert_eq!(settings, ["endpoint", "client_auth", "audience"]);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue:
    ///
    /// - The endpoint, the app's credentials or the audience are missing.
    /// - The URL of the endpoint is not https, or a private key is unusable.
    /// - There is no HTTP client.
    /// - A setting is invalid, out of bounds, or has no effect.
    pub fn build(self) -> Result<IntrospectionAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        let validated = self.validate(&mut issues);
        match validated {
            Some(validated) => issues.into_result(|| self.compile(validated)),
            // A value is missing, which is an issue.
            None => Err(issues.into_error()),
        }
    }

    /// Creates the layer from settings without issues.
    fn compile(self, validated: Validated) -> IntrospectionAuth {
        if let Some(revocations) = &self.revocations {
            revocations.set_has_gate();
        }
        let realm = self.realm.as_deref().map_or_else(Realm::default, Realm::new);
        let signed = self.keys.zip(self.issuer.clone()).map(|(verifier, issuer)| SignedResponses {
            verifier,
            issuer,
            audiences: self.audiences.clone(),
        });
        let Validated { endpoint, authenticator, http_client, hasher } = validated;
        let endpoint = Endpoint::new(endpoint, http_client, authenticator, signed, self.clock.clone());
        let mut claims = self.claims;
        if self.app.roles.is_some() {
            claims.use_roles();
        }
        let lifetime = Lifetime::new(self.revocations.as_ref(), self.clock.clone(), self.leeway);
        let users = Users {
            client_claims: claims.is_id_subject().then(|| claims.clone().id("client_id")),
            claims,
            issuer: self.issuer.map(Arc::from),
            audiences: self.audiences,
            revocations: self.revocations.clone(),
            app: AppSettings { realm: realm.clone(), lifetime: Some(lifetime), ..self.app },
            leeway: self.leeway,
        };
        let settings = CacheSettings { ttl: self.cache_ttl, capacity: self.cache_capacity, timeout: self.timeout };
        let cache = IntrospectionCache::new(hasher, endpoint, users, settings, self.clock.clone());
        let policy = Policy {
            realm,
            cache: Arc::new(cache),
            revocations: self.revocations,
            user_map: self.user_map,
            admission: Admission::new(self.loader, self.load_user_timeout),
            clock: self.clock,
        };
        IntrospectionAuth::new(policy, self.optional)
    }
}

/// A token that is revoked at the authorization server is accepted for at most this long.
const CACHE_TTL: Duration = Duration::from_secs(30);

/// Some 15 MB if each response has a kilobyte.
const CACHE_CAPACITY: usize = 10_000;

/// Clocks drift, and clients use a token right after it was issued. As for a JWT.
const LEEWAY: Duration = Duration::from_secs(60);

/// Longer than a healthy server takes, and short enough that waiting requests do not accumulate during an outage.
const TIMEOUT: Duration = Duration::from_secs(5);
