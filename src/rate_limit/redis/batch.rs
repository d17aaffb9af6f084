//! `Batcher`: what many requests charge at once goes to the server in one call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::rate_limit::redis::breaker::CircuitBreakers;
use crate::rate_limit::redis::connection::ScriptCaller;
use crate::rate_limit::redis::protocol::{Answer, Job, Operation, Part, decode, encode};

/// The calls to one server or cluster.
pub(super) struct Batcher {
    link: Arc<dyn ScriptCaller>,
    deadline: Duration,
    /// Whether the subjects of two requests may lie on different nodes.
    is_cluster: bool,
    pub(super) breakers: CircuitBreakers,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<(Job, oneshot::Sender<Answer>)>,
    is_flying: bool,
    /// When the last call began: a runtime that nobody drives any more holds up no others.
    began: Option<Instant>,
}

impl Batcher {
    pub(super) fn new(link: Arc<dyn ScriptCaller>, deadline: Duration, is_cluster: bool) -> Self {
        Self { link, deadline, is_cluster, breakers: CircuitBreakers::new(is_cluster), queue: Mutex::default() }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// When a request that charges now goes on without an answer.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// Charges, and leaves the answer to whoever wants it; `None` where no runtime would drive the call, or too
    /// many wait for one.
    pub(super) fn send(self: &Arc<Self>, job: Job) -> Option<oneshot::Receiver<Answer>> {
        let runtime = Handle::try_current().ok()?;
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.queue();
        if queue.waiting.len() >= MOST_WAITING {
            return None;
        }
        queue.waiting.push((job, sender));
        let is_stuck = queue.began.is_some_and(|began| began.elapsed() > self.deadline.saturating_mul(2));
        if self.is_cluster {
            let batch = std::mem::take(&mut queue.waiting);
            drop(queue);
            let batcher = Arc::clone(self);
            drop(runtime.spawn(async move { batcher.fly(batch).await }));
        } else if !queue.is_flying || is_stuck {
            queue.is_flying = true;
            queue.began = Some(Instant::now());
            drop(queue);
            let flying = BatchLoop { batcher: Arc::clone(self), is_done: false };
            drop(runtime.spawn(async move {
                while let Some(batch) = flying.batcher.next() {
                    flying.batcher.fly(batch).await;
                }
                flying.land();
            }));
        }
        Some(receiver)
    }

    /// What waits, up to a bound; none where the batcher end.
    fn next(&self) -> Option<Vec<(Job, oneshot::Sender<Answer>)>> {
        let mut queue = self.queue();
        // Whose deadline has passed is not decided about: it would be charged for nothing, and the queue never end.
        queue.waiting.retain(|(job, sender)| !(job.operation == Operation::Decide && sender.is_closed()));
        if queue.waiting.is_empty() {
            queue.is_flying = false;
            queue.began = None;
            return None;
        }
        queue.began = Some(Instant::now());
        let mut parts = 0;
        let fits = |(job, _): &&(Job, oneshot::Sender<Answer>)| {
            parts += job.parts.len();
            parts <= MOST_PARTS
        };
        let len = queue.waiting.iter().take(LARGEST).take_while(fits).count().max(1);
        Some(queue.waiting.drain(..len).collect())
    }

    /// One call; whoever is not answered sees the sender dropped.
    async fn fly(self: &Arc<Self>, batch: Vec<(Job, oneshot::Sender<Answer>)>) {
        // In a cluster, all of a call is about one subject.
        let first = batch.first().and_then(|(job, _)| job.parts.first());
        let digest = first.map_or(0, |part| part.digest);
        let (keys, request) = encode(batch.iter().map(|(job, _)| job));
        let mut call = self.link.call(keys, request);
        let answered = tokio::time::timeout(self.deadline, &mut call).await;
        let mut batch = Some(batch);
        let failure = match answered {
            Ok(Ok(numbers)) => match decode(&numbers, batch.iter().flatten().map(|(job, _)| job)) {
                Some(answers) => {
                    if self.breakers.succeeded(digest) {
                        tracing::info!("the Redis server answers again");
                    }
                    for ((job, sender), answer) in batch.into_iter().flatten().zip(answers) {
                        if let Err(answer) = sender.send(answer) {
                            self.take_back(&job, &answer);
                        }
                    }
                    return;
                }
                None => "an answer that is not the script's".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => {
                let jobs: Vec<Job> = batch.take().into_iter().flatten().map(|(job, _)| job).collect();
                let (batcher, grace) = (Arc::clone(self), GRACE);
                drop(tokio::spawn(async move {
                    let Ok(Ok(numbers)) = tokio::time::timeout(grace, call).await else { return };
                    let answers = decode(&numbers, jobs.iter()).unwrap_or_default();
                    jobs.iter().zip(&answers).for_each(|(job, answer)| batcher.take_back(job, answer));
                }));
                format!("no answer within {:?}", self.deadline)
            }
        };
        if self.breakers.failed(digest, Instant::now()) {
            tracing::warn!(
                error = failure,
                "the Redis server is given up for a while, and limits go by their outage policy: see whether it runs, and \
                 whether host, port, password and database are right"
            );
        } else {
            tracing::debug!(error = failure, "Redis did not answer");
        }
        if !self.breakers.rest(digest, Instant::now()).is_zero() {
            // Who waits would wait in vain.
            self.queue().waiting.clear();
        }
    }

    /// Gives back what was charged for a request that went on without the answer.
    fn take_back(self: &Arc<Self>, job: &Job, answer: &Answer) {
        if job.operation != Operation::Decide || answer.is_refused() {
            return;
        }
        let charged =
            job.parts.iter().enumerate().filter(|(index, part)| part.cost > 0 && !answer.has_exceeded(*index));
        let parts: Vec<_> = charged.map(|(_, part)| Part { then: answer.now, ..part.clone() }).collect();
        if !parts.is_empty() {
            drop(self.send(Job { operation: Operation::Refund, parts }));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Batcher in the air. Where their task is dropped, with its runtime, who waits is let go and the next may start.
struct BatchLoop {
    batcher: Arc<Batcher>,
    is_done: bool,
}

impl BatchLoop {
    /// All that waited was taken along.
    fn land(mut self) {
        self.is_done = true;
    }
}

impl Drop for BatchLoop {
    fn drop(&mut self) {
        if !self.is_done {
            let mut queue = self.batcher.queue();
            queue.is_flying = false;
            queue.began = None;
            queue.waiting.clear();
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The most requests of one call: a longer one would keep the server from others.
const LARGEST: usize = 128;
/// The most charges of one call: were each of another rule, they would be some 6,900 numbers, and Lua hands a function 8,000 at
/// most.
const MOST_PARTS: usize = 512;
/// The most that wait for a call.
const MOST_WAITING: usize = 65_536;
/// How long a call whose answer is late is listened to, to give back what it charged.
const GRACE: Duration = Duration::from_secs(5);
