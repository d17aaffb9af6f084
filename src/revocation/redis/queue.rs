//! `WriteQueue`: records that are to be written to the stream, and those written that were not yet read back.

// Redis replicates asynchronously, so a failover can lose an entry that it has acknowledged. This process holds what it
// revoked, and is the one that knows that the entry was stored. So a record stays here until it is read back, and is
// written again if the stream turns out not to have it.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::revocation::record::Record;
use crate::revocation::redis::entry::decode;
use crate::revocation::redis::reply::RawEntry;
use crate::revocation::redis::stream_id::StreamId;

/// The result of a write; the error is text for the app.
pub(super) type WriteResult = Result<(), Cow<'static, str>>;

#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    state: Mutex<State>,
    /// Wakes the writer.
    has_work: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<QueuedRecord>,
    unconfirmed: BTreeMap<StreamId, Unconfirmed>,
    /// Whether the writer has taken records, and waits for the replies of the server.
    is_writing: bool,
    /// What was read meanwhile: an entry may be read before the reply to its write.
    read_early: BTreeMap<StreamId, Record>,
    /// How many records were written, to compare the time of a write with that of a read.
    writes: u64,
    /// Whether a record was left out because the queue was full. The stream must then be compared with the table.
    has_overflowed: bool,
    is_closed: bool,
}

/// A record to be written. `sender` is `None` once the caller has got a failure.
#[derive(Debug)]
pub(super) struct QueuedRecord {
    pub(super) record: Record,
    sender: Option<oneshot::Sender<WriteResult>>,
}

/// A record that Redis has stored.
#[derive(Debug)]
struct Unconfirmed {
    record: Record,
    /// The value of `writes` when it was stored.
    write: u64,
}

/// The point in time at which a read began.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadStart(u64);

impl WriteQueue {
    /// Queues a record. Returns `None` if the queue is full or closed: then the record is written once the table is
    /// compared with the stream, but the caller does not wait for it.
    pub(super) fn push(&self, record: Record) -> Option<oneshot::Receiver<WriteResult>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        if state.waiting.len() >= MAX_WAITING {
            state.has_overflowed = true;
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_back(QueuedRecord { record, sender: Some(sender) });
        drop(state);
        self.has_work.notify_one();
        Some(receiver)
    }

    /// Waits for records, and takes up to `max` of them. Those that expired before `now` are dropped.
    pub(super) async fn take(&self, max: usize, now: impl Fn() -> u32) -> Vec<QueuedRecord> {
        loop {
            {
                let mut state = self.state();
                let now = now();
                // A record with a caller is written in any case: it was revoked a moment ago.
                state.waiting.retain(|queued| queued.sender.is_some() || queued.record.expires_at() > now);
                if !state.waiting.is_empty() {
                    state.is_writing = true;
                    let count = state.waiting.len().min(max);
                    return state.waiting.drain(..count).collect();
                }
            }
            self.has_work.notified().await;
        }
    }

    /// Records that Redis has stored this record under this id, and sends the caller the result.
    pub(super) fn stored(&self, id: StreamId, queued: QueuedRecord) {
        let mut state = self.state();
        state.writes += 1;
        let write = state.writes;
        if state.read_early.get(&id) != Some(&queued.record) {
            state.unconfirmed.insert(id, Unconfirmed { record: queued.record, write });
        }
        if state.unconfirmed.len() > MAX_WAITING {
            state.unconfirmed.pop_first();
            state.has_overflowed = true;
        }
        drop(state);
        if let Some(sender) = queued.sender {
            // The caller may have stopped waiting.
            let _ = sender.send(Ok(()));
        }
    }

    /// Records that all replies to a write have arrived, or will not arrive.
    pub(super) fn end_write(&self) {
        let mut state = self.state();
        state.is_writing = false;
        state.read_early.clear();
    }

    /// Puts back records that could not be written. Their callers, and all others that wait, get the failure; the
    /// records stay queued.
    pub(super) fn failed(&self, queued: Vec<QueuedRecord>, failure: &str) {
        let mut state = self.state();
        for record in queued.into_iter().rev() {
            state.waiting.push_front(record);
        }
        for sender in state.waiting.iter_mut().filter_map(|queued| queued.sender.take()) {
            let _ = sender.send(Err(failure.to_owned().into()));
        }
        drop(state);
        // Also if this permit is left over, the writer finds an empty queue and waits again.
        self.has_work.notify_one();
    }

    /// Returns the point in time for [`confirm`](Self::confirm), before a read begins.
    pub(super) fn read_start(&self) -> ReadStart {
        ReadStart(self.state().writes)
    }

    /// Compares the entries of a read with the records that were stored before it. If the read reached the end of the
    /// stream, it had to include all of them. Those that are missing are queued again.
    ///
    /// `last` is the id of the last entry that was read by this read or before it. Returns how many were missing.
    pub(super) fn confirm(&self, start: ReadStart, entries: &[RawEntry], last: StreamId, is_end: bool) -> usize {
        let mut state = self.state();
        if state.is_writing {
            let room = MAX_WAITING.saturating_sub(state.read_early.len());
            let records = entries.iter().filter_map(|entry| Some((entry.id, decode(&entry.value).ok()?)));
            state.read_early.extend(records.take(room));
        }
        if state.unconfirmed.is_empty() {
            return 0;
        }
        for entry in entries {
            // After a failover, another entry may have the id.
            let is_ours = |stored: &Unconfirmed| decode(&entry.value) == Ok(stored.record);
            if state.unconfirmed.get(&entry.id).is_some_and(is_ours) {
                state.unconfirmed.remove(&entry.id);
            }
        }
        let State { unconfirmed, waiting, .. } = &mut *state;
        let stored_before = waiting.len();
        unconfirmed.retain(|id, stored| {
            let is_lost = stored.write <= start.0 && (is_end || *id <= last);
            if is_lost {
                waiting.push_back(QueuedRecord { record: stored.record, sender: None });
            }
            !is_lost
        });
        let lost = waiting.len() - stored_before;
        drop(state);
        if lost > 0 {
            self.has_work.notify_one();
        }
        lost
    }

    /// Returns whether a record was left out since the last call.
    pub(super) fn take_overflow(&self) -> bool {
        std::mem::take(&mut self.state().has_overflowed)
    }

    /// Drops all records: nothing writes them any more. Callers that wait get an error.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
        state.unconfirmed.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most records that wait, and the most that were not yet read back: some 10 MB each.
const MAX_WAITING: usize = 65_536;

#[cfg(test)]
mod tests;
