//! `Recovery`: writes back to a stream that was lost what this process still holds.

// All processes notice the loss at about the same time. So that they do not all write the same, each waits for a random
// time, reads what others have written meanwhile, and starts at a random record. So they share the work.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::revocation::record::Record;
use crate::revocation::table::Table;

#[derive(Debug)]
pub(super) struct Recovery {
    /// What a process that starts now would know from the stream.
    stream: Table,
    has_waited: bool,
    /// The records of this process, once they are being written. Those that come first are written last.
    left: Option<Vec<Record>>,
    /// Records that the last write did not store.
    failed: Vec<Record>,
    written: usize,
}

impl Recovery {
    pub(super) fn new(max_entries: usize) -> Self {
        Self { stream: Table::new(max_entries), has_waited: false, left: None, failed: Vec::new(), written: 0 }
    }

    /// Applies a record that was read from the stream.
    pub(super) fn apply(&mut self, record: &Record, now: u32) {
        // One that does not fit is written back although the stream has it, which changes nothing.
        let _ = self.stream.apply(record, now, || ());
    }

    /// Returns how long to wait before the stream is read again and written to; `None` from the second call on.
    pub(super) fn take_delay(&mut self) -> Option<Duration> {
        let millis = random() % LONGEST_DELAY.as_millis() as u64;
        (!std::mem::replace(&mut self.has_waited, true)).then(|| Duration::from_millis(millis))
    }

    /// Returns the next records that the stream lacks; none if it has all of them.
    ///
    /// `records` returns what this process holds.
    pub(super) fn next(&mut self, max: usize, now: u32, records: impl FnOnce() -> Vec<Record>) -> Vec<Record> {
        let left = self.left.get_or_insert_with(|| {
            let mut records = records();
            let start = random() % (records.len() as u64).max(1);
            records.rotate_left(start as usize);
            records
        });
        let mut missing = std::mem::take(&mut self.failed);
        while missing.len() < max
            && let Some(record) = left.pop()
        {
            // If it changes what the stream contains, the stream lacks it.
            if self.stream.apply(&record, now, || ()) != Ok(false) {
                missing.push(record);
            }
        }
        missing
    }

    /// Records how many records a write has stored, and which not.
    pub(super) fn record_write(&mut self, stored: usize, failed: Vec<Record>) {
        self.written += stored;
        self.failed = failed;
    }

    /// Returns how many records were written.
    pub(super) fn written(&self) -> usize {
        self.written
    }
}

/// Returns a random number. It only spreads work, so the keys of a hash map are random enough.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

const LONGEST_DELAY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::RevocationId;

    const NOW: u32 = 1_000;

    fn record(number: u64) -> Record {
        Record::Entry { id: RevocationId([number, 7]), issued_until: Record::ALWAYS, expires_at: NOW + 500 }
    }

    fn sorted(mut records: Vec<Record>) -> Vec<Record> {
        records.sort_by_key(|record| record.id().0);
        records
    }

    #[test]
    fn what_the_stream_has_is_not_written_back() {
        let mut recovery = Recovery::new(1_000);
        [record(1), record(3)].iter().for_each(|record| recovery.apply(record, NOW));
        assert!(recovery.take_delay().is_some_and(|delay| delay < LONGEST_DELAY));
        assert_eq!(recovery.take_delay(), None);
        let held = || (0..5).map(record).collect();
        let missing = recovery.next(100, NOW, held);
        assert_eq!(sorted(missing), [record(0), record(2), record(4)]);
        assert_eq!(recovery.next(100, NOW, || unreachable!("once")), []);
    }

    #[test]
    fn what_other_nodes_have_written_meanwhile_is_not_written_again() {
        let mut recovery = Recovery::new(1_000);
        let held = || (0..100).map(record).collect();
        let mut written = recovery.next(10, NOW, held);
        assert_eq!(written.len(), 10);
        (0..100).step_by(2).map(record).for_each(|record| recovery.apply(&record, NOW));
        loop {
            let next = recovery.next(10, NOW, || unreachable!("once"));
            if next.is_empty() {
                break;
            }
            assert!(next.iter().all(|record| record.id().0[0] % 2 == 1), "{next:?}");
            written.extend(next);
        }
        let odd = sorted(written).iter().filter(|record| record.id().0[0] % 2 == 1).count();
        assert_eq!(odd, 50);
    }

    #[test]
    fn nodes_begin_at_different_records() {
        let first = || Recovery::new(1_000).next(1, NOW, || (0..1_000).map(record).collect());
        let first: Vec<_> = (0..8).map(|_| first()).collect();
        assert!(first.iter().any(|record| *record != first[0]));
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let mut recovery = Recovery::new(1_000);
        let first = recovery.next(2, NOW, || (0..2).map(record).collect());
        recovery.record_write(1, vec![first[0]]);
        assert_eq!(recovery.next(2, NOW, Vec::new), [first[0]]);
        recovery.record_write(1, Vec::new());
        assert_eq!(recovery.next(2, NOW, Vec::new), []);
        assert_eq!(recovery.written(), 2);
    }
}
