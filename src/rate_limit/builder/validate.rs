//! Validates the settings of a `RateLimit` before anything is allocated.

// Each function adds its issues to one list and goes on, so that `build()` reports all of them. An issue names the
// setting, the limit, a reason and a remedy.

use std::borrow::Cow;

use crate::context::quota::{MAX_WINDOW, Quota, micros};
use crate::context::{RateLimitStatus, RoutePattern, Tier};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::rate_limit::algorithm::penalty::BlockParams;
use crate::rate_limit::algorithm::{Algorithm, MAX_LOG_UNITS};
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::{BlockDurations, Cost, Limit, OutagePolicy, Quotas};
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::memory::stored_limits::{LimitIdentity, StoredLimits};
use crate::rate_limit::store::Store;

/// A limit with its key and at least one quota. Its other settings are valid if no issue was reported.
pub(super) struct ValidLimit {
    pub(super) limit: Limit,
    pub(super) key: Key,
    /// The quota of each tier, the lowest tier first.
    pub(super) quotas: Vec<(Option<Tier>, Quota)>,
    /// The quota with the most units, which determines the size of the counters.
    pub(super) largest: Quota,
    pub(super) identity: LimitIdentity,
}

/// Validates all limits of a layer, for a store that may have limits of other layers.
pub(super) fn validate_limits(
    limits: Vec<Limit>,
    key: Option<&Key>,
    stored: &StoredLimits<'_>,
    issues: &mut ConfigIssues,
) -> Vec<ValidLimit> {
    if limits.is_empty() {
        let remedy = "set one, for example .quota(Quota::per_minute(60)?)";
        issues.add(ConfigIssue::new("limit", IssueKind::Missing, "no limit is set", remedy));
        match key {
            Some(key) => validate_key(key, None, issues),
            None => issues.add(ConfigIssue::new("key", IssueKind::Missing, "not set", KEY_REMEDY)),
        }
    }
    if limits.len() > RateLimitStatus::MAX_LIMITS {
        let remedy = "move some of them to a second RateLimit";
        issues.add(ConfigIssue::new("add_limit", IssueKind::Invalid, "a layer has more than eight limits", remedy));
    }
    for (index, limit) in limits.iter().enumerate() {
        if limits.iter().take(index).any(|other| other.name == limit.name) {
            let remedy = "give each limit its own name";
            issues.add(issue("add_limit", IssueKind::Duplicate, "two limits have this name", remedy, limit));
        }
    }
    limits.into_iter().filter_map(|limit| validate_limit(limit, key, stored, issues)).collect()
}

pub(super) fn validate_exempt(routes: &[RoutePattern], issues: &mut ConfigIssues) {
    for route in routes {
        if let Some((reason, remedy)) = route.mistake() {
            issues.add(ConfigIssue::new("exempt", IssueKind::Invalid, reason, remedy).with_value(route.to_string()));
        }
    }
}

pub(super) fn validate_store(store: &Store, issues: &mut ConfigIssues) {
    match store {
        Store::Memory(store) => validate_size("MemoryStore::with_max_bytes", store, issues),
        #[cfg(feature = "redis")]
        Store::Redis(store) => {
            store.validate(issues);
            validate_size("local_max_bytes", &store.local_memory(), issues);
        }
    }
}

fn validate_size(setting: &'static str, store: &MemoryStore, issues: &mut ConfigIssues) {
    if !store.has_valid_size() {
        let reason = "the size is not from 16 KiB to 64 GiB";
        let remedy = "set the bytes that each limit may take, for example 32 << 20";
        issues.add(ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy));
    }
}

