//! `Registry`: a slab of watchers, and lists of those that have an id.
//!
//! A revocation finds the watchers of a token, session or subject without visiting the others, and a watcher is inserted
//! and removed in constant time, however many have the same id. A map per id would take over 30 bytes for each of the
//! three ids of a watcher. Instead, the watchers whose ids have the same hash form a doubly linked list through the slab:
//! 8 bytes an id, and about 2 bytes for the heads of the lists.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::context::{RevocationId, RevocationIds};

/// The watchers of a shard.
pub(super) struct Registry {
    /// The slots, in chunks, so that a slab that grows is neither moved nor over-allocated.
    chunks: Vec<Box<[Slot; CHUNK]>>,
    /// The first free slot. The others follow by `next` of the first link.
    free: u32,
    /// The first node of each list, by the hash of an id.
    heads: Vec<u32>,
    /// The number of nodes in all lists.
    nodes: usize,
    /// The issuers and clients of the watchers, with the number of watchers of each.
    ///
    /// They are revoked rarely, and have many watchers, so their watchers are in no list, and a revocation visits all.
    groups: HashMap<RevocationId, u32>,
    /// Random, so that a client cannot choose ids whose lists are long.
    seed: [u64; 2],
}

#[derive(Default)]
struct Slot {
    watcher: Option<Watcher>,
    links: [Link; LISTED],
}

/// A watcher that was inserted.
pub(super) struct Watcher {
    ids: Arc<RevocationIds>,
    /// The waker of the last poll, until it is woken.
    waker: Option<Waker>,
}

/// The neighbors of a node in its list. A node is a slot and one of its links: `slot * LISTED + link`.
#[derive(Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
}

impl Registry {
    /// Inserts a watcher, and returns its slot.
    pub(super) fn insert(&mut self, ids: Arc<RevocationIds>) -> u32 {
        if self.free == NONE {
            self.add_chunk();
        }
        self.grow_heads();
        for group in groups(&ids) {
            *self.groups.entry(group).or_default() += 1;
        }
        let number = self.free;
        let listed = listed(&ids);
        if let Some(slot) = self.slot(number) {
            let next_free = slot.links[0].next;
            slot.watcher = Some(Watcher { ids, waker: None });
            self.free = next_free;
        }
        self.link_all(number, listed);
        number
    }

    /// Removes a watcher, which the caller drops without the lock.
    pub(super) fn remove(&mut self, number: u32) -> Option<Watcher> {
        let watcher = self.slot(number)?.watcher.take()?;
        for group in groups(&watcher.ids) {
            if let Some(count) = self.groups.get_mut(&group) {
                *count -= 1;
                if *count == 0 {
                    self.groups.remove(&group);
                }
            }
        }
        for (link, id) in listed(&watcher.ids) {
            self.unlink(node(number, link), id);
        }
        let free = mem::replace(&mut self.free, number);
        self.slot(number)?.links[0].next = free;
        Some(watcher)
    }

    pub(super) fn watcher(&mut self, number: u32) -> Option<&mut Watcher> {
        self.slot(number)?.watcher.as_mut()
    }

