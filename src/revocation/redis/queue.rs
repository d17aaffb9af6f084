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
    /// How many records were queued.
    queued: u64,
    /// Callers that wait until so many of the records are stored.
    joined: VecDeque<(u64, oneshot::Sender<WriteResult>)>,
    unconfirmed: BTreeMap<StreamId, Unconfirmed>,
    /// Whether the writer has taken records, and waits for the replies of the server.
    is_writing: bool,
    /// What was read meanwhile: an entry may be read before the reply to its write.
    read_early: BTreeMap<StreamId, Record>,
    /// How many records were written, to compare the time of a write with that of a read.
    writes: u64,
    /// Whether a record was left out because the queue was full. The stream must then be compared with the table.
    has_overflowed: bool,
    /// Whether the stream is being compared with the table.
    is_recovering: bool,
    is_closed: bool,
}

/// A record to be written. `sender` is `None` once the caller has got a failure.
#[derive(Debug)]
pub(super) struct QueuedRecord {
    pub(super) record: Record,
    /// How many records were queued before it.
    number: u64,
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
    /// Queues a record. Returns `None` if the queue is full: then the record is written once the table is compared with
    /// the stream, but the caller does not wait for it. If the queue is closed, the result is an error.
    pub(super) fn push(&self, record: Record) -> Option<oneshot::Receiver<WriteResult>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.is_closed {
            return Some(receiver);
        }
        if state.waiting.len() >= MAX_WAITING {
            state.has_overflowed = true;
            return None;
        }
        state.push(record, Some(sender));
        drop(state);
        self.has_work.notify_one();
        Some(receiver)
    }

    /// Waits for the records in the queue, for a caller whose record has changed nothing in the table: what has its
    /// effect is stored already, or is one of them. So a user who repeats a revocation does not make the stream grow.
    ///
    /// Returns `None` if the stream may lack other records of the table.
    pub(super) fn join(&self) -> Option<oneshot::Receiver<WriteResult>> {
        let mut state = self.state();
        if state.is_closed || state.has_overflowed || state.is_recovering {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let queued = state.queued;
        state.joined.push_back((queued, sender));
        state.end_joined();
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
                state.end_joined();
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
        state.end_joined();
    }

    /// Puts back records that could not be written, before the write ends. Their callers, and all others that wait, get
    /// the failure; the records stay queued.
    pub(super) fn failed(&self, queued: Vec<QueuedRecord>, failure: &str) {
        let mut state = self.state();
        for record in queued.into_iter().rev() {
            state.waiting.push_front(record);
        }
        let State { waiting, joined, .. } = &mut *state;
        let senders = waiting.iter_mut().filter_map(|queued| queued.sender.take());
        for sender in senders.chain(joined.drain(..).map(|(_, sender)| sender)) {
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
        let mut unconfirmed = std::mem::take(&mut state.unconfirmed);
        let stored_before = state.waiting.len();
        unconfirmed.retain(|id, stored| {
            let is_lost = stored.write <= start.0 && (is_end || *id <= last);
            if is_lost {
                state.push(stored.record, None);
            }
            !is_lost
        });
        state.unconfirmed = unconfirmed;
        let lost = state.waiting.len() - stored_before;
        drop(state);
        if lost > 0 {
            self.has_work.notify_one();
        }
        lost
    }

    /// Returns whether a record was left out since the last call.
    pub(super) fn take_overflow(&self) -> bool {
        let mut state = self.state();
        let has_overflowed = std::mem::take(&mut state.has_overflowed);
        state.is_recovering |= has_overflowed;
        has_overflowed
    }

    /// Records whether the stream is being compared with the table, because it lacks records.
    pub(super) fn set_recovering(&self, is_recovering: bool) {
        self.state().is_recovering = is_recovering;
    }

    /// Drops all records: nothing writes them any more. Callers that wait get an error.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
        state.joined.clear();
        state.unconfirmed.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, record: Record, sender: Option<oneshot::Sender<WriteResult>>) {
        self.waiting.push_back(QueuedRecord { record, number: self.queued, sender });
        self.queued += 1;
    }

    /// Sends the result to those who have joined the queue and whose records are stored.
    fn end_joined(&mut self) {
        if self.is_writing {
            return;
        }
        let stored = self.waiting.front().map_or(self.queued, |queued| queued.number);
        while self.joined.front().is_some_and(|(count, _)| *count <= stored)
            && let Some((_, sender)) = self.joined.pop_front()
        {
            let _ = sender.send(Ok(()));
        }
    }
}

/// The most records that wait, and the most that were not yet read back: some 10 MB each.
const MAX_WAITING: usize = 65_536;

#[cfg(test)]
mod tests;
