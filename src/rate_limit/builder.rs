//! `RateLimitBuilder`: what the user says, and every problem with it.

use std::sync::Arc;

use http::HeaderValue;

use crate::clock::{Clock, SteadyClock};
use crate::context::{Allowance, Tier};
use crate::error::{BuildError, Fault, Problem, Problems};
use crate::rate_limit::count::Terms;
use crate::rate_limit::fields::{Fields, Reset, quoted};
use crate::rate_limit::gate::RateLimit;
use crate::rate_limit::key::Key;
#[cfg(feature = "redis")]
use crate::rate_limit::limit::Outage;
use crate::rate_limit::limit::{Block, Cost, Limit};
use crate::rate_limit::memory::{MemoryStore, Seat};
use crate::rate_limit::notices::Notices;
use crate::rate_limit::policy::{Grade, Policy, Rule};
use crate::rate_limit::quota::{Algorithm, LONGEST, MOST_EXACT, Quota, micros};
#[cfg(feature = "redis")]
use crate::rate_limit::redis::{RedisRule, WireRule};
use crate::rate_limit::store::Store;

/// Configures a [`RateLimit`]. Each setter replaces what was set before, but for those that begin with `add_`.
#[derive(Debug)]
#[must_use]
pub struct RateLimitBuilder {
    limits: Vec<Limit>,
    key: Option<Key>,
    exempt: Vec<Box<str>>,
    store: Option<Store>,
    fields: Fields,
    clock: Clock,
}

impl Default for RateLimitBuilder {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            key: None,
            exempt: Vec::new(),
            store: None,
            fields: Fields { reset: Some(Reset::Epoch), has_standard: false },
            clock: Clock::system(),
        }
    }
}

impl RateLimitBuilder {
    /// Sets one limit of this quota, under the name `default`.
    pub fn quota(self, quota: Quota) -> Self {
        self.limit(Limit::new(DEFAULT, quota))
    }

    /// Sets one limit whose quota goes by the tier of the verified user, under the name `default`; see [`Limit::by_tier`].
    pub fn by_tier(self, quotas: impl IntoIterator<Item = (Tier, Quota)>) -> Self {
        self.limit(Limit::by_tier(DEFAULT, quotas))
    }

    /// Sets the one limit. A limit is required, here or by one of the shorter words for it.
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
    /// A route is axum's `MatchedPath`; where there is none, the path as it was sent. So a path that only resembles one, as
    /// `//health`, is counted.
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
    pub fn reset(mut self, reset: Reset) -> Self {
        self.fields.reset = Some(reset);
        self
    }

