//! `Table`: what is revoked, and until when. Readers take no lock.

mod filter;
mod position;
mod shard;
mod shards;
mod writer;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::MAX_LEEWAY;
use crate::context::{IdHash, RevocationId, RevocationIds};
use crate::revocation::record::{Full, Record};
use crate::revocation::table::shards::Shards;
use crate::revocation::table::writer::Writer;

/// The table of revocations: from an id to the times until which what it identifies is revoked.
///
/// # Entries
///
/// A value is two numbers, in seconds. A credential is revoked if one of its ids has an entry, and the credential was
/// issued at or before the first number. The second number, `others`, is only for subjects: a credential that was
/// issued at or before it is revoked too, unless its login is the one that the subject's
/// [companion](RevocationId::companion) entry names.
///
/// Numbers only increase. If two records except different logins of one subject, then each revokes what the other
/// excepts, so the lower number includes all credentials, and becomes the first number. So the order of records does
/// not matter, and no record makes valid what another one revokes.
///
/// # Readers and the writer
///
/// Readers take no lock. They first read the [filter](filter::Filter), and the list of shards only if an id may have an
/// entry. A writer holds a mutex. It changes entries in place, and replaces a shard to let it grow or to
/// remove what has expired.
///
/// # Expiry
///
/// An entry is removed some time after it has expired. Readers ignore the expiry: what an entry revokes has expired
/// when the entry does. If the wall clock is set back, it may seem valid again, so
/// [`removed_until`](Self::removed_until) remembers the latest expiry of a removed entry.
#[derive(Debug)]
pub(super) struct Table {
    shards: Shards,
    writer: Mutex<Writer>,
    removed_until: AtomicU32,
}

impl Table {
    pub(super) fn new(max_entries: usize) -> Self {
        Self { shards: Shards::new(), writer: Mutex::new(Writer::new(max_entries)), removed_until: AtomicU32::new(0) }
    }

    /// Whether a credential is revoked.
    ///
    /// A credential that expired before an entry was removed counts as revoked, since the entry may have been its own.
    #[inline]
    pub(super) fn is_revoked(&self, ids: &RevocationIds) -> bool {
        if self.shards.filter.may_contain(&ids.hashes) && self.is_revoked_by_entry(ids) {
            return true;
        }
        // After the lookups, so that an entry that one of them misses is included.
        let removed_until = self.removed_until.load(Ordering::Relaxed);
        ids.expires_at.is_some_and(|time| time.saturating_add(MAX_LEEWAY.as_secs() as u32) <= removed_until)
    }

    /// Whether there is an entry with this id.
    #[cfg(feature = "session")]
    pub(super) fn contains(&self, id: RevocationId) -> bool {
        let hash = IdHash::of(id);
        self.shards.filter.may_contain(&[hash]) && Shards::get(&self.shards.load(), id, hash).is_some()
    }

    /// Returns when the claims of a credential changed last, in whole seconds since 1970.
    #[cfg(feature = "shared_signals")]
    #[cold]
    pub(super) fn claims_changed_at(&self, ids: &RevocationIds) -> Option<u32> {
        let ids = [ids.session, ids.credential, ids.subject, ids.client, ids.issuer].into_iter().flatten();
        ids.filter_map(|id| self.shards.current(id.claims_change())).map(|value| Value(value).all()).max()
    }

    /// Whether an entry revokes a credential.
    #[cold]
    fn is_revoked_by_entry(&self, ids: &RevocationIds) -> bool {
        let list = self.shards.load();
        let find = |id: Option<RevocationId>, hash: IdHash| Shards::get(&list, id?, hash).map(Value);
        let [issuer, client, session, credential, subject] = ids.hashes;
        let others = [(ids.session, session), (ids.credential, credential), (ids.issuer, issuer), (ids.client, client)];
        others.iter().any(|(id, hash)| find(*id, *hash).is_some_and(|value| ids.issued_at <= value.all()))
            || ids.subject.is_some_and(|id| {
                find(Some(id), subject).is_some_and(|value| self.is_revoked_by_subject(ids, id, value))
            })
    }

