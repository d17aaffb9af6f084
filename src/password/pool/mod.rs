//! The pool of threads that hash passwords: it bounds jobs, memory and the number of callers that wait.

// A call takes permits for the memory of its job, or waits in the queue. Permits belong to the job and not to the call:
// they are released when the job has ended, even if its caller has gone. Threads start when a job needs one, and end
// when they were idle for a while; so a pool needs no runtime.

mod memory;
mod queue;
mod settings;
mod shared;
mod state;
pub(super) mod stats;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use argon2::Block;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::password::pool::queue::JobId;
pub(super) use crate::password::pool::queue::Priority;
pub(super) use crate::password::pool::settings::{JobSize, Overload, PoolSettings};
use crate::password::pool::shared::{Shared, Submitted};
use crate::password::pool::stats::PoolStats;
use crate::password::pool::worker::distribute;
use crate::runtime;

/// Threads that hash passwords. It is dropped when the last job has ended.
pub(super) struct Pool {
    shared: Arc<Shared>,
    max_wait: Duration,
}

impl Pool {
    pub(super) fn new(settings: PoolSettings, clock: Clock) -> Self {
        Self { shared: Arc::new(Shared::new(settings, clock)), max_wait: settings.max_wait }
    }

    /// Runs a job on a thread of the pool. If the call is dropped, a job that waits leaves the queue, and one that runs
    /// keeps its permits until it has ended.
    ///
    /// # Errors
    ///
    /// Returns [`Overload`] in the first poll if the queue is full, and later if the job waits for too long or panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        size: JobSize,
        job: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, Overload> {
        let mut receiver = None;
        let submitted = self.shared.submit(priority, size, || {
            let (sender, result) = oneshot::channel();
            receiver = Some(result);
            // The caller may have gone.
            Box::new(move |blocks| drop(sender.send(job(blocks))))
        })?;
        let failed = || self.shared.overload();
        let result = receiver.ok_or_else(failed)?;
        match submitted {
            Submitted::Ready => {
                distribute(&self.shared);
                result.await.map_err(|_| failed())
            }
            Submitted::Waiting(job) => self.wait(job, result).await.ok_or_else(failed),
        }
    }

    /// Whether no job waits.
    pub(super) fn is_queue_empty(&self) -> bool {
        self.stats().waiting == 0
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.shared.lock().stats()
    }

    /// Waits for a job that is in the queue.
    async fn wait<T>(&self, job: JobId, mut result: oneshot::Receiver<T>) -> Option<T> {
        let waiting = Waiting { shared: &self.shared, job };
        // Without timers the call waits until the jobs before it have ended, which are bounded too.
        if runtime::current().is_ok() {
            if let Ok(result) = tokio::time::timeout(self.max_wait, &mut result).await {
                return result.ok();
            }
            if self.shared.remove(job) {
                distribute(&self.shared);
                self.shared.count_rejection();
                return None;
            }
        }
        // The job has started.
        let result = result.await.ok();
        drop(waiting);
        result
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Removes a job from the queue when its caller goes.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    job: JobId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.shared.remove(self.job) {
            // The job behind it may need fewer permits.
            distribute(self.shared);
        }
    }
}

#[cfg(test)]
mod tests;
