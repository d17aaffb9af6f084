//! `Batcher`: sends jobs that are queued at the same time to the server in one call.

// Most of the time of a call is not the decision: it is the round trip, the system calls, and the start of the script
// on the server, which runs one script at a time. So jobs that wait anyway share a call. There is no timer: a lone
// request is sent at once, and batches grow by themselves as the server becomes the bottleneck.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::rate_limit::redis::protocol::{Job, JobCharge, JobResponse, Operation, decode, encode, hash_tag};
use crate::rate_limit::redis::script_call::ScriptCall;
use crate::runtime::{self, RuntimeFault};
use crate::store::breaker::CircuitBreakers;
use crate::store::connection::{CallFuture, Connection};
use crate::store::failure::{ConnectedBy, Failure};
use crate::store::hash_slot::HashSlot;
use crate::store::setting_names::SettingNames;

/// Calls the script on one server or cluster.
///
/// To a server, one call runs at a time. Jobs that arrive meanwhile wait in a queue and make up the next call. In a
/// cluster, where jobs may belong to different nodes, each job is a call of its own.
pub(super) struct Batcher {
    connection: Arc<dyn Connection<ScriptCall>>,
    deadline: Duration,
    is_cluster: bool,
    pub(super) breakers: CircuitBreakers,
    queue: Mutex<Queue>,
    /// Set when a request that cannot call the server was logged, whatever the state of the server.
    runtime_fault: Once,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<QueuedJob>,
    /// Whether a task makes the calls.
    is_running: bool,
    /// When the current call began. If its runtime was stopped, it never ends, and must not hold up the queue.
    began_at: Option<Instant>,
}

/// A job, and where its response goes. If the sender is dropped, the request stops waiting and follows its outage
/// policy.
struct QueuedJob {
    job: Job,
    sender: oneshot::Sender<JobResponse>,
}

