//! A thread of the pool: it runs jobs until it was idle for some time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::password::pool::memory::Memory;
use crate::password::pool::shared::Shared;
use crate::password::pool::state::ReadyJob;
#[cfg(feature = "metrics")]
use crate::security_event::metrics;

/// Makes jobs ready for which there are permits, and has them run, by idle threads or by new ones.
pub(super) fn distribute(shared: &Arc<Shared>) {
    (0..shared.distribute()).for_each(|_| start_thread(shared));
}

/// Starts a thread. If the system has none left, a job that no other thread will run is dropped: its caller retries.
fn start_thread(shared: &Arc<Shared>) {
    let of_thread = shared.clone();
    let builder = thread::Builder::new().name(NAME.to_owned()).stack_size(STACK);
    if let Err(error) = builder.spawn(move || run_jobs(&of_thread)) {
        tracing::warn!(%error, "cannot start a thread that hashes passwords");
        let mut state = shared.lock();
        state.idle_threads = state.idle_threads.saturating_sub(1);
        let job = state.abandon_ready();
        drop(state);
        drop(job);
    }
}

fn run_jobs(shared: &Arc<Shared>) {
    while let Some(job) = shared.next_job(IDLE_TIMEOUT) {
        run(shared, job);
    }
}

fn run(shared: &Arc<Shared>, ready: ReadyJob) {
    let ReadyJob { job, memory } = ready;
    let start = shared.clock.monotonic();
    let memory = memory.or_else(|| allocate(shared, job.blocks));
    let mut memory = memory;
    if let Some(memory) = &mut memory {
        // The memory is clear even after a panic. Dropping the job's sender ends the wait of its caller.
        let outcome = catch_unwind(AssertUnwindSafe(|| memory.lend(job.run)));
        if outcome.is_err() {
            tracing::error!("a job that hashes a password panicked");
        }
    }
    // Other memory is freed before the permits are.
    memory = memory.filter(|_| shared.lock().is_pooled(job.blocks));
    let duration = shared.clock.monotonic().saturating_duration_since(start);
    #[cfg(feature = "metrics")]
    metrics::record_hash(duration);
    let mut state = shared.lock();
    state.finish(job.permits, job.blocks, memory, duration);
    state.idle_threads += 1;
    drop(state);
    distribute(shared);
}

/// Allocates the memory of a job; `None` if the system has not enough.
fn allocate(shared: &Shared, blocks: usize) -> Option<Memory> {
    let blocks_of_permit = shared.lock().blocks_of_permit();
    let blocks = if (1..=blocks_of_permit).contains(&blocks) { blocks_of_permit } else { blocks };
    let memory = Memory::new(blocks);
    if memory.is_none() {
        tracing::warn!(kib = blocks, "not enough memory to hash a password");
    }
    memory
}

const NAME: &str = "portcullis-hash";

/// Argon2 needs a few KiB of stack; the rest is for builds without optimization.
const STACK: usize = 512 * 1_024;

/// Threads and their memory are kept between logins of a busy app.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
