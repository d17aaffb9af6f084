//! `Watchers`: the tasks that wait for a revocation, found by what was revoked.

mod registry;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::context::{RevocationId, RevocationIds};
use crate::revocation::watchers::registry::Registry;

/// The watchers of one [`Revocations`](crate::Revocations), or of a layer without one.
///
/// No wake-up is lost. A watcher is registered before it looks its ids up, and a revocation changes the table before it
/// looks for watchers. Each side has a `SeqCst` fence between the two, so at least one of them sees the other: if the
/// fence of the watcher is first, the revocation reads that something is watched, and takes the lock. Under this lock a
/// watcher stores its waker and looks its ids up. So the revocation either finds the waker, or had the lock earlier,
/// and then the watcher finds what is revoked.
#[derive(Debug)]
pub(super) struct Watchers {
    /// The number of watchers, so that a revocation takes no lock while there are none.
    watched: AtomicUsize,
    /// Changes when wakers are taken, so that a watcher knows without the lock whether its waker is still stored.
    wakes: AtomicU32,
    registry: Mutex<Registry>,
}

/// Where a watcher is registered: its slot plus 1. So an `Option` of it takes four bytes.
#[derive(Debug)]
pub(super) struct Place(NonZeroU32);

impl Watchers {
    pub(super) fn new() -> Self {
        Self { watched: AtomicUsize::new(0), wakes: AtomicU32::new(0), registry: Mutex::default() }
    }

    /// Registers a watcher, without a waker yet. Its first poll looks its ids up.
    pub(super) fn insert(&self, ids: Arc<RevocationIds>) -> Place {
        self.watched.fetch_add(1, Ordering::Relaxed);
        let slot = self.lock().insert(ids);
        fence(Ordering::SeqCst);
        Place(NonZeroU32::MIN.saturating_add(slot))
    }

    /// Stores the waker of a watcher, then calls `is_revoked` with its ids.
    ///
    /// `is_revoked` runs under the lock, so it must not wait.
    pub(super) fn poll(&self, place: &Place, waker: &Waker, is_revoked: impl FnOnce(&RevocationIds) -> bool) -> bool {
        let mut registry = self.lock();
        let Some(watcher) = registry.watcher(place.slot()) else { return false };
        let old = watcher.set_waker(waker);
        let is_revoked = is_revoked(watcher.ids());
        drop(registry);
        // A waker runs code of the runtime when it is dropped, so this happens without the lock.
        drop(old);
        is_revoked
    }

    /// Frees the slot of a watcher.
    pub(super) fn remove(&self, place: &Place) {
        let removed = self.lock().remove(place.slot());
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
        let is_group = self.lock().take_wakers(id, &mut woken);
        if is_group {
            // One chunk at a time, so that no poll has to wait for long. A watcher that is inserted in between finds
            // what is revoked.
            (0..).take_while(|chunk| self.lock().take_wakers_of_group(id, *chunk, &mut woken)).for_each(drop);
        }
        self.wake_all(woken);
    }

    /// Wakes the watchers in these slots. One that has replaced another in its slot is woken needlessly.
    pub(super) fn wake_slots(&self, slots: &[u32]) {
        let mut registry = self.lock();
        let woken = slots.iter().filter_map(|slot| registry.watcher(*slot)?.take_waker()).collect();
        drop(registry);
        self.wake_all(woken);
    }

    /// Without the lock, because a waker may poll or drop a `Watch` at once.
    fn wake_all(&self, woken: Vec<Waker>) {
        if !woken.is_empty() {
            self.wakes.fetch_add(1, Ordering::Release);
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Returns a number that changes when wakers are taken.
    ///
    /// When a task is polled because its waker was taken, the number has changed since the waker was stored.
    #[inline]
    pub(super) fn wakes(&self) -> u32 {
        self.wakes.load(Ordering::Acquire)
    }

    /// Returns the number of watchers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.watched.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn slot(&self) -> u32 {
        self.0.get() - 1
    }
}

#[cfg(test)]
mod tests;