    /// Sends the fields `RateLimit` and `RateLimit-Policy` too (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn standard_fields(mut self) -> Self {
        self.fields.has_standard = true;
        self
    }

    /// Sends no `X-RateLimit-*` fields. `Retry-After` is sent in any case.
    pub fn without_x_fields(mut self) -> Self {
        self.fields.reset = None;
        self
    }

    /// Sets where the time comes from, for tests: the system unless set. A store in Redis goes by the server's time.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Names every setting that is missing or cannot be meant.
    pub fn build(self) -> Result<RateLimit, BuildError> {
        let mut problems = Problems::default();
        self.judge(&mut problems);
        let store = self.store.unwrap_or_else(|| MemoryStore::new().into());
        let memory = match &store {
            Store::Memory(store) => store.clone(),
            #[cfg(feature = "redis")]
            Store::Redis(store) => {
                store.judge().into_iter().for_each(|problem| problems.add(problem));
                store.memory()
            }
        };
        let mut made: Vec<Made> = Vec::new();
        for limit in self.limits {
            judge_limit(&limit, &mut problems);
            let Some(key) = limit.key.clone().or_else(|| self.key.clone()) else {
                problems.add(problem("key", Fault::Missing, "not set", "say by what to count, as Key::user()", &limit));
                continue;
            };
            if let Some(rule) = Made::new(limit, key, &memory) {
                made.push(rule);
            }
        }
        // The lines of one request are locked in the order of the shelves: no two requests wait for each other.
        made.sort_by_key(|made| made.order);
        let names = made.iter().map(|made| Arc::clone(&made.name)).collect();
        #[cfg(feature = "redis")]
        let redis = match store {
            Store::Memory(_) => None,
            Store::Redis(store) => Some(store.seat(made.iter().map(|made| made.redis_rule(&memory)).collect())),
        };
        let (rules, seats): (Vec<_>, Vec<_>) = made.into_iter().map(|made| (made.rule, made.seat)).unzip();
        problems.none_or(|| {
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
                notices: Notices::default(),
            }))
        })
    }

    fn judge(&self, problems: &mut Problems) {
        if self.limits.is_empty() {
            let remedy = "set one, as .quota(Quota::per_minute(60)?)";
            problems.add(Problem::new("limit", Fault::Missing, "there is none", remedy));
        }
        if self.limits.len() > Allowance::MOST {
            let reason = "there are more than eight";
            problems.add(Problem::new("limit", Fault::Invalid, reason, "put some of them into a second RateLimit"));
        }
        for (index, limit) in self.limits.iter().enumerate() {
            if self.limits.iter().take(index).any(|other| other.name == limit.name) {
                problems.add(problem("limit", Fault::Repeated, "the name stands twice", "name each limit once", limit));
            }
        }
        for route in self.exempt.iter().filter(|route| !route.starts_with('/')) {
            let remedy = "spell the route as the router has it";
            let problem = Problem::new("exempt", Fault::Invalid, "a route begins with a slash", remedy);
            problems.add(problem.with_value(&**route));
        }
    }
}

fn problem(
    setting: &'static str,
    fault: Fault,
    reason: impl Into<std::borrow::Cow<'static, str>>,
    remedy: &'static str,
    limit: &Limit,
) -> Problem {
    Problem::new(setting, fault, reason, remedy).with_value(&*limit.name)
}

fn judge_limit(limit: &Limit, problems: &mut Problems) {
    let mut add =
        |setting, reason: String, remedy| problems.add(problem(setting, Fault::Invalid, reason, remedy, limit));
    if limit.name.is_empty() || !limit.name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        add("limit", "a name is printable ASCII, and not empty (RFC 9651 3.3.3)".to_owned(), "give another name");
    }
    let quotas = limit.quotas.clone().ascending();
    let units = |(_, quota): &(Option<Tier>, Quota)| quota.units().get();
    let (Some((_, first)), Some(smallest)) = (quotas.first(), quotas.iter().map(units).min()) else {
        add("by_tier", "there is no tier".to_owned(), "give a quota for one tier at least");
        return;
    };
    if quotas.iter().any(|(_, quota)| quota.window() != first.window()) {
        add("by_tier", "the quotas differ in their windows".to_owned(), "use one window for all tiers");
    }
    if quotas.iter().any(|(_, quota)| quota.algorithm() != first.algorithm()) {
        add("by_tier", "the quotas differ in their algorithms".to_owned(), "count all tiers by one algorithm");
    }
    if quotas.windows(2).any(|pair| matches!(pair, [(Some(low), _), (Some(high), _)] if low == high)) {
        add("by_tier", "a tier stands twice".to_owned(), "give one quota a tier");
    }
    let is_exact = limit.quotas.algorithm() == Algorithm::Exact;
    if is_exact && quotas.iter().any(|quota| units(quota) > MOST_EXACT) {
        add("counted_by", format!("an exact log has {MOST_EXACT} units at most"), "use Algorithm::Sliding");
    }
    if let Cost::Fixed(cost) = limit.cost
        && cost > smallest
    {
        add("cost", format!("{cost} units never fit into a quota of {smallest}"), "lower the cost or raise the quota");
    }
    for route in limit.applies.routes.iter().flat_map(|routes| routes.iter()).filter(|route| !route.starts_with('/')) {
        add("only_on", format!("{route:?} does not begin with a slash"), "spell the route as the router has it");
    }
    if let Some(Block { first, longest }) = limit.block {
        if first.is_zero() {
            add("block_for", "a block has no length".to_owned(), "set block_for to more than zero");
        }
        if longest.is_some_and(|longest| longest < first) {
            add(
                "escalate_to",
                "the longest block is shorter than the first".to_owned(),
                "set it to more than block_for",
            );
        }
        if longest.unwrap_or(first) > LONGEST {
            add("block_for", "a block is longer than 366 days".to_owned(), "set a shorter one");
        }
    }
}