    /// Takes the wakers of the watchers that have the id.
    pub(super) fn take_wakers(&mut self, id: RevocationId, woken: &mut Vec<Waker>) {
        let mut node = self.heads.get(self.bucket(id)).copied().unwrap_or(NONE);
        while let Some(slot) = self.slot(node / LISTED as u32).filter(|_| node != NONE) {
            let link = node as usize % LISTED;
            if let Some(watcher) = &mut slot.watcher
                && listed(&watcher.ids).any(|(of, listed)| of == link && listed == id)
            {
                woken.extend(watcher.waker.take());
            }
            node = slot.links.get(link).map_or(NONE, |link| link.next);
        }
        if self.groups.contains_key(&id) {
            let watchers =
                self.chunks.iter_mut().flat_map(|chunk| chunk.iter_mut()).filter_map(|slot| slot.watcher.as_mut());
            let of_group = watchers.filter(|watcher| groups(&watcher.ids).any(|group| group == id));
            woken.extend(of_group.filter_map(|watcher| watcher.waker.take()));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let is_free = |slot: &Slot| slot.watcher.is_none();
        self.nodes == 0 && self.groups.is_empty() && self.chunks.iter().flat_map(|chunk| chunk.iter()).all(is_free)
    }

    fn add_chunk(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        let mut chunk: Box<[Slot; CHUNK]> = Box::new(std::array::from_fn(|_| Slot::default()));
        for (slot, next) in chunk.iter_mut().zip(first + 1..) {
            slot.links[0].next = next;
        }
        if let Some(last) = chunk.last_mut() {
            last.links[0].next = self.free;
        }
        self.chunks.push(chunk);
        self.free = first;
    }

    /// Doubles the number of lists if they have more than three nodes on average.
    fn grow_heads(&mut self) {
        if self.nodes < self.heads.len() * 3 {
            return;
        }
        self.heads = vec![NONE; (self.heads.len() * 2).max(CHUNK)];
        self.nodes = 0;
        for number in 0..(self.chunks.len() * CHUNK) as u32 {
            if let Some(watcher) = self.watcher(number) {
                let listed = listed(&watcher.ids);
                self.link_all(number, listed);
            }
        }
    }

    /// Adds the links of a slot to the lists of its ids.
    fn link_all(&mut self, number: u32, listed: impl Iterator<Item = (usize, RevocationId)>) {
        for (link, id) in listed {
            let node = node(number, link);
            let bucket = self.bucket(id);
            let next = self.heads.get_mut(bucket).map_or(NONE, |head| mem::replace(head, node));
            self.set(node, |link| *link = Link { previous: NONE, next });
            self.set(next, |link| link.previous = node);
            self.nodes += 1;
        }
    }

    fn unlink(&mut self, node: u32, id: RevocationId) {
        let mut removed = Link::default();
        self.set(node, |link| removed = mem::take(link));
        let Link { previous, next } = removed;
        self.set(next, |link| link.previous = previous);
        if previous != NONE {
            self.set(previous, |link| link.next = next);
        } else {
            let bucket = self.bucket(id);
            self.heads.get_mut(bucket).into_iter().for_each(|head| *head = next);
        }
        self.nodes -= 1;
    }

    /// Changes the link of a node, unless it is `NONE`.
    fn set(&mut self, node: u32, change: impl FnOnce(&mut Link)) {
        if node != NONE
            && let Some(slot) = self.slot(node / LISTED as u32)
            && let Some(link) = slot.links.get_mut(node as usize % LISTED)
        {
            change(link);
        }
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot> {
        let number = number as usize;
        self.chunks.get_mut(number / CHUNK)?.get_mut(number % CHUNK)
    }

    /// Returns the list of an id.
    fn bucket(&self, id: RevocationId) -> usize {
        let ([high, low], [high_seed, low_seed]) = (id.0, self.seed);
        let product = u128::from(high ^ high_seed) * u128::from(low ^ low_seed);
        let hash = (product >> 64) as usize ^ product as usize;
        // The number of lists is a power of two, or zero.
        hash & self.heads.len().saturating_sub(1)
    }
}

impl Default for Registry {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            chunks: Vec::new(),
            free: NONE,
            heads: Vec::new(),
            nodes: 0,
            groups: HashMap::new(),
            seed: [random.hash_one(0), random.hash_one(1)],
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl Watcher {
    pub(super) fn ids(&self) -> &RevocationIds {
        &self.ids
    }

    /// Stores the waker, and returns the previous one if it is replaced.
    pub(super) fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        if self.waker.as_ref().is_some_and(|stored| stored.will_wake(waker)) {
            return None;
        }
        self.waker.replace(waker.clone())
    }
}

impl Default for Link {
    fn default() -> Self {
        Self { previous: NONE, next: NONE }
    }
}

/// The ids that have lists, with the number of the link.
fn listed(ids: &RevocationIds) -> impl Iterator<Item = (usize, RevocationId)> + use<> {
    let ids: [_; LISTED] = [ids.credential, ids.session, ids.subject];
    ids.into_iter().enumerate().filter_map(|(link, id)| Some((link, id?)))
}

fn groups(ids: &RevocationIds) -> impl Iterator<Item = RevocationId> + use<> {
    [ids.issuer, ids.client].into_iter().flatten()
}

fn node(slot: u32, link: usize) -> u32 {
    slot * LISTED as u32 + link as u32
}

/// The number of ids of a watcher that have lists.
const LISTED: usize = 3;

/// The number of slots in a chunk.
const CHUNK: usize = 64;

/// No node, and no slot.
const NONE: u32 = u32::MAX;