    fn is_revoked_by_subject(&self, ids: &RevocationIds, subject: RevocationId, mut value: Value) -> bool {
        loop {
            if ids.issued_at <= value.all() {
                return true;
            }
            if ids.issued_at > value.others() {
                return false;
            }
            // The current list: the writer may have replaced a shard after it changed the value.
            let kept = self.shards.current(subject.companion());
            if kept.is_none() || kept != ids.login().map(|login| login.0[0]) {
                return true;
            }
            // The companion may have been changed after the value was read; before that, the writer changes the value.
            let current = self.shards.current(subject).map_or(value, Value);
            if current == value {
                return false;
            }
            value = current;
        }
    }

    /// Applies a record, and returns whether the table has changed.
    ///
    /// `now` is in seconds since 1970; what expired before it may be removed. `on_change` is called after a change and
    /// before another writer can see it, because a repeated record must not return before the first one has its effect.
    ///
    /// # Errors
    ///
    /// Returns [`Full`], and changes nothing, if the record needs an entry and there is no capacity for it.
    pub(super) fn apply(&self, record: &Record, now: u32, on_change: impl FnOnce()) -> Result<bool, Full> {
        let mut writer = self.lock();
        let expires_at = record.expires_at();
        let has_changed = match *record {
            Record::Entry { id, issued_until, .. } => {
                writer.reserve(&self.shards, &[id], now, &self.removed_until)?;
                let value = self.value(id).with_all(issued_until);
                writer.set(&self.shards, id, value.0, expires_at)
            }
            Record::Others { subject, kept, issued_until, .. } => {
                let holder = subject.companion();
                writer.reserve(&self.shards, &[subject, holder], now, &self.removed_until)?;
                let value = self.value(subject);
                let is_holder = self.value(holder).0 == kept.0[0];
                let others = value.others();
                let everyone_until = if is_holder { 0 } else { others.min(issued_until) };
                // First what both records revoke, then the new exception, and last what only the new record revokes. A
                // reader that sees the exception sees what precedes it, so it admits nothing that was revoked before.
                let mut has_changed = writer.set(&self.shards, subject, value.with_all(everyone_until).0, expires_at);
                if issued_until > others {
                    has_changed |= writer.set(&self.shards, holder, kept.0[0], expires_at);
                    let value = self.value(subject).with_others(issued_until);
                    has_changed |= writer.set(&self.shards, subject, value.0, expires_at);
                }
                has_changed
            }
        };
        if has_changed {
            on_change();
        }
        Ok(has_changed)
    }

    fn value(&self, id: RevocationId) -> Value {
        Value(self.shards.current(id).unwrap_or_default())
    }

    /// Returns the records that create this table, without what has expired.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only a stream that was lost needs them"))]
    pub(super) fn records(&self, now: u32) -> Vec<Record> {
        let writer = self.lock();
        let mut records = Vec::with_capacity(writer.len());
        for (id, value, expires_at) in writer.entries(&self.shards) {
            if expires_at < now || id.is_companion() {
                continue;
            }
            let value = Value(value);
            if value.all() > 0 {
                records.push(Record::Entry { id, issued_until: value.all(), expires_at });
            }
            // Otherwise the first number includes what the second one does.
            if value.others() > value.all() {
                let kept = RevocationId([self.value(id.companion()).0, 0]);
                records.push(Record::Others { subject: id, kept, issued_until: value.others(), expires_at });
            }
        }
        records
    }

    /// The number of entries, including those that have expired and are not removed yet.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A poisoned lock is used as well: nothing panics between two changes of the writer that belong together.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of an entry: `all` in the upper half, `others` in the lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value(u64);

impl Value {
    fn all(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn others(self) -> u32 {
        self.0 as u32
    }

    fn with_all(self, time: u32) -> Self {
        Self(u64::from(self.all().max(time)) << 32 | u64::from(self.others()))
    }

    fn with_others(self, time: u32) -> Self {
        Self(u64::from(self.all()) << 32 | u64::from(self.others().max(time)))
    }
}

#[cfg(test)]
mod tests;
