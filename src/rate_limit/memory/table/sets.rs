//! `Sets`: the sets of one shard, allocated when they are first used.

use crate::rate_limit::algorithm::Slot;
use crate::rate_limit::memory::table::set::Set;

/// The sets of one shard, in chunks.
///
/// A chunk is allocated by the first access to one of its sets, so that a table takes memory for the subjects that it
/// has seen. A chunk of several small sets saves most of the pointers, and what the allocator adds to each block.
pub(super) struct Sets<S> {
    /// Empty until the first access, as is each chunk.
    chunks: Box<[Box<[Set<S>]>]>,
}

impl<S> Default for Sets<S> {
    fn default() -> Self {
        Self { chunks: Box::default() }
    }
}

impl<S: Slot> Sets<S> {
    /// The number of sets in a chunk, a power of two.
    pub(super) const PER_CHUNK: usize = match (CHUNK_BYTES / size_of::<Set<S>>()).checked_ilog2() {
        Some(log) => 1 << log,
        None => 1,
    };

    /// Returns the set with this index, if it is allocated.
    #[inline]
    pub(super) fn get(&mut self, index: usize) -> Option<&mut Set<S>> {
        self.chunks.get_mut(index / Self::PER_CHUNK)?.get_mut(index % Self::PER_CHUNK)
    }

    /// Allocates the chunk of the set with this index, of `count` sets in the shard. Returns `None` without memory.
    #[cold]
    pub(super) fn allocate(&mut self, index: usize, count: usize) -> Option<&mut Set<S>> {
        if self.chunks.is_empty() {
            self.chunks = filled(count.div_ceil(Self::PER_CHUNK), Box::default)?;
        }
        let first_of_chunk = index - index % Self::PER_CHUNK;
        let chunk = self.chunks.get_mut(index / Self::PER_CHUNK)?;
        *chunk = filled(Self::PER_CHUNK.min(count.checked_sub(first_of_chunk)?), Set::empty)?;
        self.get(index)
    }
}

/// Returns a slice of this length; `None` if there is no memory for it. Other allocations end the process then.
fn filled<T>(len: usize, value: impl FnMut() -> T) -> Option<Box<[T]>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize_with(len, value);
    Some(values.into())
}

/// The size of a chunk, unless a single set is larger. A chunk is zeroed while its shard is locked, so it is small.
const CHUNK_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::algorithm::fixed_window::FixedWindow;
    use crate::rate_limit::algorithm::sliding_log::SlidingLog;

    /// Returns which of these sets are allocated.
    fn allocated<S: Slot>(sets: &mut Sets<S>, count: usize) -> Vec<usize> {
        (0..count).filter(|index| sets.get(*index).is_some()).collect()
    }

    #[test]
    fn only_the_chunk_of_a_set_is_allocated() {
        let mut sets = Sets::<FixedWindow>::default();
        assert_eq!((Sets::<FixedWindow>::PER_CHUNK, allocated(&mut sets, 20)), (4, vec![]));
        assert!(sets.allocate(5, 11).is_some());
        assert_eq!(allocated(&mut sets, 20), [4, 5, 6, 7]);
        // The last chunk ends with the last set.
        assert!(sets.allocate(8, 11).is_some());
        assert_eq!(allocated(&mut sets, 20), [4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_large_set_is_a_chunk_of_its_own() {
        let mut sets = Sets::<SlidingLog<128>>::default();
        assert!(sets.allocate(5, 11).is_some());
        assert_eq!(allocated(&mut sets, 20), [5]);
    }

    #[test]
    fn a_set_that_does_not_exist_is_not_allocated() {
        let mut sets = Sets::<FixedWindow>::default();
        for index in [11, 12, 1_000] {
            assert!(sets.allocate(index, 11).is_none(), "{index}");
        }
    }

    #[test]
    fn a_slice_that_no_memory_can_hold_is_none() {
        assert_eq!(filled(3, || 7).as_deref(), Some(&[7, 7, 7][..]));
        assert_eq!(filled(usize::MAX, || 7_u64), None);
        assert_eq!(filled(usize::MAX / 16, || 7_u64), None);
    }
}
