//! `Outages`: the circuit breakers of a store, and what the log says about the outages that they notice.

use tokio::time::Instant;

use crate::store::breaker::CircuitBreakers;
use crate::store::failure::{ConnectedBy, Failure};
use crate::store::hash_slot::HashSlot;
use crate::store::setting_names::SettingNames;

/// Counts the calls that fail, and logs the begin and the end of an outage once.
pub(crate) struct Outages {
    pub(crate) breakers: CircuitBreakers,
    connected_by: ConnectedBy,
    names: &'static SettingNames,
    /// What happens to requests meanwhile, such as "limits follow their outage policy".
    effect: &'static str,
}

impl Outages {
    pub(crate) fn new(connected_by: ConnectedBy, names: &'static SettingNames, effect: &'static str) -> Self {
        let breakers = CircuitBreakers::new(connected_by == ConnectedBy::AppToCluster);
        Self { breakers, connected_by, names, effect }
    }

    /// Counts a call that succeeded.
    pub(crate) fn record_success(&self, slot: HashSlot) {
        if self.breakers.record_success(slot) {
            tracing::info!("the Redis server responds again");
        }
    }

    /// Counts a failed call. Only the first failure of an outage is a warning. Returns whether the breaker is open.
    pub(crate) fn record_failure(&self, slot: HashSlot, failure: &Failure) -> bool {
        let error = failure.message.as_str();
        if self.breakers.record_failure(slot, Instant::now()) {
            let effect = self.effect;
            let remedy = failure.kind.remedy(self.connected_by, self.names);
            tracing::warn!(error, "calls to Redis fail: the circuit breaker is open, and {effect}; {remedy}");
        } else {
            tracing::debug!(error, "the call to Redis failed");
        }
        !self.breakers.retry_after(slot, Instant::now()).is_zero()
    }
}
