//! `State`: the permits, the jobs and the idle memory of a pool, behind its lock.

use std::collections::VecDeque;
use std::time::Duration;

use argon2::Block;

use crate::password::pool::memory::Memory;
use crate::password::pool::queue::Queue;
use crate::password::pool::settings::{JobSize, PoolSettings};
use crate::password::pool::stats::PoolStats;

/// A job, and the permits it takes.
pub(super) struct Job {
    pub(super) run: Box<dyn FnOnce(&mut [Block]) + Send>,
    pub(super) permits: usize,
    pub(super) blocks: usize,
}

/// A job that has its permits, and the memory for it unless that must be allocated.
pub(super) struct ReadyJob {
    pub(super) job: Job,
    pub(super) memory: Option<Memory>,
}

pub(super) struct State {
    permits: usize,
    free: usize,
    blocks_of_permit: usize,
    pub(super) waiting: Queue<Job>,
    pub(super) ready: VecDeque<ReadyJob>,
    /// Idle memory, each for a job of one permit.
    memory: Vec<Memory>,
    /// The threads that run no job, those included that are about to start.
    pub(super) idle_threads: usize,
    pub(super) is_closed: bool,
    running: usize,
    /// The blocks of jobs that have their permits.
    lent_blocks: usize,
    /// The mean duration of a job, in microseconds.
    mean_micros: u64,
    counters: PoolStats,
}

impl State {
    pub(super) fn new(settings: PoolSettings) -> Self {
        let permits = settings.permits.max(1);
        Self {
            permits,
            free: permits,
            blocks_of_permit: settings.blocks_of_permit.max(1),
            waiting: Queue::new(settings.queue),
            ready: VecDeque::with_capacity(permits),
            memory: Vec::with_capacity(permits),
            idle_threads: 0,
            is_closed: false,
            running: 0,
            lent_blocks: 0,
            mean_micros: 0,
            counters: PoolStats::default(),
        }
    }

    /// Returns the permits of a job: one for each part of its memory, and at most all, with which it runs alone.
    pub(super) fn permits_of(&self, size: JobSize) -> usize {
        size.memory_kib.max(size.blocks).div_ceil(self.blocks_of_permit).clamp(1, self.permits)
    }

    /// Whether a job with so many permits can start now. No job overtakes those that wait.
    pub(super) fn can_start(&self, permits: usize) -> bool {
        self.waiting.len() == 0 && self.free >= permits
    }

    /// Gives a job its permits and its memory.
    pub(super) fn make_ready(&mut self, job: Job) {
        self.free = self.free.saturating_sub(job.permits);
        let memory = if self.is_pooled(job.blocks) { self.memory.pop() } else { None };
        // Idle memory and that of jobs never exceed the permits together.
        self.memory.truncate(self.free);
        self.lent_blocks += self.lent(job.blocks);
        self.counters.max_memory_kib = self.counters.max_memory_kib.max(self.memory_kib());
        self.ready.push_back(ReadyJob { job, memory });
    }

    /// Gives jobs that wait their permits, in their order, as long as there are enough.
    pub(super) fn start_waiting(&mut self) {
        while self.waiting.first().is_some_and(|job| job.permits <= self.free)
            && let Some(job) = self.waiting.pop()
        {
            self.make_ready(job);
        }
    }

    /// Returns the next job for a thread.
    pub(super) fn take_ready(&mut self) -> Option<ReadyJob> {
        let job = self.ready.pop_front()?;
        self.running += 1;
        self.counters.started += 1;
        self.counters.max_running = self.counters.max_running.max(self.running);
        Some(job)
    }

    /// Takes back the permits and the memory of a job.
    pub(super) fn finish(&mut self, permits: usize, blocks: usize, memory: Option<Memory>, duration: Duration) {
        self.running = self.running.saturating_sub(1);
        self.lent_blocks = self.lent_blocks.saturating_sub(self.lent(blocks));
        self.free = (self.free + permits).min(self.permits);
        if self.is_pooled(blocks) {
            self.memory.extend(memory);
        }
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.mean_micros = (self.mean_micros / 8).saturating_mul(7).saturating_add(micros / 8);
    }

    /// Frees idle memory that no thread is left for.
    pub(super) fn release_idle_memory(&mut self) -> Option<Memory> {
        self.memory.pop()
    }

    /// Removes the newest ready job if there is no thread that will run it.
    pub(super) fn abandon_ready(&mut self) -> Option<ReadyJob> {
        if self.running > 0 || self.idle_threads > 0 {
            return None;
        }
        let ready = self.ready.pop_back()?;
        self.free = (self.free + ready.job.permits).min(self.permits);
        self.lent_blocks = self.lent_blocks.saturating_sub(self.lent(ready.job.blocks));
        Some(ready)
    }

    pub(super) fn count_rejection(&mut self) {
        self.counters.rejected += 1;
    }

    /// Estimates when the jobs that wait now have ended.
    pub(super) fn retry_after(&self) -> Duration {
        let jobs = self.waiting.len() as u64 + 1;
        let micros = self.mean_micros.saturating_mul(jobs) / self.permits as u64;
        Duration::from_micros(micros).clamp(MIN_RETRY, MAX_RETRY)
    }

    pub(super) fn stats(&self) -> PoolStats {
        PoolStats { running: self.running, waiting: self.waiting.len(), memory_kib: self.memory_kib(), ..self.counters }
    }

    pub(super) fn blocks_of_permit(&self) -> usize {
        self.blocks_of_permit
    }

    /// Whether the memory of a job is kept for the next one.
    pub(super) fn is_pooled(&self, blocks: usize) -> bool {
        (1..=self.blocks_of_permit).contains(&blocks)
    }

    /// The blocks that are allocated for a job.
    fn lent(&self, blocks: usize) -> usize {
        if self.is_pooled(blocks) { self.blocks_of_permit } else { blocks }
    }

    fn memory_kib(&self) -> usize {
        self.memory.len() * self.blocks_of_permit + self.lent_blocks
    }
}

const MIN_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(5);
