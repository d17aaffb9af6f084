//! `Batcher`: sends jobs that are queued at the same time to the server in one call.

// Most of the time of a call is not the work of the server: it is the round trip, the system calls, and the start of a
// script, of which the server runs one at a time. So jobs that wait anyway share a call. There is no timer: a lone
// request is sent at once, and batches grow by themselves as the server becomes the bottleneck.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::runtime::{self, RuntimeFault};
use crate::store::connection::{Call, CallFuture, Connection};
use crate::store::failure::{ConnectedBy, Failure};
use crate::store::hash_slot::HashSlot;
use crate::store::outage::Outages;
use crate::store::setting_names::SettingNames;

/// What one request asks the server.
pub(crate) trait BatchJob: Send + Sized + 'static {
    type Call: Call;
    type Response: Send + 'static;

    /// The settings that log lines name.
    const NAMES: &'static SettingNames;
    /// What happens to requests during an outage, for log lines, such as "limits follow their outage policy".
    const DURING_OUTAGE: &'static str;
    /// The most [parts](Self::parts) in one call.
    const MAX_PARTS: usize;

    /// Returns how many parts the job has, by which the size of a call is limited.
    fn parts(&self) -> usize;

    /// Returns the hash tag of all keys of the job. Only called for a cluster, where a job has keys of one slot.
    fn hash_tag(&self) -> String;

    /// Whether the job is useless once its caller has timed out.
    fn needs_caller(&self) -> bool;

    /// Returns the call for all jobs of a batch.
    fn encode<'a>(batch: impl ExactSizeIterator<Item = &'a Self>) -> Self::Call;

    /// Returns a response for each job of the batch; `None` if the server's response has another form.
    fn decode<'a>(
        response: <Self::Call as Call>::Response,
        batch: impl Iterator<Item = &'a Self>,
    ) -> Option<Vec<Self::Response>>;

    /// Returns the job that undoes what the server did for a caller that did not wait for this response.
    fn undo(&self, response: &Self::Response) -> Option<Self>;
}

/// Makes the calls to one server or cluster.
///
/// To a server, one call runs at a time. Jobs that arrive meanwhile wait in a queue and make up the next call. In a
/// cluster, where jobs may belong to different nodes, each job is a call of its own.
pub(crate) struct Batcher<J: BatchJob> {
    connection: Arc<dyn Connection<J::Call>>,
    deadline: Duration,
    is_cluster: bool,
    pub(crate) outages: Outages,
    queue: Mutex<Queue<J>>,
    /// Set when a request that cannot call the server was logged, whatever the state of the server.
    runtime_fault: Once,
}

struct Queue<J: BatchJob> {
    waiting: Vec<QueuedJob<J>>,
    /// Whether a task makes the calls.
    is_running: bool,
    /// When the current call began. If its runtime was stopped, it never ends, and must not hold up the queue.
    began_at: Option<Instant>,
}

/// A job, and where its response goes. If the sender is dropped, the request stops waiting, as in an outage.
struct QueuedJob<J: BatchJob> {
    job: J,
    sender: oneshot::Sender<J::Response>,
}

