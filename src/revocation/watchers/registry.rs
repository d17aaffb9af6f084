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

/// The watchers.
pub(super) struct Registry {
    /// The slots, in chunks, so that a slab that grows is neither moved nor over-allocated.
    chunks: Vec<Box<[Slot]>>,
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

    /// Takes the wakers of the watchers of a token, session or subject. Returns whether the id is that of an issuer or a
    /// client instead.
    pub(super) fn take_wakers(&mut self, id: RevocationId, woken: &mut Vec<Waker>) -> bool {
        let mut node = self.heads.get(self.bucket(id)).copied().unwrap_or(NONE);
        while node != NONE {
            let is_of_id = self.id(node) == Some(id);
            let Some(slot) = self.slot_of(node) else { break };
            if let Some(watcher) = slot.watcher.as_mut().filter(|_| is_of_id) {
                woken.extend(watcher.waker.take());
            }
            node = slot.links.get(link_of(node)).map_or(NONE, |link| link.next);
        }
        self.groups.contains_key(&id)
    }

    /// Takes the wakers of the watchers of an issuer or a client that are in this chunk of the slots. Returns false if
    /// there is no such chunk.
    pub(super) fn take_wakers_of_group(&mut self, id: RevocationId, chunk: usize, woken: &mut Vec<Waker>) -> bool {
        let Some(chunk) = self.chunks.get_mut(chunk) else { return false };
        let watchers = chunk.iter_mut().filter_map(|slot| slot.watcher.as_mut());
        let of_group = watchers.filter(|watcher| groups(&watcher.ids).any(|group| group == id));
        woken.extend(of_group.filter_map(|watcher| watcher.waker.take()));
        true
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let is_free = |slot: &Slot| slot.watcher.is_none();
        self.nodes == 0 && self.groups.is_empty() && self.chunks.iter().flat_map(|chunk| chunk.iter()).all(is_free)
    }

    /// Returns the length of the longest list.
    #[cfg(test)]
    pub(super) fn longest_list(&mut self) -> usize {
        let lengths = self.heads.clone().into_iter().map(|head| {
            let next = |node: &u32| Some(self.slot_of(*node)?.links[link_of(*node)].next);
            std::iter::successors(Some(head), next).filter(|node| *node != NONE).count()
        });
        lengths.max().unwrap_or_default()
    }

    fn add_chunk(&mut self) {
        let first = (self.chunks.len() * CHUNK) as u32;
        let mut chunk: Box<[Slot]> = (0..CHUNK).map(|_| Slot::default()).collect();
        for (slot, next) in chunk.iter_mut().zip(first + 1..) {
            slot.links[0].next = next;
        }
        if let Some(last) = chunk.last_mut() {
            last.links[0].next = self.free;
        }
        self.chunks.push(chunk);
        self.free = first;
    }

    /// Adds the nodes of a slot to the lists of its ids.
    fn link_all(&mut self, slot: u32, listed: impl Iterator<Item = (usize, RevocationId)>) {
        for (link, id) in listed {
            if self.nodes >= self.heads.len() * MEAN_LEN {
                self.add_list();
            }
            self.link(node(slot, link), id);
        }
    }

    fn link(&mut self, node: u32, id: RevocationId) {
        let bucket = self.bucket(id);
        let next = self.heads.get_mut(bucket).map_or(NONE, |head| mem::replace(head, node));
        self.set(node, |link| *link = Link { previous: NONE, next });
        self.set(next, |link| link.previous = node);
        self.nodes += 1;
    }

    /// Adds a list, and moves to it about half of the nodes of one other list (linear hashing). So no insertion has to
    /// wait until all lists are built again.
    fn add_list(&mut self) {
        let new = self.heads.len();
        self.heads.push(NONE);
        let old = self.heads.get_mut(new & lower_mask(new + 1));
        let mut node = old.map_or(NONE, |head| mem::replace(head, NONE));
        while let Some(id) = self.id(node) {
            let mut next = NONE;
            self.set(node, |link| next = link.next);
            self.nodes -= 1;
            self.link(node, id);
            node = next;
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
            && let Some(link) = self.slot_of(node).and_then(|slot| slot.links.get_mut(link_of(node)))
        {
            change(link);
        }
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot> {
        let number = number as usize;
        self.chunks.get_mut(number / CHUNK)?.get_mut(number % CHUNK)
    }

    fn slot_of(&mut self, node: u32) -> Option<&mut Slot> {
        self.slot(node / LISTED as u32)
    }

    /// Returns the id by which a node is in its list, or `None` if there is no such node.
    fn id(&mut self, node: u32) -> Option<RevocationId> {
        let watcher = self.slot_of(node)?.watcher.as_ref()?;
        listed(&watcher.ids).find_map(|(link, id)| (link == link_of(node)).then_some(id))
    }

    /// Returns the list of an id.
    fn bucket(&self, id: RevocationId) -> usize {
        let ([high, low], [high_seed, low_seed]) = (id.0, self.seed);
        let product = u128::from(high ^ high_seed) * u128::from(low ^ low_seed);
        let hash = (product >> 64) as usize ^ product as usize;
        let lists = self.heads.len();
        let mask = lower_mask(lists);
        let bucket = hash & (mask << 1 | 1);
        // A list that was not added yet is part of another one.
        if bucket < lists { bucket } else { bucket & mask }
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

    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
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

fn link_of(node: u32) -> usize {
    node as usize % LISTED
}

/// Returns the mask of the lists that exist for certain: the largest power of two below this number, minus 1.
fn lower_mask(lists: usize) -> usize {
    (lists.next_power_of_two() / 2).saturating_sub(1)
}

/// The number of ids of a watcher that have lists.
const LISTED: usize = 3;

/// The mean length of the lists. Shorter lists take more memory, and longer ones make a revocation slower.
const MEAN_LEN: usize = 3;

/// The number of slots in a chunk.
const CHUNK: usize = 64;

/// No node, and no slot.
const NONE: u32 = u32::MAX;
