//! `Set`: eight subjects of a table, and which of them a new subject may replace.

use crate::rate_limit::algorithm::{Occupancy, Slot};

/// The subjects whose hashes select the same set.
///
/// A set is searched from end to end: the eight tags are compared in a few instructions, and a set that is small enough
/// to be read at once needs no index. The recency list is eight bytes, so that a touch moves no slot.
#[derive(Clone)]
pub(super) struct Set<S> {
    /// The indexes of the ways, the most recently used first.
    recency: [u8; WAYS],
    ways: [Way<S>; WAYS],
}

#[derive(Clone)]
struct Way<S> {
    /// The hash of the subject; [`NO_SUBJECT`] if the way is empty.
    tag: Tag,
    slot: S,
}

/// A hash in parts of 16 bits, so that it does not force an alignment of 8 bytes, and padding, on small slots.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Tag([u16; 4]);

impl Tag {
    #[inline]
    pub(super) fn of(hash: u64) -> Self {
        Self([hash as u16, (hash >> 16) as u16, (hash >> 32) as u16, (hash >> 48) as u16])
    }
}

impl<S: Slot> Set<S> {
    pub(super) fn empty() -> Self {
        Self {
            recency: std::array::from_fn(|way| way as u8),
            ways: std::array::from_fn(|_| Way { tag: NO_SUBJECT, slot: S::default() }),
        }
    }

    #[inline]
    pub(super) fn find(&mut self, tag: Tag) -> Option<(usize, &mut S)> {
        let mut ways = self.ways.iter_mut().enumerate();
        ways.find(|(_, way)| way.tag == tag).map(|(index, way)| (index, &mut way.slot))
    }

    /// Moves a way to the front of the recency list.
    #[inline]
    pub(super) fn touch(&mut self, way: usize) {
        // Shifts the entries before it by one. A way that is already at the front costs one comparison.
        let mut moved = way as u8;
        for entry in &mut self.recency {
            std::mem::swap(entry, &mut moved);
            if usize::from(moved) == way {
                return;
            }
        }
    }

    /// Replaces the subject of a way.
    pub(super) fn store(&mut self, index: usize, tag: Tag, slot: S) {
        if let Some(way) = self.ways.get_mut(index) {
            *way = Way { tag, slot };
            self.touch(index);
        }
    }

    /// Empties a way.
    pub(super) fn clear(&mut self, index: usize) {
        self.store(index, NO_SUBJECT, S::default());
    }

    /// Returns the way that a new subject may take; `None` if every subject is at its limit.
    ///
    /// It is an empty way, else one whose units are all available again, else the one with the smallest share of its
    /// limit in use. Such a subject loses the least: at worst it may use that share a second time. Eviction by recency
    /// alone would let an attacker reset a counter by sending requests as many other subjects.
    pub(super) fn victim(&self, params: &S::Params, now: u64) -> Option<usize> {
        let mut smallest: Option<(usize, Occupancy)> = None;
        // From the least recently used one. So of several that are equal, that one is evicted.
        for &recent in self.recency.iter().rev() {
            let index = usize::from(recent);
            let Some(way) = self.ways.get(index) else { continue };
            if way.tag == NO_SUBJECT {
                return Some(index);
            }
            let occupancy = way.slot.occupancy(params, now);
            if occupancy.used == 0 {
                return Some(index);
            }
            let is_full = occupancy.used >= occupancy.capacity;
            if !is_full && smallest.is_none_or(|(_, other)| is_smaller_share(occupancy, other)) {
                smallest = Some((index, occupancy));
            }
        }
        smallest.map(|(index, _)| index)
    }
}

/// Compares two fractions by their cross products, which fit into 64 bits and need no division.
fn is_smaller_share(one: Occupancy, other: Occupancy) -> bool {
    u64::from(one.used) * u64::from(other.capacity) < u64::from(other.used) * u64::from(one.capacity)
}

const NO_SUBJECT: Tag = Tag([0; 4]);
/// Subjects per set: few enough to compare all of them, enough that full sets are rare.
pub(in crate::rate_limit::memory) const WAYS: usize = 8;
