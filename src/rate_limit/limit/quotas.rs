//! `Quotas`: the quota of a limit, or one for each tier.

use crate::context::Tier;
use crate::context::quota::Quota;
use crate::rate_limit::algorithm::{Algorithm, MAX_LOG_UNITS};

/// The quota of a limit. Tables and scripts need no special case for tiers: all quotas share one window and one
/// algorithm.
#[derive(Clone, Debug)]
pub(in crate::rate_limit) enum Quotas {
    Single(Quota),
    ByTier(Vec<(Tier, Quota)>),
}

impl Quotas {
    /// Returns the quotas with their tiers, the lowest tier first.
    pub(in crate::rate_limit) fn into_ascending(self) -> Vec<(Option<Tier>, Quota)> {
        match self {
            Self::Single(quota) => vec![(None, quota)],
            Self::ByTier(mut quotas) => {
                quotas.sort_by_key(|(tier, _)| tier.rank());
                quotas.into_iter().map(|(tier, quota)| (Some(tier), quota)).collect()
            }
        }
    }

    /// Returns the algorithm that counts: the configured one, or the default.
    ///
    /// The default is the most exact algorithm whose memory is small. A sliding log stores each unit, so it is the
    /// default only for small quotas, and never by tier: then the highest quota would set the memory of every subject.
    /// `by_credential` is for a limit whose subjects may have any other number of units.
    pub(in crate::rate_limit) fn algorithm(&self, by_credential: bool) -> Algorithm {
        let (quota, default) = match self {
            Self::Single(quota) if quota.units().get() <= MAX_LOG_UNITS && !by_credential => {
                (Some(quota), Algorithm::SlidingLog)
            }
            Self::Single(quota) => (Some(quota), Algorithm::SlidingWindow),
            Self::ByTier(quotas) => (quotas.first().map(|(_, quota)| quota), Algorithm::SlidingWindow),
        };
        quota.and_then(Quota::configured_algorithm).unwrap_or(default)
    }
}