/// Validates one limit. Returns `None` if it has no key or no quota.
fn validate_limit(
    limit: Limit,
    layer_key: Option<&Key>,
    stored: &StoredLimits<'_>,
    issues: &mut ConfigIssues,
) -> Option<ValidLimit> {
    validate_name(&limit, issues);
    validate_filter(&limit, issues);
    validate_outage(&limit, issues);
    validate_block(&limit, issues);
    let key = limit.key.clone().or_else(|| layer_key.cloned());
    match &key {
        Some(key) => validate_key(key, Some(&limit), issues),
        None => issues.add(issue("key", IssueKind::Missing, "not set", KEY_REMEDY, &limit)),
    }
    let quotas = limit.quotas.clone().into_ascending();
    let units = |(_, quota): &&(Option<Tier>, Quota)| quota.units();
    let smallest = quotas.iter().min_by_key(units).map(|(_, quota)| *quota);
    let largest = quotas.iter().max_by_key(units).map(|(_, quota)| *quota);
    let (Some(smallest), Some(largest)) = (smallest, largest) else {
        issues.add(invalid("by_tier", "no tier has a quota", "set a quota for at least one tier", &limit));
        return None;
    };
    validate_quotas(&limit, &quotas, smallest, largest, issues);
    let identity = identity(&limit, &quotas);
    validate_identity(&limit, &identity, stored, issues);
    Some(ValidLimit { key: key?, limit, quotas, largest, identity })
}

/// Two limits with the same name in one store would share their counters, and each would charge for the other's
/// requests.
fn validate_identity(limit: &Limit, identity: &LimitIdentity, stored: &StoredLimits<'_>, issues: &mut ConfigIssues) {
    let Some(other) = stored.identity(&limit.name) else { return };
    if other.quotas != identity.quotas {
        let reason = format!("the store has a limit with this name and another quota, {other}");
        let remedy = "use another name or store, or set the same quota; to change it, drop the other layer first";
        issues.add(issue("store", IssueKind::Duplicate, reason, remedy, limit));
    } else if other.by_credential != identity.by_credential {
        let reason = "the store has a limit with this name and quota, and only one of the two is by credential";
        let remedy = "use another name or store, or call by_credential() on both";
        issues.add(issue("store", IssueKind::Duplicate, reason, remedy, limit));
    } else if other.block != identity.block {
        let reason = "the store has a limit with this name and quota, but with other blocks";
        let remedy = "use another name or store, or set the same blocks";
        issues.add(issue("store", IssueKind::Duplicate, reason, remedy, limit));
    }
}

fn identity(limit: &Limit, quotas: &[(Option<Tier>, Quota)]) -> LimitIdentity {
    let algorithm = limit.quotas.algorithm(limit.by_credential);
    let named = |(tier, quota): &(Option<Tier>, Quota)| {
        let name = tier.as_ref().map(|tier| tier.name().into());
        // A limit that sets the default algorithm is the same as one that does not.
        (name, quota.algorithm(algorithm))
    };
    let window = quotas.first().map_or(0, |(_, quota)| micros(quota.window()));
    LimitIdentity {
        quotas: quotas.iter().map(named).collect(),
        by_credential: limit.by_credential,
        block: limit.block.map(|block| block_params(block, window)),
    }
}

/// Returns the lengths of blocks in microseconds. Without `escalate_to`, all blocks have the length of the first.
fn block_params(block: BlockDurations, window: u64) -> BlockParams {
    let first = micros(block.first).max(1);
    let longest = micros(block.longest.unwrap_or(block.first)).max(1);
    BlockParams { first, longest, readmits: longest > first && longest >= window }
}

/// Names are sent as strings of structured fields (RFC 9651 §3.3.3).
fn validate_name(limit: &Limit, issues: &mut ConfigIssues) {
    let is_printable = limit.name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if limit.name.is_empty() || !is_printable {
        let constructor = match limit.quotas {
            Quotas::Single(_) => "Limit::new",
            Quotas::ByTier(_) => "Limit::by_tier",
        };
        issues.add(invalid(constructor, "a name must be printable ASCII and not empty", "use another name", limit));
    }
}

fn validate_filter(limit: &Limit, issues: &mut ConfigIssues) {
    let Some(routes) = limit.filter.routes.as_deref() else { return };
    if routes.is_empty() {
        let reason = "the list of routes is empty, so nothing would be counted";
        issues.add(invalid("on_routes", reason, "name at least one route", limit));
    }
    for route in routes {
        if let Some((reason, remedy)) = route.mistake() {
            issues.add(invalid("on_routes", reason, remedy, limit).with_value(route.to_string()));
        }
    }
}

fn validate_outage(limit: &Limit, issues: &mut ConfigIssues) {
    if let Some(OutagePolicy::Local { share }) = limit.outage
        && !(share > 0.0 && share <= 1.0)
    {
        let reason = format!("{share} is not a share of the limit");
        issues.add(invalid("on_outage", reason, "set a share above 0 and at most 1, for example 0.25", limit));
    }
}