/// A limit as it is asked.
struct Made {
    /// Its place in the order of locks.
    order: usize,
    name: Arc<str>,
    rule: Rule,
    seat: Seat,
    #[cfg(feature = "redis")]
    terms: MadeTerms,
}

/// What a store in another process is told of a limit.
#[cfg(feature = "redis")]
struct MadeTerms {
    algorithm: Algorithm,
    terms: Terms,
    penalty: Option<Terms>,
    outage: Outage,
}

impl Made {
    /// `None` where it has no quota.
    fn new(limit: Limit, key: Key, memory: &MemoryStore) -> Option<Self> {
        let algorithm = limit.quotas.algorithm();
        #[cfg(feature = "redis")]
        let outage = limit.outage();
        let quotas = limit.quotas.ascending();
        let largest = quotas.iter().max_by_key(|(_, quota)| quota.units())?.1;
        let terms = largest.terms(algorithm);
        let (order, counts) = memory.counts(&limit.name, algorithm, terms);
        let penalty = limit.block.map(|block| {
            let (first, longest) = (micros(block.first), micros(block.longest.unwrap_or(block.first)));
            Terms { limit: 1, window: first.max(1), step: longest.max(1) }
        });
        let penalties = penalty.map(|terms| memory.penalties(&limit.name, terms));
        #[cfg(feature = "redis")]
        let terms = MadeTerms { algorithm, terms, penalty, outage };
        let rule = Rule {
            key,
            grades: quotas.into_iter().map(|(tier, quota)| grade(&limit.name, tier, quota)).collect(),
            cost: limit.cost,
            applies: limit.applies,
            failure: limit.failure,
            by_route: limit.by_route,
            is_shadow: limit.is_shadow,
        };
        let seat = Seat { counts, penalties };
        Some(Self {
            order,
            name: limit.name,
            rule,
            seat,
            #[cfg(feature = "redis")]
            terms,
        })
    }

    #[cfg(feature = "redis")]
    fn redis_rule(&self, memory: &MemoryStore) -> RedisRule {
        let MadeTerms { algorithm, terms, penalty, outage } = &self.terms;
        let lowest = self.rule.grades.iter().map(|grade| grade.limit).min().unwrap_or(1).max(1);
        let grades = self.rule.grades.iter().map(|grade| {
            // A bucket's debt is kept for as long as the rate of the lowest tier takes to pay it.
            let step = match algorithm {
                Algorithm::TokenBucket => terms.window.saturating_mul(u64::from(terms.limit.div_ceil(lowest))),
                _ => terms.step,
            };
            let (first_block, longest_block) = penalty.map_or((0, 0), |terms| (terms.window, terms.step));
            let rule = WireRule {
                name: &self.name,
                algorithm: *algorithm,
                limit: grade.limit,
                window: terms.window,
                step,
                first_block,
                longest_block,
                is_shadow: self.rule.is_shadow,
            };
            rule.encode()
        });
        RedisRule {
            grades: grades.collect(),
            outage: *outage,
            may_be_refunded: self.rule.failure.is_some(),
            notes: memory.notes(&self.name),
        }
    }
}

fn grade(name: &str, tier: Option<Tier>, quota: Quota) -> Grade {
    let item = quoted(name);
    let window = quota.window().as_secs();
    // The window is in whole seconds, and left out where it is shorter than one (draft, section 3.1.2).
    let window = if window == 0 { String::new() } else { format!(";w={window}") };
    let policy = format!("{item};q={}{window}", quota.units());
    Grade {
        tier,
        limit: quota.units().get(),
        limit_field: HeaderValue::from(quota.units().get()),
        // A name of other characters was reported as a problem.
        policy_field: HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("")),
        item,
    }
}

const DEFAULT: &str = "default";