impl<J: BatchJob> Batcher<J> {
    pub(crate) fn new(connection: Arc<dyn Connection<J::Call>>, deadline: Duration) -> Self {
        let is_cluster = connection.connected_by() == ConnectedBy::AppToCluster;
        let outages = Outages::new(connection.connected_by(), J::NAMES, J::DURING_OUTAGE);
        let queue = Mutex::new(Queue { waiting: Vec::new(), is_running: false, began_at: None });
        Self { connection, deadline, is_cluster, outages, queue, runtime_fault: Once::new() }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Returns the slot of the keys with this hash tag, whose circuit breaker allows or stops calls about them.
    pub(crate) fn hash_slot(&self, tag: impl FnOnce() -> String) -> HashSlot {
        if self.is_cluster { HashSlot::of(&tag()) } else { HashSlot::default() }
    }

    /// Returns until when a request that asks now waits for the response.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Queues a job. Returns `None` if no Tokio runtime with timers is available to run the call, or if the queue is
    /// full.
    pub(crate) fn send(self: &Arc<Self>, job: J) -> Option<oneshot::Receiver<J::Response>> {
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
    fn next_batch(&self) -> Option<Vec<QueuedJob<J>>> {
        let mut queue = self.queue();
        // Drop requests whose callers already timed out: the server would work for no one, and the queue would
        // never shrink.
        queue.waiting.retain(|queued| !(queued.job.needs_caller() && queued.sender.is_closed()));
        if queue.waiting.is_empty() {
            queue.is_running = false;
            queue.began_at = None;
            return None;
        }
        queue.began_at = Some(Instant::now());
        // A batch has at least one job, however many parts that has.
        let mut jobs = 0;
        let mut parts = 0;
        for queued in queue.waiting.iter().take(MAX_JOBS) {
            parts += queued.job.parts();
            if parts > J::MAX_PARTS && jobs > 0 {
                break;
            }
            jobs += 1;
        }
        Some(queue.waiting.drain(..jobs).collect())
    }

    /// Makes one call. If it fails, the senders are dropped, which wakes the waiting requests.
    async fn call(self: &Arc<Self>, batch: Vec<QueuedJob<J>>) {
        // In a cluster, the batch is one job.
        let slot = self.hash_slot(|| batch.first().map(|queued| queued.job.hash_tag()).unwrap_or_default());
        let mut call = self.connection.call(J::encode(batch.iter().map(|queued| &queued.job)));
        let failure = match tokio::time::timeout(self.deadline, &mut call).await {
            Ok(Ok(response)) => match J::decode(response, batch.iter().map(|queued| &queued.job)) {
                Some(responses) => return self.deliver(slot, batch, responses),
                None => Failure::unexpected_response(),
            },
            Ok(Err(failure)) => failure,
            Err(_) => {
                // The call is not canceled: the server may execute it in any case, and its response says what it did.
                self.undo_late_response(batch, call);
                self.connection.timeout(self.deadline)
            }
        };
        self.report_failure(slot, &failure);
    }

    /// Sends each request its response.
    fn deliver(self: &Arc<Self>, slot: HashSlot, batch: Vec<QueuedJob<J>>, responses: Vec<J::Response>) {
        self.outages.record_success(slot);
        for (queued, response) in batch.into_iter().zip(responses) {
            // The caller has disconnected or reached its own deadline in the meantime.
            if let Err(response) = queued.sender.send(response) {
                self.undo(&queued.job, &response);
            }
        }
    }

    /// Waits for a response that missed the deadline, and undoes what it reports. The senders are dropped at once.
    fn undo_late_response(self: &Arc<Self>, batch: Vec<QueuedJob<J>>, call: CallFuture<<J::Call as Call>::Response>) {
        let jobs: Vec<J> = batch.into_iter().map(|queued| queued.job).collect();
        let batcher = Arc::clone(self);
        drop(tokio::spawn(async move {
            let Ok(Ok(response)) = tokio::time::timeout(LATE_RESPONSE, call).await else { return };
            let responses = J::decode(response, jobs.iter()).unwrap_or_default();
            jobs.iter().zip(&responses).for_each(|(job, response)| batcher.undo(job, response));
        }));
    }

    /// Undoes what the server did for a request that did not wait for the response.
    fn undo(self: &Arc<Self>, job: &J, response: &J::Response) {
        if let Some(job) = job.undo(response) {
            drop(self.send(job));
        }
    }

    /// Counts a failed call for the circuit breaker.
    fn report_failure(&self, slot: HashSlot, failure: &Failure) {
        if self.outages.record_failure(slot, failure) {
            // The waiting requests would only run into their deadline.
            self.queue().waiting.clear();
            self.connection.abandon();
        }
    }

    /// Logs once that a request cannot call the server, and counts it for the circuit breaker, so that most other
    /// requests do not try.
    fn report_runtime_fault(&self, job: &J, fault: RuntimeFault) {
        self.runtime_fault.call_once(|| {
            let during_outage = J::DURING_OUTAGE;
            tracing::warn!(
                reason = %fault,
                "a request cannot call Redis, so {during_outage}; serve requests on a Tokio runtime that is built with \
                 enable_all()"
            );
        });
        self.outages.breakers.record_failure(self.hash_slot(|| job.hash_tag()), Instant::now());
    }

    fn queue(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that makes one call after another until the queue is empty.
struct BatchLoop<J: BatchJob> {
    batcher: Arc<Batcher<J>>,
    is_done: bool,
}

impl<J: BatchJob> BatchLoop<J> {
    async fn run(mut self) {
        while let Some(batch) = self.batcher.next_batch() {
            self.batcher.call(batch).await;
        }
        self.is_done = true;
    }
}

/// If the task is dropped with its runtime, the waiting requests are released and the next request starts a new task.
impl<J: BatchJob> Drop for BatchLoop<J> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut queue = self.batcher.queue();
            queue.is_running = false;
            queue.began_at = None;
            queue.waiting.clear();
        }
    }
}

impl<J: BatchJob> fmt::Debug for Batcher<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The most jobs in one call. A longer call would hold up the server's other clients.
const MAX_JOBS: usize = 128;
/// The most jobs that wait. A server that is this far behind responds to none of them in time.
const MAX_WAITING: usize = 65_536;
/// How long a late response is waited for, to undo what it reports.
const LATE_RESPONSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
