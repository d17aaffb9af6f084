//! `Writer`: what only the writer of the table knows, and how shards grow and are swept.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::context::{IdHash, RevocationId};
use crate::revocation::record::Full;
use crate::revocation::table::position::{self, SHARDS};
use crate::revocation::table::shard::{SLOTS, Shard};
use crate::revocation::table::shards::Shards;

/// The number of entries, and when they expire.
#[derive(Debug)]
pub(super) struct Writer {
    states: [ShardState; SHARDS],
    len: usize,
    max_entries: usize,
    /// The shard that the next record may sweep.
    cursor: usize,
}

/// What readers of a shard need not know.
#[derive(Debug)]
struct ShardState {
    /// When the entry of each slot expires, in seconds since 1970.
    expiries: Box<[u32]>,
    len: usize,
    /// No entry expires earlier.
    earliest: u32,
    swept_at: u32,
}

impl Writer {
    pub(super) fn new(max_entries: usize) -> Self {
        let states = std::array::from_fn(|_| ShardState::default());
        Self { states, len: 0, max_entries, cursor: 0 }
    }

    /// The number of entries, including those that have expired and are not removed yet.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Ensures that these entries can be added.
    ///
    /// `removed_until` is set to the latest expiry of a removed entry.
    ///
    /// # Errors
    ///
    /// Returns [`Full`] if that needs more entries than the capacity.
    pub(super) fn reserve(
        &mut self,
        shards: &Shards,
        ids: &[RevocationId],
        now: u32,
        removed_until: &AtomicU32,
    ) -> Result<(), Full> {
        self.sweep_next(shards, now, removed_until);
        let is_new = |id: &&RevocationId| shards.current(**id).is_none();
        let added = ids.iter().filter(is_new).count();
        if self.len + added > self.max_entries {
            (0..SHARDS).for_each(|index| self.sweep(shards, index, now, removed_until));
        }
        let added = ids.iter().filter(is_new).count();
        if self.len + added > self.max_entries {
            return Err(Full);
        }
        shards.filter.reserve(self.len + added);
        for id in ids.iter().filter(is_new) {
            let index = position::shard(IdHash::of(*id));
            let Some(state) = self.states.get(index) else { continue };
            // As if all were added to this shard, which is simpler and at most one too many.
            if (state.len + added) * MAX_LOAD.1 > state.expiries.len() * MAX_LOAD.0 {
                self.rebuild(shards, index, added, now, removed_until);
            }
        }
        Ok(())
    }

    /// Adds an entry, for which [`reserve`](Self::reserve) was called, or sets its value. Its expiry only increases.
    ///
    /// Returns whether that changes anything.
    pub(super) fn set(&mut self, shards: &Shards, id: RevocationId, value: u64, expires_at: u32) -> bool {
        let hash = IdHash::of(id);
        let index = position::shard(hash);
        let list = shards.load();
        let (Some(shard), Some(state)) = (list.get(index), self.states.get_mut(index)) else {
            return false;
        };
        if let Some((index, slot)) = shard.find(id, hash) {
            let Some(expiry) = state.expiries.get_mut(index) else { return false };
            let has_changed = slot.value() != value || *expiry < expires_at;
            slot.set_value(value);
            *expiry = expires_at.max(*expiry);
            return has_changed;
        }
        let Some(index) = shard.insert(id, hash, value) else { return false };
        shards.filter.insert(hash);
        if let Some(expiry) = state.expiries.get_mut(index) {
            *expiry = expires_at;
        }
        state.len += 1;
        state.earliest = state.earliest.min(expires_at);
        self.len += 1;
        true
    }

    /// Returns the entries, each with its value and its expiry.
    pub(super) fn entries(&self, shards: &Shards) -> Vec<(RevocationId, u64, u32)> {
        let list = shards.load();
        let mut entries = Vec::with_capacity(self.len);
        for (shard, state) in list.iter().zip(&self.states) {
            entries.extend(shard.entries().map(|(index, slot)| (slot.id(), slot.value(), state.expiry(index))));
        }
        entries
    }

    /// Sweeps the next shard in turn, if it was not swept in the last minute.
    fn sweep_next(&mut self, shards: &Shards, now: u32, removed_until: &AtomicU32) {
        let index = self.cursor;
        self.cursor = (index + 1) % SHARDS;
        let swept_at = self.states.get(index).map_or(0, |state| state.swept_at);
        if now.saturating_sub(swept_at) >= SWEEP_INTERVAL {
            self.sweep(shards, index, now, removed_until);
        }
    }

    /// Removes what has expired from a shard.
    fn sweep(&mut self, shards: &Shards, index: usize, now: u32, removed_until: &AtomicU32) {
        if self.states.get(index).is_some_and(|state| state.earliest < now) {
            self.rebuild(shards, index, 0, now, removed_until);
        }
    }

    /// Copies the entries of a shard that have not expired into a new one, with slots for as many more.
    fn rebuild(&mut self, shards: &Shards, index: usize, added: usize, now: u32, removed_until: &AtomicU32) {
        let list = shards.load();
        let (Some(old), Some(state)) = (list.get(index), self.states.get_mut(index)) else { return };
        let is_live = |expiry: u32| expiry >= now;
        let live = old.entries().filter(|(slot, _)| is_live(state.expiry(*slot))).count();
        let shard = Shard::with_buckets(((live + added) * GROWTH.0).div_ceil(SLOTS * GROWTH.1));
        let mut rebuilt =
            ShardState { expiries: vec![0; shard.capacity()].into(), swept_at: now, ..Default::default() };
        for (slot, entry) in old.entries() {
            let expiry = state.expiry(slot);
            if !is_live(expiry) {
                // Before the shard is replaced, so that a reader that misses the entry sees it.
                removed_until.fetch_max(expiry, Ordering::Relaxed);
                continue;
            }
            let id = entry.id();
            let copied = shard.insert(id, IdHash::of(id), entry.value());
            if let Some(copy) = copied.and_then(|slot| rebuilt.expiries.get_mut(slot)) {
                *copy = expiry;
            }
            rebuilt.len += 1;
            rebuilt.earliest = rebuilt.earliest.min(expiry);
        }
        self.len = self.len + rebuilt.len - state.len;
        *state = rebuilt;
        shards.replace(index, shard);
    }
}

impl ShardState {
    fn expiry(&self, slot: usize) -> u32 {
        self.expiries.get(slot).copied().unwrap_or_default()
    }
}

impl Default for ShardState {
    fn default() -> Self {
        Self { expiries: Box::default(), len: 0, earliest: u32::MAX, swept_at: 0 }
    }
}

/// The most slots of a shard that are used: 7 of 8. Then a lookup compares about two buckets, which few checks need.
const MAX_LOAD: (usize, usize) = (7, 8);

/// A new shard has four slots for three entries. So it can get 1.17 times as many entries, and an entry takes at most
/// 43 bytes: 29 for each slot, and 4 in the filter.
const GROWTH: (usize, usize) = (4, 3);

/// In seconds. A sweep copies the shard.
const SWEEP_INTERVAL: u32 = 60;
