//! `ApiKeyAuthBuilder`: the settings of an `ApiKeyAuth`, and every issue with them.

mod setters;
mod users;
mod validate;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::HeaderName;
use zeroize::Zeroizing;

use crate::api_key::cache::{CacheSettings, KeyCache};
use crate::api_key::gate::ApiKeyAuth;
use crate::api_key::key::digest::KeyHasher;
use crate::api_key::key::format::KeyFormat;
use crate::api_key::memory::MemoryKeys;
use crate::api_key::policy::Policy;
use crate::api_key::timed_store::{DynStore, TimedStore};
use crate::api_key::usage_log::UsageLog;
use crate::clock::Clock;
use crate::context::{AppSettings, AuthScheme, Realm};
use crate::error::{ConfigError, ConfigIssues};
use crate::gate::{Admission, CredentialSource, CredentialSources, UserLoader};
use crate::revocation::handle::Revocations;
use crate::revocation::lifetime::Lifetime;

impl ApiKeyAuth {
    /// Starts the configuration. A [prefix](ApiKeyAuthBuilder::prefix) and a [store](ApiKeyAuthBuilder::store) are
    /// required.
    pub fn builder() -> ApiKeyAuthBuilder {
        ApiKeyAuthBuilder::default()
    }
}

/// Configures an [`ApiKeyAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue.
#[derive(Clone)]
#[must_use]
pub struct ApiKeyAuthBuilder {
    prefix: Option<String>,
    header: Option<HeaderName>,
    store: Option<Arc<dyn DynStore>>,
    store_timeout: Duration,
    pepper: Option<Zeroizing<Vec<u8>>>,
    realm: Option<String>,
    cache_ttl: Option<Duration>,
    cache_capacity: usize,
    stale_for: Duration,
    revocations: Option<Revocations>,
    /// Without the realm, which `build` adds.
    app: AppSettings,
    loader: Option<UserLoader>,
    load_user_timeout: Option<Duration>,
    optional: bool,
    clock: Clock,
}

impl Default for ApiKeyAuthBuilder {
    fn default() -> Self {
        Self {
            prefix: None,
            header: None,
            store: None,
            store_timeout: STORE_TIMEOUT,
            pepper: None,
            realm: None,
            cache_ttl: None,
            cache_capacity: CACHE_CAPACITY,
            stale_for: STALE_FOR,
            revocations: None,
            app: AppSettings::default(),
            loader: None,
            load_user_timeout: None,
            optional: false,
            clock: Clock::system(),
        }
    }
}

/// # Clock and build
impl ApiKeyAuthBuilder {
    /// Sets the clock (default: the system's).
    ///
    /// In tests, set a [`FakeClock`](crate::testing::FakeClock) instead of sleeping.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting.
    pub fn build(self) -> Result<ApiKeyAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        issues.into_result(|| self.compile())
    }

    /// Creates the layer from settings without issues.
    fn compile(self) -> ApiKeyAuth {
        if let Some(revocations) = &self.revocations {
            revocations.set_has_gate();
        }
        let format = KeyFormat::new(&self.prefix.unwrap_or_default());
        let bearer_realm = self.realm.as_deref().map_or_else(Realm::default, Realm::new);
        // The name is a token, so there is a scheme.
        let scheme = AuthScheme::new("ApiKey").map(AuthScheme::with_error_parameters);
        let realm = bearer_realm.clone().with_schemes(scheme);
        let header = self.header.map(CredentialSource::header);
        let sources = [CredentialSource::scheme("ApiKey"), CredentialSource::bearer_with_prefix(format.prefix())];
        // A missing store is an issue, so the placeholder is never used.
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryKeys::new()));
        let store = TimedStore::new(store, self.store_timeout);
        let usage = Arc::new(UsageLog::new(store.clone(), self.clock.clone()));
        let is_shared = self.revocations.as_ref().is_some_and(Revocations::is_shared);
        let settings = CacheSettings {
            ttl: self.cache_ttl.unwrap_or(if is_shared { SHARED_CACHE_TTL } else { CACHE_TTL }),
            stale_for: self.stale_for,
            capacity: self.cache_capacity,
        };
        let lifetime = Lifetime::new(self.revocations.as_ref(), self.clock.clone(), Duration::ZERO);
        let app = AppSettings { realm: realm.clone(), lifetime: Some(lifetime), ..self.app };
        let cache = KeyCache::new(app, Arc::clone(&usage), store.clone(), settings, self.clock.clone());
        let policy = Policy {
            format,
            hasher: KeyHasher::new(self.pepper.as_deref().map(Vec::as_slice)),
            sources: CredentialSources::of_valid(sources.into_iter().chain(header).collect()),
            realm,
            bearer_realm,
            cache: Arc::new(cache),
            usage,
            store,
            revocations: self.revocations,
            admission: Admission::new(self.loader, self.load_user_timeout),
            clock: self.clock,
        };
        let keys = ApiKeyAuth::new(policy, self.optional);
        if let Some(revocations) = &keys.policy.revocations {
            // Weak, because the layer holds the handle.
            let records: Weak<Policy> = Arc::downgrade(&keys.policy);
            revocations.add_user_records(records);
        }
        keys
    }
}

/// Shows no pepper.
impl fmt::Debug for ApiKeyAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyAuthBuilder")
            .field("prefix", &self.prefix)
            .field("header", &self.header)
            .field("has_store", &self.store.is_some())
            .field("has_pepper", &self.pepper.is_some())
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Without a stream, another process notices a revocation only when it reads the record again.
const CACHE_TTL: Duration = Duration::from_secs(10);
const SHARED_CACHE_TTL: Duration = Duration::from_secs(60);

/// Some 20 MB.
const CACHE_CAPACITY: usize = 10_000;

/// A restart or failover of a database is no outage of the app.
const STALE_FOR: Duration = Duration::from_secs(300);

/// Longer than a healthy database takes for one row, and short enough that waiting requests do not accumulate.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
