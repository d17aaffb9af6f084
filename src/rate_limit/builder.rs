//! `RateLimitBuilder`: what the user says, and every problem with it.

mod compile;
mod validate;

use std::sync::Arc;

use crate::clock::{Clock, SteadyClock};
use crate::context::{RateLimitStatus, Tier};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::rate_limit::builder::compile::CompiledLimit;
use crate::rate_limit::builder::validate::{is_route, judge_limit, problem};
use crate::rate_limit::diagnostics::Diagnostics;
use crate::rate_limit::key::Key;
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::limit::Limit;
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::policy::Policy;
use crate::rate_limit::quota::Quota;
use crate::rate_limit::response_headers::{ResetFormat, ResponseHeaders};
use crate::rate_limit::store::Store;

/// Configures a [`RateLimit`]. Each setter replaces what was set before, but for those that begin with `add_`. Where the
/// compiler says that this is no `Layer`, `.build()?` is missing.
#[derive(Debug)]
#[must_use]
pub struct RateLimitBuilder {
    limits: Vec<Limit>,
    key: Option<Key>,
    exempt: Vec<Box<str>>,
    store: Option<Store>,
    fields: ResponseHeaders,
    clock: Clock,
}

impl Default for RateLimitBuilder {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            key: None,
            exempt: Vec::new(),
            store: None,
            fields: ResponseHeaders { reset: Some(ResetFormat::Epoch), has_standard: false },
            clock: Clock::system(),
        }
    }
}

impl RateLimitBuilder {
    /// Sets one limit of this quota, under the name `default`, in place of what was set before.
    pub fn quota(self, quota: Quota) -> Self {
        self.limit(Limit::new(DEFAULT, quota))
    }

    /// Sets one limit whose quota goes by the tier of the verified user, under the name `default`, in place
    /// of what was set before; see [`Limit::by_tier`].
    pub fn by_tier(self, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        self.limit(Limit::by_tier(DEFAULT, quotas))
    }