impl Batcher {
    pub(super) fn new(connection: Arc<dyn Connection<ScriptCall>>, deadline: Duration) -> Self {
        let is_cluster = connection.connected_by() == ConnectedBy::AppToCluster;
        let breakers = CircuitBreakers::new(is_cluster);
        Self { connection, deadline, is_cluster, breakers, queue: Mutex::default(), runtime_fault: Once::new() }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Returns the slot of a subject's keys, whose circuit breaker allows or stops calls about them.
    pub(super) fn hash_slot(&self, digest: u128) -> HashSlot {
        if self.is_cluster { HashSlot::of(&hash_tag(digest)) } else { HashSlot::default() }
    }

    fn hash_slot_of_job(&self, job: Option<&Job>) -> HashSlot {
        let first = job.and_then(|job| job.charges.first());
        first.map_or_else(HashSlot::default, |charge| self.hash_slot(charge.digest))
    }

    /// Returns until when a request that asks now waits for the response.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Queues a job. Returns `None` if no Tokio runtime with timers is available to run the call, or if the queue is
    /// full.
    pub(super) fn send(self: &Arc<Self>, job: Job) -> Option<oneshot::Receiver<JobResponse>> {
        let runtime = match runtime::current() {
            Ok(runtime) => runtime,
            Err(fault) => {
                self.report_runtime_fault(&job, fault);
                return None;
            }
        };
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING {
            return None;
        }
        queue.waiting.push(QueuedJob { job, sender });
        // The task belongs to the runtime of the request that started it, which may be another one than this request's
        // and may have stopped. No call takes longer than the deadline, so after twice as long another task takes over.
        let is_stuck = queue.began_at.is_some_and(|began_at| began_at.elapsed() > self.deadline.saturating_mul(2));
        if self.is_cluster {
            let batch = std::mem::take(&mut queue.waiting);
            drop(queue);
            let batcher = Arc::clone(self);
            drop(runtime.spawn(async move { batcher.call(batch).await }));
        } else if !queue.is_running || is_stuck {
            queue.is_running = true;
            queue.began_at = Some(Instant::now());
            drop(queue);
            let batch_loop = BatchLoop { batcher: Arc::clone(self), is_done: false };
            drop(runtime.spawn(batch_loop.run()));
        }
        Some(receiver)
    }

    /// Takes the next batch off the queue, up to the bounds of a call; `None` if the queue is empty.
    fn next_batch(&self) -> Option<Vec<QueuedJob>> {
        let mut queue = self.queue();
        // Drop requests whose callers already timed out: charging them would waste quota, and the queue would never
        // shrink.
        queue.waiting.retain(|queued| !(queued.job.operation == Operation::Decide && queued.sender.is_closed()));
        if queue.waiting.is_empty() {
            queue.is_running = false;
            queue.began_at = None;
            return None;
        }
        queue.began_at = Some(Instant::now());
        // A batch has at least one job, however many charges that has.
        let mut jobs = 0;
        let mut charges = 0;
        for queued in queue.waiting.iter().take(MAX_JOBS) {
            charges += queued.job.charges.len();
            if charges > MAX_CHARGES && jobs > 0 {
                break;
            }
            jobs += 1;
        }
        Some(queue.waiting.drain(..jobs).collect())
    }

    /// Makes one call. If it fails, the senders are dropped, which wakes the waiting requests.
    async fn call(self: &Arc<Self>, batch: Vec<QueuedJob>) {
        // In a cluster, all charges of a call have the same subject.
        let slot = self.hash_slot_of_job(batch.first().map(|queued| &queued.job));
        let (keys, request) = encode(batch.iter().map(|queued| &queued.job));
        let mut call = self.connection.call(ScriptCall { keys, request });
        let failure = match tokio::time::timeout(self.deadline, &mut call).await {
            Ok(Ok(response)) => match decode(&response, batch.iter().map(|queued| &queued.job)) {
                Some(responses) => return self.deliver(slot, batch, responses),
                None => Failure::unexpected_response(),
            },
            Ok(Err(failure)) => failure,
            Err(_) => {
                // The call is not canceled: the server may execute it in any case, and its response says what it
                // charged.
                self.refund_late_response(batch, call);
                self.connection.timeout(self.deadline)
            }
        };
        self.report_failure(slot, &failure);
    }

    /// Sends each request its response.
    fn deliver(self: &Arc<Self>, slot: HashSlot, batch: Vec<QueuedJob>, responses: Vec<JobResponse>) {
        if self.breakers.record_success(slot) {
            tracing::info!("the Redis server responds again");
        }
        for (queued, response) in batch.into_iter().zip(responses) {
            // The caller has disconnected or reached its own deadline in the meantime.
            if let Err(response) = queued.sender.send(response) {
                self.refund_unused(&queued.job, &response);
            }
        }
    }

    /// Waits for a response that missed the deadline, and refunds what it charged. The senders are dropped at once.
    fn refund_late_response(self: &Arc<Self>, batch: Vec<QueuedJob>, call: CallFuture<Vec<u8>>) {
        let jobs: Vec<Job> = batch.into_iter().map(|queued| queued.job).collect();
        let batcher = Arc::clone(self);
        drop(tokio::spawn(async move {
            let Ok(Ok(response)) = tokio::time::timeout(LATE_RESPONSE, call).await else { return };
            let responses = decode(&response, jobs.iter()).unwrap_or_default();
            jobs.iter().zip(&responses).for_each(|(job, response)| batcher.refund_unused(job, response));
        }));
    }

    /// Counts a failed call for the circuit breaker. Only the first failure of an outage is a warning.
    fn report_failure(&self, slot: HashSlot, failure: &Failure) {
        let error = failure.message.as_str();
        if self.breakers.record_failure(slot, Instant::now()) {
            let remedy = failure.kind.remedy(self.connection.connected_by(), &NAMES);
            tracing::warn!(
                error,
                "calls to Redis fail: the circuit breaker is open, and limits follow their outage policy; {remedy}"
            );
        } else {
            tracing::debug!(error, "the call to Redis failed");
        }
        if !self.breakers.retry_after(slot, Instant::now()).is_zero() {
            // The waiting requests would only run into their deadline.
            self.queue().waiting.clear();
            self.connection.abandon();
        }
    }

    /// Logs once that a request cannot call the server, and counts it for the circuit breaker, so that most other
    /// requests do not try.
    fn report_runtime_fault(&self, job: &Job, fault: RuntimeFault) {
        self.runtime_fault.call_once(|| {
            tracing::warn!(
                reason = %fault,
                "a request cannot call Redis, so its limits follow their outage policy; serve requests on a Tokio \
                 runtime that is built with enable_all()"
            );
        });
        self.breakers.record_failure(self.hash_slot_of_job(Some(job)), Instant::now());
    }

    /// Refunds what was charged for a request that did not wait for the response.
    ///
    /// Such a request was decided locally or not at all, so it must not use units on the server. The refund names the
    /// time of the charge, so that it cannot free units of later requests.
    fn refund_unused(self: &Arc<Self>, job: &Job, response: &JobResponse) {
        if job.operation != Operation::Decide || response.is_rejected() {
            return;
        }
        let charged = job.charges.iter().enumerate();
        let charged = charged.filter(|(index, charge)| charge.cost > 0 && !response.has_exceeded(*index));
        let refund = |(_, charge): (usize, &JobCharge)| JobCharge { charged_at: response.now, ..charge.clone() };
        let charges: Vec<_> = charged.map(refund).collect();
        if !charges.is_empty() {
            drop(self.send(Job { operation: Operation::Refund, charges }));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that makes one call after another until the queue is empty.
struct BatchLoop {
    batcher: Arc<Batcher>,
    is_done: bool,
}

impl BatchLoop {
    async fn run(mut self) {
        while let Some(batch) = self.batcher.next_batch() {
            self.batcher.call(batch).await;
        }
        self.is_done = true;
    }
}

/// If the task is dropped with its runtime, the waiting requests are released and the next request starts a new task.
impl Drop for BatchLoop {
    fn drop(&mut self) {
        if !self.is_done {
            let mut queue = self.batcher.queue();
            queue.is_running = false;
            queue.began_at = None;
            queue.waiting.clear();
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The settings that log lines name.
pub(super) const NAMES: SettingNames = SettingNames {
    documentation: "RedisStore",
    url: "RedisStore::connect",
    client: "RedisStore::from_client",
    deadline: Some("RedisStore::deadline"),
    cluster_remedy: "use RedisStore::cluster",
};
/// The most jobs in one call. A longer script would hold up the server's other clients.
const MAX_JOBS: usize = 128;
/// The most charges in one call. If each had its own rule, they would be some 6,900 numbers; Lua passes at most 8,000
/// to a function.
const MAX_CHARGES: usize = 512;
/// The most jobs that wait. A server that is this far behind responds to none of them in time.
const MAX_WAITING: usize = 65_536;
/// How long a late response is waited for, to refund what it charged.
const LATE_RESPONSE: Duration = Duration::from_secs(5);
