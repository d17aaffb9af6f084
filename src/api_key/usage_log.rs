//! `UsageLog`: writes the usage of keys to the store, in batches that no request waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Mutex;

use crate::api_key::timed_store::TimedStore;
use crate::api_key::usage::{ApiKeyUsage, UsageCounters};
use crate::clock::Clock;
use crate::error::error_chain;
use crate::record_store::StoreError;
use crate::runtime;

/// Counts the usage of keys, and writes it at most once a minute.
#[derive(Debug)]
pub(super) struct UsageLog {
    pub(super) counters: UsageCounters,
    store: TimedStore,
    clock: Clock,
    start: Instant,
    /// When the next batch is due, in milliseconds since the start.
    next_at: AtomicU64,
    /// Held while a batch is written, so that two batches do not overlap.
    writer: Mutex<()>,
}

impl UsageLog {
    pub(super) fn new(store: TimedStore, clock: Clock) -> Self {
        Self {
            counters: UsageCounters::default(),
            store,
            start: clock.monotonic(),
            clock,
            next_at: AtomicU64::new(INTERVAL),
            writer: Mutex::new(()),
        }
    }

    /// Starts to write the usage if a minute has passed since the last batch. A request calls it.
    pub(super) fn write_if_due(self: &Arc<Self>) {
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let due_at = self.next_at.load(Ordering::Relaxed);
        let next_at = now.saturating_add(INTERVAL);
        // Of threads that race here, one writes.
        if now < due_at || self.next_at.compare_exchange(due_at, next_at, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        match runtime::current() {
            Ok(runtime) => {
                let log = Arc::clone(self);
                runtime.spawn(async move {
                    if let Err(error) = log.write().await {
                        let cause = error_chain(&error);
                        tracing::warn!(cause, "cannot record the usage of API keys; it is part of the next attempt");
                    }
                });
            }
            Err(fault) => tracing::error!(reason = %fault, "cannot record the usage of API keys"),
        }
    }

    /// Writes the usage now.
    ///
    /// # Errors
    ///
    /// Returns the error of the store. The usage is then part of the next batch.
    pub(super) async fn write(&self) -> Result<(), StoreError> {
        let _writing = self.writer.lock().await;
        let batch = Batch { log: self, usage: self.counters.take(), is_written: false };
        batch.write().await
    }
}

/// Usage that is being written. However that ends, even with the runtime, usage that was not written is counted again.
struct Batch<'a> {
    log: &'a UsageLog,
    usage: Vec<ApiKeyUsage>,
    is_written: bool,
}

impl Batch<'_> {
    async fn write(mut self) -> Result<(), StoreError> {
        if !self.usage.is_empty() {
            self.log.store.record_usage(&self.usage).await?;
        }
        self.is_written = true;
        Ok(())
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            self.log.counters.restore(&self.usage);
        }
    }
}

/// In milliseconds: a write per minute and process, however many keys are in use.
const INTERVAL: u64 = 60_000;
