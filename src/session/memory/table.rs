//! `Table`: the records of a `MemorySessions`, and the order in which they are removed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::session::id::SessionId;
use crate::session::record::SessionRecord;
use crate::session::secret::SessionDigest;
use crate::session::store::{Created, SessionLimit, SessionUse};

/// Records by digest, with three indexes: by expiry, by owner, and owners by the number of their records.
///
/// The time of an operation is logarithmic in the number of all records, and linear in those of one owner.
pub(super) struct Table {
    capacity: usize,
    records: HashMap<SessionDigest, SessionRecord>,
    by_expiry: BTreeSet<(u64, SessionDigest)>,
    by_owner: HashMap<Owner, Vec<SessionDigest>>,
    by_count: BTreeSet<(usize, Owner)>,
}

/// The issuer and the id of a user.
type Owner = Arc<(Option<String>, String)>;

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            records: HashMap::new(),
            by_expiry: BTreeSet::new(),
            by_owner: HashMap::new(),
            by_count: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn get(&self, digest: &SessionDigest) -> Option<&SessionRecord> {
        self.records.get(digest)
    }

    pub(super) fn create(&mut self, record: &SessionRecord, limit: Option<SessionLimit>) -> Created {
        let owner = owner(record.owner_issuer(), record.owner_id());
        let mut removed = Vec::new();
        if let Some(limit) = limit {
            let mut current = self.current(&owner);
            if current.len() >= limit.max && limit.rejects_new {
                return Created::OverLimit;
            }
            current.sort_by_key(|session| session.last_used_at);
            let excess = (current.len() + 1).saturating_sub(limit.max.max(1));
            removed = current.into_iter().take(excess).map(|session| session.id).collect();
            for id in &removed {
                self.remove_of(&owner, id);
            }
        }
        while self.records.len() >= self.capacity && self.evict() {}
        self.insert(&owner, record.clone());
        Created::Stored { removed }
    }

    /// Returns whether the old record was current. Otherwise, nothing is stored.
    pub(super) fn renew(&mut self, old: &SessionRecord, renewed: &SessionRecord) -> bool {
        let is_current = self.records.get(&old.digest).is_some_and(|stored| stored.replacement.is_none());
        if is_current {
            let owner = owner(old.owner_issuer(), old.owner_id());
            self.remove_record(&owner, &old.digest);
            while self.records.len() + 1 >= self.capacity && self.evict() {}
            // With a capacity of one, only the new record fits.
            if self.records.len() + 1 < self.capacity {
                self.insert(&owner, old.clone());
            }
            self.insert(&owner, renewed.clone());
        }
        is_current
    }

    pub(super) fn touch(&mut self, session_use: &SessionUse) {
        if let Some(record) = self.records.get_mut(&session_use.digest) {
            record.last_used_at = record.last_used_at.max(session_use.at);
        }
    }

    pub(super) fn remove(&mut self, issuer: Option<&str>, id: &str, session: &SessionId) -> bool {
        self.remove_of(&owner(issuer, id), session)
    }

    /// Returns the current records of an owner, the oldest first.
    pub(super) fn of_owner(&self, issuer: Option<&str>, id: &str) -> Vec<SessionRecord> {
        let mut records: Vec<_> = self.current(&owner(issuer, id)).into_iter().cloned().collect();
        records.sort_by_key(|record| (record.created_at, record.id));
        records
    }

    pub(super) fn remove_expired(&mut self, now: u64) {
        while let Some((end, digest)) = self.by_expiry.first().copied()
            && end <= now
        {
            let owner = self.records.get(&digest).map(|record| owner(record.owner_issuer(), record.owner_id()));
            match owner {
                Some(owner) => self.remove_record(&owner, &digest),
                None => drop(self.by_expiry.pop_first()),
            }
        }
    }

    fn current(&self, owner: &Owner) -> Vec<&SessionRecord> {
        let digests = self.by_owner.get(owner).into_iter().flatten();
        digests.filter_map(|digest| self.records.get(digest)).filter(|record| record.replacement.is_none()).collect()
    }

    /// Removes the least recently used session of the owner with the most records.
    fn evict(&mut self) -> bool {
        let Some((_, owner)) = self.by_count.last().cloned() else { return false };
        let digests = self.by_owner.get(&owner).into_iter().flatten();
        let least_used = digests.filter_map(|digest| self.records.get(digest)).min_by_key(|record| record.last_used_at);
        let Some(id) = least_used.map(|record| record.id) else { return false };
        self.remove_of(&owner, &id)
    }

    fn remove_of(&mut self, owner: &Owner, id: &SessionId) -> bool {
        let digests = self.by_owner.get(owner).into_iter().flatten().copied();
        let is_same = |digest: &SessionDigest| self.records.get(digest).is_some_and(|record| record.id == *id);
        let digests: Vec<_> = digests.filter(is_same).collect();
        digests.iter().for_each(|digest| self.remove_record(owner, digest));
        !digests.is_empty()
    }

    fn insert(&mut self, owner: &Owner, record: SessionRecord) {
        let digest = record.digest;
        self.by_expiry.insert((record.kept_until_seconds(), digest));
        if self.records.insert(digest, record).is_none() {
            self.change_count(owner, |digests| digests.push(digest));
        }
    }

    fn remove_record(&mut self, owner: &Owner, digest: &SessionDigest) {
        if let Some(record) = self.records.remove(digest) {
            self.by_expiry.remove(&(record.kept_until_seconds(), *digest));
            self.change_count(owner, |digests| digests.retain(|other| other != digest));
        }
    }

    fn change_count(&mut self, owner: &Owner, change: impl FnOnce(&mut Vec<SessionDigest>)) {
        let digests = self.by_owner.entry(Arc::clone(owner)).or_default();
        self.by_count.remove(&(digests.len(), Arc::clone(owner)));
        change(digests);
        let count = digests.len();
        if count == 0 {
            self.by_owner.remove(owner);
        } else {
            self.by_count.insert((count, Arc::clone(owner)));
        }
    }
}

fn owner(issuer: Option<&str>, id: &str) -> Owner {
    Arc::new((issuer.map(str::to_owned), id.to_owned()))
}

#[cfg(test)]
mod tests;
