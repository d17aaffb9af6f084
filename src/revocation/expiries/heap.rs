//! `ExpiryHeap`: expiries, of which the earliest is found first.
//!
//! A B-tree would allocate a node for about six of them. These two vectors allocate only when they double.

use std::mem;

/// A binary heap that knows where the expiry of each slot is, so that it is removed without a search.
#[derive(Default)]
pub(super) struct ExpiryHeap {
    /// The times, and the slots of their watchers. None is later than those at twice its index plus 1 and plus 2.
    entries: Vec<(u64, u32)>,
    /// The index of each slot's entry, or `NONE`.
    indexes: Vec<u32>,
}

impl ExpiryHeap {
    /// Inserts the expiry of a slot, unless it has one. Returns whether it is now the earliest.
    pub(super) fn insert(&mut self, expires_at: u64, slot: u32) -> bool {
        let number = slot as usize;
        if self.indexes.len() <= number {
            self.indexes.resize(number + 1, NONE);
        }
        if self.indexes.get(number).is_none_or(|index| *index != NONE) {
            return false;
        }
        self.entries.push((expires_at, slot));
        let last = self.entries.len() - 1;
        self.set_index(last);
        self.move_up(last);
        self.first() == Some((expires_at, slot))
    }

    /// Returns the earliest expiry, and its slot.
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        self.entries.first().copied()
    }

    /// Removes the expiry of a slot, if it has one.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(index) = self.indexes.get_mut(slot as usize) else { return };
        let index = mem::replace(index, NONE) as usize;
        if index >= self.entries.len() {
            return;
        }
        self.entries.swap_remove(index);
        // Unless it was the last one.
        if index < self.entries.len() {
            self.set_index(index);
            self.move_up(index);
            self.move_down(index);
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|(_, slot)| *slot)
    }

    fn move_up(&mut self, mut index: usize) {
        while let Some(parent) = index.checked_sub(1).map(|index| index / 2) {
            if self.entries.get(parent) <= self.entries.get(index) {
                return;
            }
            self.swap(parent, index);
            index = parent;
        }
    }

    fn move_down(&mut self, mut index: usize) {
        loop {
            let children = [2 * index + 1, 2 * index + 2].into_iter().filter(|child| *child < self.entries.len());
            let Some(child) = children.min_by_key(|child| self.entries.get(*child)) else { return };
            if self.entries.get(index) <= self.entries.get(child) {
                return;
            }
            self.swap(index, child);
            index = child;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.entries.swap(one, other);
        self.set_index(one);
        self.set_index(other);
    }

    /// Records that the entry of a slot is at this index, if one is.
    fn set_index(&mut self, index: usize) {
        if let Some((_, slot)) = self.entries.get(index)
            && let Some(of_slot) = self.indexes.get_mut(*slot as usize)
        {
            *of_slot = index as u32;
        }
    }
}

/// No entry.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_heap_finds_the_earliest_expiry_whatever_is_inserted_and_removed() {
        let (mut heap, mut expected) = (ExpiryHeap::default(), BTreeMap::new());
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (slot, expires_at) = ((state >> 40) as u32 % 50, (state >> 50) % 30);
            let earliest = |all: &BTreeMap<u32, u64>| all.iter().map(|(slot, time)| (*time, *slot)).min();
            if state >> 33 & 1 == 0 {
                let is_new = !expected.contains_key(&slot);
                expected.entry(slot).or_insert(expires_at);
                let is_earliest = is_new && earliest(&expected) == Some((expires_at, slot));
                assert_eq!(heap.insert(expires_at, slot), is_earliest);
            } else {
                heap.remove(slot);
                expected.remove(&slot);
            }
            assert_eq!(heap.first(), earliest(&expected));
        }
        let mut slots: Vec<u32> = heap.slots().collect();
        slots.sort_unstable();
        assert!(!slots.is_empty() && slots.iter().eq(expected.keys()));
    }
}