    /// Sets the one limit, in place of what was set before; for a bare quota there is [`quota`](Self::quota). A limit is
    /// required; another is added by [`add_limit`](Self::add_limit).
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits = vec![limit];
        self
    }

    /// Adds a limit: up to eight are judged together, and charged only where all let the request through.
    pub fn add_limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Sets by what requests are counted. Required, here or for each limit.
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the routes that are not counted, spelt as the router has them: `/health`.
    ///
    /// Spelt whole, with the path of every `nest` before it, as in `["/health", "/api/items/{id}"]`. A route is axum's
    /// `MatchedPath`, which layers added by `Router::layer` and `route_layer` see; where there is none, the path as it was
    /// sent. So a path that only resembles one, as `//health`, is counted.
    pub fn exempt(mut self, routes: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        self.exempt = routes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets where the counts are kept: a [`MemoryStore`] of its own unless set.
    pub fn store(mut self, store: impl Into<Store>) -> Self {
        self.store = Some(store.into());
        self
    }

    /// Sets what `X-RateLimit-Reset` tells: the time in seconds since 1970 unless set.
    pub fn reset_format(mut self, reset: ResetFormat) -> Self {
        self.fields.reset = Some(reset);
        self
    }

    /// Sends the fields `RateLimit` and `RateLimit-Policy` too (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn ietf_draft_headers(mut self) -> Self {
        self.fields.has_standard = true;
        self
    }

    /// Sends no `X-RateLimit-*` fields. `Retry-After` is sent in any case.
    pub fn without_legacy_headers(mut self) -> Self {
        self.fields.reset = None;
        self
    }

    /// Sets where the time comes from, for tests: the system unless set. A store in Redis goes by the server's time.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}, testing::FakeClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let hands = FakeClock::new();
    /// let limit = RateLimit::builder().quota(Quota::per_minute(1)?).key(Key::global()).clock(hands.clock()).build()?;
    /// let everybody = Subject::global();
    /// assert!(limit.check(&everybody, 1).await.is_ok());
    /// let denial = limit.check(&everybody, 1).await.unwrap_err();
    /// // A count in sub-windows gives units back up to a twelfth of the window late.
    /// hands.advance(denial.retry_after().unwrap());
    /// assert!(limit.check(&everybody, 1).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Names every setting that is missing or cannot be meant.
    pub fn build(self) -> Result<RateLimit, ConfigError> {
        let mut problems = ConfigIssues::default();
        self.judge(&mut problems);
        let store = self.store.unwrap_or_else(|| MemoryStore::new().into());
        let memory = match &store {
            Store::Memory(store) => store.clone(),
            #[cfg(feature = "redis")]
            Store::Redis(store) => {
                store.judge(&mut problems);
                store.memory()
            }
        };
        let memory = judged_memory(memory, &mut problems);
        let mut made: Vec<CompiledLimit> = Vec::new();
        for limit in self.limits {
            judge_limit(&limit, self.key.as_ref(), &mut problems);
            let Some(key) = limit.key.clone().or_else(|| self.key.clone()) else {
                problems.add(problem(
                    "key",
                    IssueKind::Missing,
                    "not set",
                    "say by what to count, as Key::user()",
                    &limit,
                ));
                continue;
            };
            if let Some(rule) = CompiledLimit::new(limit, key, &memory) {
                made.push(rule);
            }
        }
        // The lines of one request are locked in the order of the shelves: no two requests wait for each other.
        made.sort_by_key(|made| made.order);
        let names = made.iter().map(|made| Arc::clone(&made.name)).collect();
        #[cfg(feature = "redis")]
        let redis = match store {
            Store::Memory(_) => None,
            Store::Redis(store) => Some(store.limiter(made.iter().map(|made| made.redis_rule(&memory)).collect())),
        };
        let (rules, seats): (Vec<_>, Vec<_>) = made.into_iter().map(|made| (made.rule, made.seat)).unzip();
        let is_plain = match (&*rules, &*seats) {
            ([rule], [seat]) => rule.failure.is_none() && !rule.is_shadow && seat.penalties.is_none(),
            _ => false,
        };
        #[cfg(feature = "redis")]
        let is_plain = is_plain && redis.is_none();
        problems.into_result(|| {
            RateLimit(Arc::new(Policy {
                rules: rules.into(),
                names,
                exempt: self.exempt.into(),
                fields: self.fields,
                clock: SteadyClock::new(self.clock),
                memory,
                seats: seats.into(),
                #[cfg(feature = "redis")]
                redis,
                diagnostics: Diagnostics::default(),
                is_plain,
            }))
        })
    }

    fn judge(&self, problems: &mut ConfigIssues) {
        if self.limits.is_empty() {
            let remedy = "set one, as .quota(Quota::per_minute(60)?)";
            problems.add(ConfigIssue::new("limit", IssueKind::Missing, "there is none", remedy));
        }
        if self.limits.len() > RateLimitStatus::MOST {
            let reason = "there are more than eight";
            problems.add(ConfigIssue::new(
                "limit",
                IssueKind::Invalid,
                reason,
                "put some of them into a second RateLimit",
            ));
        }
        for (index, limit) in self.limits.iter().enumerate() {
            if self.limits.iter().take(index).any(|other| other.name == limit.name) {
                problems.add(problem(
                    "limit",
                    IssueKind::Duplicate,
                    "the name stands twice",
                    "name each limit once",
                    limit,
                ));
            }
        }
        for route in self.exempt.iter().filter(|route| !is_route(route)) {
            let remedy = "spell the route as the router has it";
            let problem = ConfigIssue::new("exempt", IssueKind::Invalid, "no route of axum 0.8", remedy);
            problems.add(problem.with_value(&**route));
        }
    }
}

/// What cannot be meant is reported, and not allocated.
fn judged_memory(memory: MemoryStore, problems: &mut ConfigIssues) -> MemoryStore {
    if memory.is_sensible() {
        return memory;
    }
    let reason = "a store has places for one to a hundred million subjects of each limit";
    problems.add(ConfigIssue::new(
        "subjects",
        IssueKind::Invalid,
        reason,
        "give as many as are active within a window",
    ));
    MemoryStore::with_subjects(1)
}

const DEFAULT: &str = "default";
