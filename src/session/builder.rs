//! `SessionAuthBuilder`: the settings of a `SessionAuth`, and every issue with them.

mod setters;
mod users;
mod validate;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::context::{AppSettings, AuthScheme, Realm};
use crate::csrf::gate::Csrf;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Admission, CredentialSource, CredentialSources, UserLoader};
use crate::revocation::handle::Revocations;
use crate::revocation::lifetime::Lifetime;
use crate::session::cache::{CacheSettings, SessionCache};
use crate::session::change::ChangeHook;
use crate::session::cookie::SessionCookie;
use crate::session::gate::SessionAuth;
use crate::session::login_page::LoginPage;
use crate::session::memory::MemorySessions;
use crate::session::policy::Policy;
use crate::session::random::random_bytes;
use crate::session::store::SessionLimit;
use crate::session::timed_store::{DynStore, TimedStore};
use crate::session::timeouts::{AssuranceLevel, Timeouts};
use crate::session::touch_log::TouchLog;

impl SessionAuth {
    /// Starts the configuration. A [store](SessionAuthBuilder::store) is required.
    pub fn builder() -> SessionAuthBuilder {
        SessionAuthBuilder::default()
    }
}

/// Configures a [`SessionAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue.
#[derive(Clone)]
#[must_use]
pub struct SessionAuthBuilder {
    store: Option<Arc<dyn DynStore>>,
    store_timeout: Duration,
    cookie_name: Option<String>,
    domain: Option<String>,
    is_insecure: bool,
    is_strict: bool,
    idle_timeout: Option<Duration>,
    absolute_timeout: Option<Duration>,
    assurance: Option<AssuranceLevel>,
    remember_for: Option<Duration>,
    max_sessions: Option<usize>,
    rejects_over_limit: bool,
    csrf: Option<Csrf>,
    revocations: Option<Revocations>,
    cache_ttl: Option<Duration>,
    cache_capacity: usize,
    stale_for: Duration,
    on_change: Option<ChangeHook>,
    login_page: Option<String>,
    secret: Option<Zeroizing<Vec<u8>>>,
    realm: Option<String>,
    app_settings: AppSettings,
    loader: Option<UserLoader>,
    load_user_timeout: Option<Duration>,
    optional: bool,
    clock: Clock,
}

impl Default for SessionAuthBuilder {
    fn default() -> Self {
        Self {
            store: None,
            store_timeout: STORE_TIMEOUT,
            cookie_name: None,
            domain: None,
            is_insecure: false,
            is_strict: false,
            idle_timeout: None,
            absolute_timeout: None,
            assurance: None,
            remember_for: None,
            max_sessions: None,
            rejects_over_limit: false,
            csrf: None,
            revocations: None,
            cache_ttl: None,
            cache_capacity: CACHE_CAPACITY,
            stale_for: STALE_FOR,
            on_change: None,
            login_page: None,
            secret: None,
            realm: None,
            app_settings: AppSettings::default(),
            loader: None,
            load_user_timeout: None,
            optional: false,
            clock: Clock::system(),
        }
    }
}

