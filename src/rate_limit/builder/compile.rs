//! `CompiledLimit`: turns a valid limit into a rule and its tables.

use std::sync::Arc;

use http::HeaderValue;

use crate::context::Tier;
use crate::context::quota::Quota;
#[cfg(feature = "redis")]
use crate::rate_limit::algorithm::Algorithm;
use crate::rate_limit::algorithm::WindowParams;
#[cfg(feature = "redis")]
use crate::rate_limit::algorithm::penalty::BlockParams;
use crate::rate_limit::builder::validate::ValidLimit;
#[cfg(feature = "redis")]
use crate::rate_limit::limit::OutagePolicy;
use crate::rate_limit::memory::limit_tables::{LimitTables, TableParams};
use crate::rate_limit::memory::stored_limits::StoredLimits;
#[cfg(feature = "redis")]
use crate::rate_limit::redis::limiter::RedisRule;
#[cfg(feature = "redis")]
use crate::rate_limit::redis::protocol::{MAX_LIFETIME, RuleParams};
use crate::rate_limit::response_headers::quoted;
use crate::rate_limit::rule::{Rule, TierQuota};

/// A limit in the form that requests are checked against.
pub(super) struct CompiledLimit {
    pub(super) name: Arc<str>,
    pub(super) rule: Rule,
    pub(super) tables: Arc<LimitTables>,
    /// Needed later, when the layer's store is known to be in Redis.
    #[cfg(feature = "redis")]
    shared: SharedParams,
}

/// What the rule in Redis is made of.
#[cfg(feature = "redis")]
struct SharedParams {
    algorithm: Algorithm,
    window: WindowParams,
    block: Option<BlockParams>,
    outage: OutagePolicy,
}

impl CompiledLimit {
    /// Creates the limit's tables in the store, or reuses those of a limit with the same name and quota.
    pub(super) fn new(valid: ValidLimit, stored: &mut StoredLimits<'_>) -> Self {
        let ValidLimit { limit, key, quotas, largest, identity } = valid;
        let algorithm = limit.quotas.algorithm(limit.by_credential);
        let window = WindowParams::of(largest, algorithm);
        let block = identity.block;
        // The counters hold any quota that a credential may have.
        let counted = if limit.by_credential { window.with_limit(u32::MAX) } else { window };
        Self {
            tables: stored.tables(&limit.name, identity, TableParams { algorithm, window: counted, block }),
            #[cfg(feature = "redis")]
            shared: SharedParams { algorithm, window, block, outage: limit.outage_policy() },
            rule: Rule {
                key,
                quotas: quotas.into_iter().map(|(tier, quota)| tier_quota(&limit.name, tier, quota)).collect(),
                cost: limit.cost,
                filter: limit.filter,
                failure: limit.failure,
                by_route: limit.by_route,
                by_credential: limit.by_credential,
                window: largest.window(),
                is_shadow: limit.is_shadow,
                counts_in_a_row: limit.counts_in_a_row,
                readmits: block.is_some_and(|block| block.readmits),
            },
            name: limit.name,
        }
    }

    /// Returns the rule in the form that Redis needs.
    #[cfg(feature = "redis")]
    pub(super) fn redis_rule(&self, reports_more: bool) -> RedisRule {
        let SharedParams { algorithm, window, block, outage } = &self.shared;
        let lowest = self.rule.quotas.iter().map(|quota| quota.limit).min().unwrap_or(1).max(1);
        let step = match algorithm {
            // A bucket is kept until its debt is refilled, at the rate of the lowest tier. If the key expired at the
            // rate of a higher tier, a user whose tier was lowered would start with a full bucket.
            Algorithm::TokenBucket => {
                let windows = u64::from(window.limit.div_ceil(lowest));
                window.window.saturating_mul(windows).min(MAX_LIFETIME)
            }
            _ => window.step,
        };
        let encode = |quota: &TierQuota| {
            let params = RuleParams {
                name: &self.name,
                algorithm: *algorithm,
                limit: quota.limit,
                window: window.window,
                step,
                first_block: block.map_or(0, |block| block.first),
                longest_block: block.map_or(0, |block| block.longest),
                readmits: block.is_some_and(|block| block.readmits),
                is_shadow: self.rule.is_shadow,
                reports_more,
            };
            params.encode()
        };
        RedisRule {
            quotas: self.rule.quotas.iter().map(encode).collect(),
            credential_step: window.step,
            outage: *outage,
            may_be_refunded: self.rule.failure.is_some(),
            denials: Arc::clone(&self.tables.denials),
        }
    }
}

/// Renders the header values of a quota.
fn tier_quota(name: &str, tier: Option<Tier>, quota: Quota) -> TierQuota {
    let quoted_name = quoted(name);
    TierQuota {
        tier,
        limit: quota.units().get(),
        limit_header: HeaderValue::from(quota.units().get()),
        policy_header: Rule::policy_header(&quoted_name, quota.units().get(), quota.window()),
        quoted_name,
    }
}
