//! `Generations`: a map of bounded size that forgets the keys that were not used for the longest time.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// A map in two generations. If the current one is full, it becomes the previous one, which is dropped.
///
/// So an entry that is [used](Self::renew) at least once a generation stays, every operation takes constant time, and a
/// lookup changes nothing as long as the entry is in the current generation. A list in the order of use, as in an LRU
/// cache, would have to be locked and changed by every request.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    /// Of one generation: half of the whole.
    capacity: usize,
    current: HashMap<K, V>,
    previous: HashMap<K, V>,
}

/// An entry, and whether the next generation change drops it unless it is [renewed](Generations::renew).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<V> {
    pub(crate) value: V,
    pub(crate) is_old: bool,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Creates a map for at most this number of entries, but at least two.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: (capacity / 2).max(1), current: HashMap::new(), previous: HashMap::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<Found<&V>> {
        if let Some(value) = self.current.get(key) {
            return Some(Found { value, is_old: false });
        }
        self.previous.get(key).map(|value| Found { value, is_old: true })
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.previous.remove(&key);
        if self.current.len() >= self.capacity && !self.current.contains_key(&key) {
            self.previous = mem::take(&mut self.current);
        }
        self.current.insert(key, value);
    }

    /// Moves an entry of the previous generation into the current one.
    #[cfg(any(feature = "api_key", feature = "client_cert", feature = "session", test))]
    pub(crate) fn renew(&mut self, key: K) {
        if let Some(value) = self.previous.remove(&key) {
            self.insert(key, value);
        }
    }

    #[cfg(any(feature = "api_key", feature = "session", test))]
    pub(crate) fn remove(&mut self, key: &K) {
        self.current.remove(key);
        self.previous.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.current.len() + self.previous.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_in_use_survives_any_number_of_others() {
        let mut map = Generations::new(10);
        map.insert(0, "in use");
        for key in 1..1_000 {
            map.insert(key, "");
            let found = map.get(&0).unwrap();
            assert_eq!(found.value, &"in use");
            if found.is_old {
                map.renew(0);
            }
            assert!(map.len() <= 10);
        }
        assert_eq!(map.get(&1), None);
        map.remove(&0);
        assert_eq!(map.get(&0), None);
    }

    #[test]
    fn an_old_entry_is_removed_and_replaced_in_both_generations() {
        let mut map = Generations::new(4);
        for key in 0..3 {
            map.insert(key, "first");
        }
        assert_eq!([0, 1, 2].map(|key| map.get(&key).unwrap().is_old), [true, true, false]);
        map.remove(&0);
        assert_eq!(map.get(&0), None);
        map.insert(1, "second");
        // As by a thread that found the old entry before it was replaced.
        map.renew(1);
        assert_eq!((map.get(&1), map.len()), (Some(Found { value: &"second", is_old: false }), 2));
    }

    #[test]
    fn replacing_an_entry_of_a_full_generation_makes_nothing_old() {
        let mut map = Generations::new(4);
        for key in [0, 1, 1, 0, 1] {
            map.insert(key, ());
        }
        assert!(!map.get(&0).unwrap().is_old && !map.get(&1).unwrap().is_old);
    }

    proptest! {
        #[test]
        fn the_last_entries_are_kept_and_there_are_never_too_many(keys in prop::collection::vec(0_u8..20, 0..60)) {
            let mut map = Generations::new(8);
            for (position, key) in keys.iter().enumerate() {
                map.insert(*key, position);
                prop_assert!(map.len() <= 8);
                prop_assert_eq!(map.get(key).map(|found| *found.value), Some(position));
            }
            for (position, key) in keys.iter().enumerate().rev().take(4) {
                let last = keys.iter().rposition(|other| other == key);
                prop_assert!(last == Some(position) || keys[position + 1..].contains(key));
                prop_assert_eq!(map.get(key).map(|found| *found.value), last);
            }
        }
    }
}