/// # Clock and build
impl SessionAuthBuilder {
    /// Sets the clock (default: the system's).
    ///
    /// In tests, set a [`FakeClock`](crate::testing::FakeClock) instead of sleeping, here and for
    /// [`MemorySessions`](crate::session::MemorySessions::with_clock).
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting.
    pub fn build(self) -> Result<SessionAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        let login_page = self.new_login_page(&mut issues);
        let revocations = self.new_revocations();
        issues.into_result(|| ())?;
        Ok(self.compile(revocations?, login_page))
    }

    /// Creates the layer from settings without issues.
    fn compile(self, revocations: Revocations, login_page: Option<LoginPage>) -> SessionAuth {
        revocations.set_has_gate();
        if self.domain.is_some() {
            tracing::warn!(
                "the session cookie is sent to all hosts of its domain; a vulnerability in one exposes all sessions"
            );
        }
        let cookie = self.cookie();
        let timeouts = self.timeouts();
        let realm = self.realm.as_deref().map_or_else(Realm::default, Realm::new);
        // The name is a token, so there is a scheme.
        let realm = realm.with_schemes(AuthScheme::new("Session"));
        // A missing store is an issue, so the placeholder is never used.
        let store = self.store.unwrap_or_else(|| Arc::new(MemorySessions::new()));
        let store = TimedStore::new(store, self.store_timeout);
        let settings = CacheSettings {
            ttl: self.cache_ttl.unwrap_or(if revocations.is_shared() { SHARED_CACHE_TTL } else { CACHE_TTL }),
            stale_for: self.stale_for,
            capacity: self.cache_capacity,
        };
        let lifetime = Lifetime::new(Some(&revocations), self.clock.clone(), Duration::ZERO);
        let app_settings = AppSettings { realm: realm.clone(), lifetime: Some(lifetime), ..self.app_settings };
        let limit = self.max_sessions.map(|max| SessionLimit { max, rejects_new: self.rejects_over_limit });
        let policy = Policy {
            sources: CredentialSources::of_valid(vec![CredentialSource::cookie(&cookie.name)]),
            cookie,
            timeouts,
            remember_for: self.remember_for,
            limit,
            realm,
            csrf: self.csrf.unwrap_or_default(),
            cache: Arc::new(SessionCache::new(app_settings, store.clone(), settings, self.clock.clone())),
            touches: Arc::new(TouchLog::new(store.clone(), self.clock.clone())),
            store,
            revocations,
            has_loader: self.loader.is_some(),
            admission: Admission::new(self.loader, self.load_user_timeout),
            login_page,
            on_change: self.on_change,
            clock: self.clock,
        };
        let sessions = SessionAuth::new(policy, self.optional);
        // Weak, because the layer holds the handle.
        let records: Weak<Policy> = Arc::downgrade(&sessions.policy);
        sessions.policy.revocations.add_user_records(records);
        sessions
    }

    fn cookie(&self) -> SessionCookie {
        let default_name = SessionCookie::default_name(self.domain.is_some(), self.is_insecure);
        SessionCookie {
            name: self.cookie_name.as_deref().unwrap_or(default_name).into(),
            domain: self.domain.as_deref().map(Into::into),
            is_insecure: self.is_insecure,
            is_strict: self.is_strict,
        }
    }

    /// The timeouts that are set, else those of the level, else the defaults. A default idle timeout is reduced to the
    /// absolute one.
    fn timeouts(&self) -> Timeouts {
        let default = self.assurance.map_or_else(Timeouts::default, AssuranceLevel::timeouts);
        let absolute = self.absolute_timeout.unwrap_or(default.absolute);
        Timeouts { idle: self.idle_timeout.unwrap_or(default.idle.min(absolute)), absolute }
    }

    fn new_login_page(&self, issues: &mut ConfigIssues) -> Option<LoginPage> {
        let path = self.login_page.clone()?;
        if let Some(secret) = &self.secret {
            return Some(LoginPage::new(path, secret));
        }
        match random_bytes::<32>() {
            Ok(secret) => Some(LoginPage::new(path, &*secret)),
            Err(_) => {
                let remedy = "call .secret(..) with 32 random bytes";
                let reason = "the operating system provides no random bytes";
                issues.add(ConfigIssue::new("login_page", IssueKind::Missing, reason, remedy));
                None
            }
        }
    }

    /// Returns the app's revocations, else new ones for this process, so that an ended session stays ended.
    fn new_revocations(&self) -> Result<Revocations, ConfigError> {
        if let Some(revocations) = &self.revocations {
            return Ok(revocations.clone());
        }
        // A session that is not used after its end, because it is rejected, has ended without use by then. Keeping each
        // logout for weeks would fill the table. Invalid timeouts are issues of their own.
        let lifetime = self.timeouts().idle.clamp(MIN_LIFETIME, MAX_LIFETIME);
        Revocations::builder().max_token_lifetime(lifetime).clock(self.clock.clone()).build()
    }
}

/// Shows no secret.
impl fmt::Debug for SessionAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuthBuilder")
            .field("cookie_name", &self.cookie_name)
            .field("domain", &self.domain)
            .field("has_store", &self.store.is_some())
            .field("has_secret", &self.secret.is_some())
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Without a stream, another process notices the end of a session only when it reads the record again.
const CACHE_TTL: Duration = Duration::from_secs(10);
const SHARED_CACHE_TTL: Duration = Duration::from_secs(60);

/// Some 30 MB.
const CACHE_CAPACITY: usize = 10_000;

/// Covers a restart or failover of a database.
const STALE_FOR: Duration = Duration::from_secs(60);

/// Longer than a healthy database takes for one row, and short enough that waiting requests do not accumulate.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// The longest that a session may be valid.
const MAX_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3_600);
