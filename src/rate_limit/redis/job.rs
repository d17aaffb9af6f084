//! How the jobs of rate limits share calls, and what is refunded of them.

use crate::rate_limit::redis::protocol::{Job, JobCharge, JobResponse, Operation, decode, encode, hash_tag};
use crate::rate_limit::redis::script_call::ScriptCall;
use crate::store::batch::BatchJob;
use crate::store::setting_names::SettingNames;

impl BatchJob for Job {
    type Call = ScriptCall;
    type Response = JobResponse;

    const NAMES: &'static SettingNames = &NAMES;
    const DURING_OUTAGE: &'static str = "limits follow their outage policy";
    /// If each charge had its own rule, they would be some 6,900 numbers; Lua passes at most 8,000 to a function.
    const MAX_PARTS: usize = 512;

    fn parts(&self) -> usize {
        self.charges.len()
    }

    /// In a cluster, all charges of a job have the same subject.
    fn hash_tag(&self) -> String {
        self.charges.first().map(|charge| hash_tag(charge.digest)).unwrap_or_default()
    }

    /// Charging a request whose caller has timed out would waste quota.
    fn needs_caller(&self) -> bool {
        self.operation == Operation::Decide
    }

    fn encode<'a>(batch: impl ExactSizeIterator<Item = &'a Self>) -> ScriptCall {
        let (keys, request) = encode(batch);
        ScriptCall { keys, request }
    }

    fn decode<'a>(response: Vec<u8>, batch: impl Iterator<Item = &'a Self>) -> Option<Vec<JobResponse>> {
        decode(&response, batch)
    }

    /// Refunds what was charged for a request that did not wait for the response.
    ///
    /// Such a request was decided locally or not at all, so it must not use units on the server. The refund names the
    /// time of the charge, so that it cannot free units of later requests.
    fn undo(&self, response: &JobResponse) -> Option<Self> {
        if self.operation != Operation::Decide || response.is_rejected() {
            return None;
        }
        let charged = self.charges.iter().enumerate();
        let charged = charged.filter(|(index, charge)| charge.cost > 0 && !response.has_exceeded(*index));
        let refund = |(_, charge): (usize, &JobCharge)| JobCharge { charged_at: response.now, ..charge.clone() };
        let charges: Vec<_> = charged.map(refund).collect();
        (!charges.is_empty()).then_some(Self { operation: Operation::Refund, charges })
    }
}

/// The settings of `RedisStore`.
pub(super) const NAMES: SettingNames = SettingNames {
    documentation: "RedisStore",
    url: "RedisStore::connect",
    client: "RedisStore::from_client",
    deadline: Some("RedisStore::deadline"),
    cluster_remedy: "use RedisStore::cluster",
};
