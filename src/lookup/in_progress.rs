//! `InProgress`: the lookups in progress, one for each key.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use tokio::sync::watch;

/// The lookups in progress. Requests for one key share a lookup. It is behind a lock, and every method is pure.
#[derive(Debug)]
pub(crate) struct InProgress<K, T> {
    in_progress: HashMap<K, Started<T>>,
    next_id: u64,
}

#[derive(Debug)]
struct Started<T> {
    id: u64,
    /// Dropped without an outcome if the lookup is [forgotten](InProgress::forget).
    outcome: watch::Sender<Option<T>>,
}

impl<K: Eq + Hash, T> InProgress<K, T> {
    pub(crate) fn new() -> Self {
        Self { in_progress: HashMap::new(), next_id: 0 }
    }

    /// Returns where to receive the outcome of the lookup of this key, if it is in progress.
    pub(crate) fn join<Q>(&self, key: &Q) -> Option<watch::Receiver<Option<T>>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.in_progress.get(key).map(|started| started.outcome.subscribe())
    }

    /// Records that a lookup starts. Returns its id, and where to receive its outcome.
    pub(crate) fn start(&mut self, key: K) -> (u64, watch::Receiver<Option<T>>) {
        let (sender, outcome) = watch::channel(None);
        let id = self.next_id;
        self.next_id += 1;
        self.in_progress.insert(key, Started { id, outcome: sender });
        (id, outcome)
    }

    /// Records the end of a lookup. Returns where to send its outcome, `None` if it was [forgotten](Self::forget).
    pub(crate) fn finish<Q>(&mut self, key: &Q, id: u64) -> Option<watch::Sender<Option<T>>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if self.in_progress.get(key)?.id != id {
            return None;
        }
        self.in_progress.remove(key).map(|started| started.outcome)
    }

    /// Forgets the lookup of this key, because it may have started too early.
    #[cfg(any(feature = "api_key", feature = "jwt", feature = "session", test))]
    pub(crate) fn forget<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.in_progress.remove(key);
    }

    #[cfg(all(test, feature = "jwt"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.in_progress.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_one_key_share_a_lookup_until_it_ends() {
        let mut lookups: InProgress<String, u8> = InProgress::new();
        assert!(lookups.join("a").is_none());
        let (id, _) = lookups.start("a".to_owned());
        let receiver = lookups.join("a").unwrap();
        lookups.finish("a", id).unwrap().send_replace(Some(7));
        assert_eq!(*receiver.borrow(), Some(7));
        assert!(lookups.join("a").is_none());
    }

    #[test]
    fn a_forgotten_lookup_has_no_outcome() {
        let mut lookups: InProgress<String, u8> = InProgress::new();
        let (first, receiver) = lookups.start("a".to_owned());
        lookups.forget("a");
        assert!(receiver.has_changed().is_err(), "the sender is gone");
        let (second, _) = lookups.start("a".to_owned());
        assert!(lookups.finish("a", first).is_none());
        assert!(lookups.finish("a", second).is_some());
    }
}
