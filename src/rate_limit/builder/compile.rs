//! A limit made ready to be asked.

use std::sync::Arc;

use http::HeaderValue;

use crate::context::Tier;
use crate::rate_limit::algorithm::WindowParams;
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::Limit;
#[cfg(feature = "redis")]
use crate::rate_limit::limit::OutagePolicy;
use crate::rate_limit::memory::{LimitTables, MemoryStore};
use crate::rate_limit::policy::{Rule, TierQuota};
#[cfg(feature = "redis")]
use crate::rate_limit::quota::Algorithm;
use crate::rate_limit::quota::{Quota, micros};
#[cfg(feature = "redis")]
use crate::rate_limit::redis::{RedisRule, WireRule};
use crate::rate_limit::response_headers::quoted;

/// A limit as it is asked.
pub(super) struct CompiledLimit {
    /// Its place in the order of locks.
    pub(super) order: usize,
    pub(super) name: Arc<str>,
    pub(super) rule: Rule,
    pub(super) seat: LimitTables,
    #[cfg(feature = "redis")]
    params: MadeTerms,
}

/// What a store in another process is told of a limit.
#[cfg(feature = "redis")]
struct MadeTerms {
    algorithm: Algorithm,
    params: WindowParams,
    penalty: Option<WindowParams>,
    outage: OutagePolicy,
}

impl CompiledLimit {
    /// `None` where it has no quota.
    pub(super) fn new(limit: Limit, key: Key, memory: &MemoryStore) -> Option<Self> {
        let algorithm = limit.quotas.algorithm();
        #[cfg(feature = "redis")]
        let outage = limit.outage();
        let quotas = limit.quotas.ascending();
        let largest = quotas.iter().max_by_key(|(_, quota)| quota.units())?.1;
        let params = largest.params(algorithm);
        let (order, counts) = memory.counts(&limit.name, algorithm, params);
        let penalty = limit.block.map(|block| {
            let (first, longest) = (micros(block.first), micros(block.longest.unwrap_or(block.first)));
            WindowParams { limit: 1, window: first.max(1), step: longest.max(1) }
        });
        let penalties = penalty.map(|params| memory.penalties(&limit.name, params));
        #[cfg(feature = "redis")]
        let params = MadeTerms { algorithm, params, penalty, outage };
        let rule = Rule {
            key,
            tier_quotas: quotas.into_iter().map(|(tier, quota)| grade(&limit.name, tier, quota)).collect(),
            cost: limit.cost,
            applies: limit.applies,
            failure: limit.failure,
            by_route: limit.by_route,
            is_shadow: limit.is_shadow,
        };
        let seat = LimitTables { counts, penalties };
        Some(Self {
            order,
            name: limit.name,
            rule,
            seat,
            #[cfg(feature = "redis")]
            params,
        })
    }

    #[cfg(feature = "redis")]
    pub(super) fn redis_rule(&self, memory: &MemoryStore) -> RedisRule {
        let MadeTerms { algorithm, params, penalty, outage } = &self.params;
        let lowest = self.rule.tier_quotas.iter().map(|grade| grade.limit).min().unwrap_or(1).max(1);
        let tier_quotas = self.rule.tier_quotas.iter().map(|grade| {
            // A bucket's debt is kept for as long as the rate of the lowest tier takes to pay it.
            let step = match algorithm {
                Algorithm::TokenBucket => {
                    params.window.saturating_mul(u64::from(params.limit.div_ceil(lowest))).min(LONGEST_KEPT)
                }
                _ => params.step,
            };
            let (first_block, longest_block) = penalty.map_or((0, 0), |params| (params.window, params.step));
            let rule = WireRule {
                name: &self.name,
                algorithm: *algorithm,
                limit: grade.limit,
                window: params.window,
                step,
                first_block,
                longest_block,
                is_shadow: self.rule.is_shadow,
            };
            rule.encode()
        });
        RedisRule {
            tier_quotas: tier_quotas.collect(),
            outage: *outage,
            may_be_refunded: self.rule.failure.is_some(),
            notes: memory.notes(&self.name),
        }
    }
}

/// The script keeps no state for longer: `LONGEST` of key.lua.
#[cfg(feature = "redis")]
const LONGEST_KEPT: u64 = 1 << 51;

fn grade(name: &str, tier: Option<Tier>, quota: Quota) -> TierQuota {
    let item = quoted(name);
    let window = quota.window().as_secs();
    // The window is in whole seconds, and left out where it is shorter than one (draft, section 3.1.2).
    let window = if window == 0 { String::new() } else { format!(";w={window}") };
    let policy = format!("{item};q={}{window}", quota.units());
    TierQuota {
        tier,
        limit: quota.units().get(),
        limit_field: HeaderValue::from(quota.units().get()),
        // A name of other characters was reported as a problem.
        policy_field: HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("")),
        item,
    }
}
