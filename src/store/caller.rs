//! `Caller`: makes calls to a server or a cluster, each with a deadline, and none while the circuit breaker is open.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::runtime;
use crate::store::connection::{Call, Connection};
use crate::store::failure::{ConnectedBy, Failure, FailureKind};
use crate::store::hash_slot::HashSlot;
use crate::store::outage::Outages;
use crate::store::setting_names::SettingNames;

/// Makes the calls of a store that are too few to be worth sharing; see `Batcher`.
pub(crate) struct Caller<C: Call> {
    connection: Arc<dyn Connection<C>>,
    deadline: Duration,
    names: &'static SettingNames,
    outages: Outages,
}

impl<C: Call> Caller<C> {
    pub(crate) fn new(
        connection: Arc<dyn Connection<C>>,
        deadline: Duration,
        names: &'static SettingNames,
        effect: &'static str,
    ) -> Self {
        let outages = Outages::new(connection.connected_by(), names, effect);
        Self { connection, deadline, names, outages }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.connection.connected_by() == ConnectedBy::AppToCluster
    }

    /// Makes a call about this key, to the node that has it. It begins at once, and the future waits for its end.
    ///
    /// # Errors
    ///
    /// Returns why there is no response, with what the operator can do.
    pub(crate) fn call(
        self: &Arc<Self>,
        key: &str,
        call: C,
    ) -> impl Future<Output = Result<C::Response, String>> + Send + use<C> {
        let caller = Arc::clone(self);
        let task = self.start(key, call);
        async move {
            match task?.await {
                Ok(result) => result.map_err(|failure| {
                    let remedy = failure.kind.remedy(caller.connection.connected_by(), caller.names);
                    format!("{}; {remedy}", failure.message)
                }),
                Err(_) => Err("the call to Redis was stopped".to_owned()),
            }
        }
    }

    fn start(self: &Arc<Self>, key: &str, call: C) -> Result<JoinHandle<Result<C::Response, Failure>>, String> {
        let runtime = runtime::current().map_err(|fault| fault.to_string())?;
        let slot = if self.is_cluster() { HashSlot::of_key(key) } else { HashSlot::default() };
        if !self.outages.breakers.allows_call(slot, Instant::now()) {
            return Err("the circuit breaker is open, because calls to Redis have failed".to_owned());
        }
        let caller = Arc::clone(self);
        // In a task of its own: if a request is canceled, the deadline still applies, and a call without a response
        // still counts as failed. Otherwise a connection to a host that has vanished might never be replaced.
        Ok(runtime.spawn(async move { caller.make(slot, call).await }))
    }

    async fn make(&self, slot: HashSlot, call: C) -> Result<C::Response, Failure> {
        let result = tokio::time::timeout(self.deadline, self.attempt(call)).await;
        let result = result.unwrap_or_else(|_| Err(self.connection.timeout(self.deadline)));
        match &result {
            Ok(_) => self.outages.record_success(slot),
            Err(failure) => {
                if self.outages.record_failure(slot, failure) {
                    self.connection.abandon();
                }
            }
        }
        result
    }

    async fn attempt(&self, call: C) -> Result<C::Response, Failure> {
        let again = call.repeat();
        match (self.connection.call(call).await, again) {
            // Servers and load balancers close idle connections, and minutes may pass between two calls.
            (Err(failure), Some(again)) if failure.kind == FailureKind::Closed => self.connection.call(again).await,
            (result, _) => result,
        }
    }
}
