//! `Watchers`: the tasks that wait for a revocation, found by what was revoked.

mod registry;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::context::{RevocationId, RevocationIds};
use crate::revocation::watchers::registry::Registry;

/// The watchers of one [`Revocations`](crate::Revocations).
///
/// No wake-up is lost. A watcher is registered before it looks its ids up, and a revocation changes the table before it
/// looks for watchers. Each side has a `SeqCst` fence between the two, so at least one of them sees the other: if the
/// fence of the watcher is first, the revocation reads that something is watched, and takes the lock of its shard. Under
/// this lock a watcher stores its waker and looks its ids up. So the revocation either finds the waker, or had the lock
/// earlier, and then the watcher finds what is revoked.
#[derive(Debug)]
pub(super) struct Watchers {
    /// The number of watchers, so that a revocation takes no lock while there are none.
    watched: AtomicUsize,
    /// The number of watchers that were ever inserted, which selects the shard of the next one.
    inserted: AtomicU32,
    /// Each poll of a `Watch` takes the lock of one shard, and a revocation takes all in turn.
    shards: [Mutex<Registry>; SHARDS],
}

/// Where a watcher is registered: the number of its slot and its shard, plus 1. So an `Option` of it has four bytes.
#[derive(Debug)]
pub(super) struct Place(NonZeroU32);

impl Watchers {
    pub(super) fn new() -> Self {
        Self { watched: AtomicUsize::new(0), inserted: AtomicU32::new(0), shards: Default::default() }
    }

    /// Registers a watcher, without a waker yet. Its first poll looks its ids up.
    pub(super) fn insert(&self, ids: Arc<RevocationIds>) -> Place {
        self.watched.fetch_add(1, Ordering::Relaxed);
        let shard = self.inserted.fetch_add(1, Ordering::Relaxed) % SHARDS as u32;
        let slot = self.shard(shard).insert(ids);
        fence(Ordering::SeqCst);
        let place = slot.checked_mul(SHARDS as u32).and_then(|first| first.checked_add(shard + 1));
        let place = place.and_then(NonZeroU32::new);
        Place(place.expect("2^32 watchers of over 64 bytes do not fit into memory"))
    }

    /// Stores the waker of a watcher, then calls `is_revoked` with its ids.
    ///
    /// `is_revoked` runs under a lock, so it must not wait.
    pub(super) fn poll(&self, place: &Place, waker: &Waker, is_revoked: impl FnOnce(&RevocationIds) -> bool) -> bool {
        let (shard, slot) = place.split();
        let mut registry = self.shard(shard);
        let Some(watcher) = registry.watcher(slot) else { return false };
        let old = watcher.set_waker(waker);
        let is_revoked = is_revoked(watcher.ids());
        drop(registry);
        // A waker runs code of the runtime when it is dropped, so this happens without the lock.
        drop(old);
        is_revoked
    }

    /// Frees the slot of a watcher.
    pub(super) fn remove(&self, place: &Place) {
        let (shard, slot) = place.split();
        let removed = self.shard(shard).remove(slot);
        self.watched.fetch_sub(1, Ordering::Relaxed);
        // Here, and not under the lock: the waker may own a future with another `Watch`, whose slot is then freed too.
        drop(removed);
    }

    /// Wakes the watchers of an id, which was revoked just now. They look their ids up themselves, because an exception
    /// may keep some of them valid.
    pub(super) fn wake(&self, id: RevocationId) {
        fence(Ordering::SeqCst);
        if self.watched.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut woken = Vec::new();
        for shard in &self.shards {
            lock(shard).take_wakers(id, &mut woken);
        }
        // Without a lock, because a waker may poll or drop a `Watch` at once.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Returns the number of watchers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.watched.load(Ordering::SeqCst)
    }

    fn shard(&self, shard: u32) -> MutexGuard<'_, Registry> {
        let [first, ..] = &self.shards;
        lock(self.shards.get(shard as usize).unwrap_or(first))
    }
}

impl Place {
    /// Returns the shard and the slot in it.
    fn split(&self) -> (u32, u32) {
        let place = self.0.get() - 1;
        (place % SHARDS as u32, place / SHARDS as u32)
    }
}

fn lock(shard: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sockets poll their `Watch` at each message, on all threads, so one lock would be contended.
const SHARDS: usize = 16;

#[cfg(test)]
mod tests;
