//! `Shards`: the shards of the table, which readers load without a lock.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::context::RevocationId;
use crate::revocation::table::position::{Position, SHARDS, Seeds};
use crate::revocation::table::shard::Shard;

/// The shards. The writer replaces one to let it grow or to remove entries.
#[derive(Debug)]
pub(super) struct Shards {
    list: ArcSwap<List>,
    seeds: Seeds,
}

/// The shards as of some time. Entries are changed in place, also after a newer list has replaced this one, unless their
/// shard has been replaced.
pub(super) type List = [Arc<Shard>; SHARDS];

impl Shards {
    pub(super) fn new() -> Self {
        let empty = Arc::new(Shard::default());
        Self { list: ArcSwap::from_pointee(std::array::from_fn(|_| Arc::clone(&empty))), seeds: Seeds::random() }
    }

    #[inline]
    pub(super) fn load(&self) -> Guard<Arc<List>> {
        self.list.load()
    }

    /// Returns the value of an entry of a list.
    #[inline]
    pub(super) fn get(&self, list: &List, id: RevocationId) -> Option<u64> {
        let position = self.seeds.position(id);
        list.get(position.shard())?.get(id, position)
    }

    /// Returns the value of an entry of the current list.
    pub(super) fn current(&self, id: RevocationId) -> Option<u64> {
        self.get(&self.load(), id)
    }

    pub(super) fn position(&self, id: RevocationId) -> Position {
        self.seeds.position(id)
    }

    /// Replaces a shard. Only the writer calls it.
    pub(super) fn replace(&self, index: usize, shard: Shard) {
        let mut list = List::clone(&self.load());
        if let Some(replaced) = list.get_mut(index) {
            *replaced = Arc::new(shard);
        }
        self.list.store(Arc::new(list));
    }
}
