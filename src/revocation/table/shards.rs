//! `Shards`: the shards of the table and their filter, which readers use without a lock.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::context::{IdHash, RevocationId};
use crate::revocation::table::filter::Filter;
use crate::revocation::table::position::{self, SHARDS};
use crate::revocation::table::shard::Shard;

/// The shards. The writer replaces one to let it grow or to remove entries.
#[derive(Debug)]
pub(super) struct Shards {
    list: ArcSwap<List>,
    pub(super) filter: Filter,
}

/// The shards as of some time. Entries are changed in place, also after a newer list has replaced this one, unless
/// their shard has been replaced.
pub(super) type List = [Shard; SHARDS];

impl Shards {
    pub(super) fn new() -> Self {
        let list = ArcSwap::from_pointee(std::array::from_fn(|_| Shard::default()));
        Self { list, filter: Filter::new() }
    }

    pub(super) fn load(&self) -> Guard<Arc<List>> {
        self.list.load()
    }

    /// Returns the value of an entry of a list.
    pub(super) fn get(list: &List, id: RevocationId, hash: IdHash) -> Option<u64> {
        list.get(position::shard(hash))?.get(id, hash)
    }

    /// Returns the value of an entry of the current list.
    pub(super) fn current(&self, id: RevocationId) -> Option<u64> {
        Self::get(&self.load(), id, IdHash::of(id))
    }

    /// Replaces a shard, and its part of the filter. Only the writer calls it.
    pub(super) fn replace(&self, index: usize, shard: Shard) {
        self.filter.replace(index, shard.entries().map(|(_, slot)| IdHash::of(slot.id())));
        let mut list = List::clone(&self.load());
        if let Some(replaced) = list.get_mut(index) {
            *replaced = shard;
        }
        self.list.store(Arc::new(list));
    }
}