fn validate_block(limit: &Limit, issues: &mut ConfigIssues) {
    let Some(BlockDurations { first, longest }) = limit.block else { return };
    if limit.is_shadow {
        let reason = "a shadow limit rejects no request, so it never starts a block";
        issues.add(invalid("block_for", reason, "remove it, or remove shadow", limit));
    }
    if first.is_zero() {
        issues.add(invalid("block_for", "the block has a length of zero", "set block_for to more than zero", limit));
    }
    if longest.is_some_and(|longest| longest < first) {
        let reason = "the longest block is shorter than the first";
        issues.add(invalid("escalate_to", reason, "set it to block_for or more", limit));
    }
    if longest.unwrap_or(first) > MAX_WINDOW {
        let setting = if first > MAX_WINDOW { "block_for" } else { "escalate_to" };
        issues.add(invalid(setting, "a block is longer than 366 days", "set a shorter one", limit));
    }
}

/// Validates the key of a limit, or that of a layer without limits.
fn validate_key(key: &Key, limit: Option<&Limit>, issues: &mut ConfigIssues) {
    let mut add = |setting, reason: String, remedy| {
        let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy);
        issues.add(match limit {
            Some(limit) => issue.for_limit(&*limit.name),
            None => issue,
        });
    };
    if let Some(part) = key.unreachable_after() {
        let reason = format!("every request matches {part}, so what follows it is never used");
        add("key", reason, "put it last, or use two limits");
    }
    let bits = key.ipv6_prefix_bits();
    if !(1..=128).contains(&bits) {
        let reason = format!("an IPv6 prefix cannot have {bits} bits");
        add("ipv6_prefix", reason, "set a value from 1 to 128, for example 64");
    }
}

fn validate_quotas(
    limit: &Limit,
    quotas: &[(Option<Tier>, Quota)],
    smallest: Quota,
    largest: Quota,
    issues: &mut ConfigIssues,
) {
    if quotas.iter().any(|(_, quota)| quota.window() != smallest.window()) {
        issues.add(invalid("by_tier", "the quotas have different windows", "use one window for all tiers", limit));
    }
    if quotas.iter().any(|(_, quota)| quota.configured_algorithm() != smallest.configured_algorithm()) {
        let remedy = "count all tiers by one algorithm";
        issues.add(invalid("by_tier", "the quotas have different algorithms", remedy, limit));
    }
    if quotas.windows(2).any(|pair| matches!(pair, [(Some(low), _), (Some(high), _)] if low == high)) {
        issues.add(invalid("by_tier", "a tier has two quotas", "set one quota per tier", limit));
    }
    let is_log = limit.quotas.algorithm(limit.by_credential) == Algorithm::SlidingLog;
    if is_log && limit.by_credential {
        let reason = format!("a sliding log holds at most {MAX_LOG_UNITS} units, and a credential may have more");
        issues.add(invalid("by_credential", reason, "use rate_limit::Algorithm::SlidingWindow", limit));
    } else if is_log && largest.units().get() > MAX_LOG_UNITS {
        let reason = format!("a sliding log holds at most {MAX_LOG_UNITS} units");
        issues.add(invalid("algorithm", reason, "use rate_limit::Algorithm::SlidingWindow", limit));
    }
    if let Cost::Fixed(cost) = limit.cost
        && cost > smallest.units().get()
    {
        let reason = format!("{cost} units never fit into a quota of {}", smallest.units());
        issues.add(invalid("cost", reason, "lower the cost or raise the quota", limit));
    }
}

fn issue(
    setting: &'static str,
    kind: IssueKind,
    reason: impl Into<Cow<'static, str>>,
    remedy: &'static str,
    limit: &Limit,
) -> ConfigIssue {
    ConfigIssue::new(setting, kind, reason, remedy).for_limit(&*limit.name)
}

fn invalid(
    setting: &'static str,
    reason: impl Into<Cow<'static, str>>,
    remedy: &'static str,
    limit: &Limit,
) -> ConfigIssue {
    issue(setting, IssueKind::Invalid, reason, remedy, limit)
}

const KEY_REMEDY: &str = "set the key to count by, for example .key(Key::user())";
