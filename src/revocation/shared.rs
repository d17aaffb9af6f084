//! `Shared`: what the clones of a `Revocations` share.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "shared_signals")]
use std::sync::atomic::AtomicU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::{Clock, MAX_LEEWAY, SteadyClock};
#[cfg(feature = "session")]
use crate::context::RevocationId;
use crate::context::{Credential, RevocationIds};
use crate::revocation::expiries::Expiries;
use crate::revocation::record::{Full, Record};
#[cfg(feature = "redis")]
use crate::revocation::redis::stream_writer::StreamWriter;
use crate::revocation::table::Table;
use crate::revocation::user_records::AllRecords;
use crate::revocation::watchers::Watchers;

/// The table, and whether it may be used.
pub(crate) struct Shared {
    /// The generation of the table, which increases after each change; and in the upper bits why it may not be used.
    ///
    /// A generation is unique in the process, so that one of another handle does not look like a check by this one.
    state: AtomicU64,
    table: Table,
    max_entries: usize,
    pub(super) max_token_lifetime: Duration,
    clock: SteadyClock,
    /// Notified when the table may be used again.
    became_available: Notify,
    watchers: Arc<Watchers>,
    /// The expiries that are watched by the clock of this handle.
    expiries: Arc<Expiries>,
    /// The time of the latest change of claims, in whole seconds since 1970; 0 if there was none.
    #[cfg(feature = "shared_signals")]
    claims_changed_at: AtomicU32,
    /// Whether a gate checks the table.
    has_gate: AtomicBool,
    has_logged_no_gate: AtomicBool,
    /// Whether a custom gate checks this table, whichever layer has authenticated the user.
    has_custom_gate: AtomicBool,
    has_logged_other_layer: AtomicBool,
    usage_log: Throttle,
    pub(super) user_records: AllRecords,
    /// Where records are stored for other processes.
    #[cfg(feature = "redis")]
    pub(super) stream: Option<StreamWriter>,
}

/// A reason why the table may not be used: it may not have all entries.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Unavailable {
    /// An entry of the stream did not fit.
    Full = 1 << 61,
    /// The stream could not be read for too long.
    Stale = 1 << 62,
    /// The stream has not been read to its end yet.
    Unread = 1 << 63,
}

/// The result of a check that does not admit the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Revoked,
    Unavailable,
}

impl Shared {
    pub(super) fn new(max_token_lifetime: Duration, max_entries: usize, clock: Clock) -> Self {
        static HANDLES: AtomicU64 = AtomicU64::new(1);
        let handle = HANDLES.fetch_add(1, Ordering::Relaxed);
        let watchers = Arc::new(Watchers::new());
        Self {
            // If an app creates two million handles, the last ones are unavailable, which is safe.
            state: AtomicU64::new(handle << GENERATION_BITS),
            table: Table::new(max_entries),
            max_entries,
            max_token_lifetime,
            usage_log: Throttle::new(&clock),
            expiries: Arc::new(Expiries::new(clock.clone(), Arc::clone(&watchers))),
            clock: SteadyClock::new(clock),
            became_available: Notify::new(),
            watchers,
            #[cfg(feature = "shared_signals")]
            claims_changed_at: AtomicU32::new(0),
            has_gate: AtomicBool::new(false),
            has_logged_no_gate: AtomicBool::new(false),
            has_custom_gate: AtomicBool::new(false),
            has_logged_other_layer: AtomicBool::new(false),
            user_records: AllRecords::default(),
            #[cfg(feature = "redis")]
            stream: None,
        }
    }

    /// Checks a credential. If nothing has changed since its last check, that takes one comparison.
    ///
    /// # Errors
    ///
    /// Returns why the credential is not admitted.
    #[inline]
    pub(crate) fn check(&self, ids: &RevocationIds) -> Result<(), Refused> {
        // Before the table is read: a change after this load has a newer generation. Pairs with the release in `apply`.
        let state = self.state.load(Ordering::Acquire);
        if ids.is_checked(state) { Ok(()) } else { self.look_up(ids, state) }
    }

    fn look_up(&self, ids: &RevocationIds, state: u64) -> Result<(), Refused> {
        if state & UNAVAILABLE != 0 {
            return Err(Refused::Unavailable);
        }
        if self.table.is_revoked(ids) {
            return Err(Refused::Revoked);
        }
        ids.set_checked(state);
        Ok(())
    }

    /// Whether the table has an entry with this id.
    ///
    /// `checked` is the state of the table when it last had none.
    #[cfg(feature = "session")]
    pub(super) fn contains(&self, id: RevocationId, checked: &AtomicU64) -> bool {
        let state = self.state.load(Ordering::Acquire);
        if checked.load(Ordering::Relaxed) == state {
            return false;
        }
        let is_found = self.table.contains(id);
        if !is_found {
            checked.store(state, Ordering::Relaxed);
        }
        is_found
    }

    /// Applies a record, and returns whether the table has changed: the only way to change it.
    ///
    /// # Errors
    ///
    /// Returns [`Full`], and changes nothing, if there is no capacity for the record.
    pub(crate) fn apply(&self, record: &Record) -> Result<bool, Full> {
        let next_generation = || {
            self.state.fetch_add(1, Ordering::Release);
        };
        let has_changed = self.table.apply(record, self.expired_before(), next_generation);
        #[cfg(feature = "shared_signals")]
        if let Record::Entry { id, issued_until, .. } = record
            && id.is_claims_change()
        {
            self.claims_changed_at.fetch_max(*issued_until, Ordering::Release);
        }
        self.log_usage(has_changed);
        if has_changed? {
            self.watchers.wake(record.id());
        }
        has_changed
    }

    /// Returns when the claims of a credential changed last, in whole seconds since 1970.
    ///
    /// `None` if that was before `since`. In most cases, this takes one comparison.
    #[cfg(feature = "shared_signals")]
    pub(super) fn claims_changed_at(&self, ids: &RevocationIds, since: u64) -> Option<u32> {
        let is_recent = |time: u32| u64::from(time) >= since;
        if !is_recent(self.claims_changed_at.load(Ordering::Acquire)) {
            return None;
        }
        self.table.claims_changed_at(ids).filter(|time| is_recent(*time))
    }

    /// Stops the use of the table, for this reason among others.
    #[cfg(feature = "redis")]
    pub(crate) fn set_unavailable(&self, reason: Unavailable) {
        self.state.fetch_or(reason as u64, Ordering::Release);
    }

    /// Permits the use of the table again, unless there is another reason.
    #[cfg(feature = "redis")]
    pub(crate) fn set_available(&self, reason: Unavailable) {
        self.state.fetch_and(!(reason as u64), Ordering::Release);
        self.became_available.notify_waiters();
    }

    pub(crate) fn is_available(&self) -> bool {
        self.state.load(Ordering::Acquire) & UNAVAILABLE == 0
    }

    pub(crate) async fn wait_until_available(&self) {
        loop {
            // Created before the check, so that a notification in between is not lost.
            let notified = self.became_available.notified();
            if self.is_available() {
                return;
            }
            notified.await;
        }
    }

    /// Returns the table of the watched credentials.
    pub(super) fn watchers(&self) -> &Arc<Watchers> {
        &self.watchers
    }

    /// Returns the expiries that are watched by the clock of this handle.
    pub(super) fn expiries(&self) -> &Arc<Expiries> {
        &self.expiries
    }

    /// Returns whether the table revokes a credential, also while it may lack other entries.
    #[inline]
    pub(super) fn is_revoked(&self, ids: &RevocationIds) -> bool {
        let state = self.state.load(Ordering::Acquire);
        !ids.is_checked(state) && self.look_up_revoked(ids, state)
    }

    fn look_up_revoked(&self, ids: &RevocationIds, state: u64) -> bool {
        let is_revoked = self.table.is_revoked(ids);
        if !is_revoked && state & UNAVAILABLE == 0 {
            ids.set_checked(state);
        }
        is_revoked
    }

    #[cfg(feature = "redis")]
    pub(super) fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// Returns the records that create the table, for a stream that was lost.
    #[cfg(feature = "redis")]
    pub(crate) fn records(&self) -> Vec<Record> {
        self.table.records(self.expired_before())
    }

    /// Returns the time by the wall clock, in whole seconds since 1970.
    pub(crate) fn now(&self) -> u32 {
        seconds(self.clock.wall_micros())
    }

    /// Returns the time before which entries have expired, in whole seconds since 1970.
    ///
    /// That is the earlier time of the wall clock and of a clock that does not jump, so that an entry does not expire
    /// because one of them is wrong.
    pub(super) fn expired_before(&self) -> u32 {
        seconds(self.clock.micros()).min(self.now())
    }

    /// Returns when an entry for credentials of unknown expiry expires.
    ///
    /// A credential may have been issued [`MAX_LEEWAY`] in the future, be valid for the longest time, and be accepted
    /// for another [`MAX_LEEWAY`].
    pub(super) fn latest_expiry(&self) -> u32 {
        let longest = self.max_token_lifetime.saturating_add(2 * MAX_LEEWAY).as_secs().saturating_add(1);
        self.now().saturating_add(u32::try_from(longest).unwrap_or(u32::MAX))
    }

    /// Returns when an entry for a credential expires, given the credential's own expiry.
    pub(super) fn expiry_of(credential_expires_at: u32) -> u32 {
        credential_expires_at.saturating_add(MAX_LEEWAY.as_secs() as u32)
    }

    /// Records that a gate checks this table.
    pub(crate) fn set_has_gate(&self) {
        set(&self.has_gate);
    }

    /// Records that a custom gate checks this table.
    pub(super) fn set_has_custom_gate(&self) {
        self.set_has_gate();
        set(&self.has_custom_gate);
    }

    /// Warns once if no gate checks this table: then a revocation has no effect in this process.
    pub(super) fn log_no_gate(&self) {
        if !self.has_gate.load(Ordering::Relaxed) && !self.has_logged_no_gate.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a credential was revoked, but no layer of this process checks revocations; call .revocations(..) on the \
                 builder of the layer that authenticates, or Revocations::check in a custom gate"
            );
        }
    }

    /// Warns once that the layer that has authenticated a revoked user does not check this table, unless a custom gate
    /// may do so, or no gate does.
    pub(super) fn log_other_layer(&self, credential: Credential) {
        let is_only_other = self.has_gate.load(Ordering::Relaxed) && !self.has_custom_gate.load(Ordering::Relaxed);
        if is_only_other && !self.has_logged_other_layer.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                credential = credential.as_str(),
                "a credential was revoked, but the layer that accepts it does not check these revocations, so it stays \
                 valid; call .revocations(..) with the same handle on the builder of each layer that authenticates"
            );
        }
    }

    /// Logs once a minute that the table is full, or nearly full.
    fn log_usage(&self, result: Result<bool, Full>) {
        let entries = self.table.len();
        let is_high = entries as u64 * 100 >= self.max_entries as u64 * WARNING_PERCENT;
        if !is_high && result.is_ok() || !self.usage_log.admit() {
            return;
        }
        let max_entries = self.max_entries;
        if result.is_err() {
            tracing::error!(
                entries,
                max_entries,
                "the table of revocations is full, and a revocation was rejected; set a higher max_entries"
            );
        } else {
            tracing::warn!(entries, max_entries, "the table of revocations is nearly full; set a higher max_entries");
        }
    }
}

/// Does not show the table, which may have millions of entries: an app may log a layer that has this handle.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("entries", &self.table.len())
            .field("max_entries", &self.max_entries)
            .field("max_token_lifetime", &self.max_token_lifetime)
            .field("is_available", &self.is_available())
            .finish_non_exhaustive()
    }
}

/// Admits one log line a minute.
#[derive(Debug)]
struct Throttle {
    clock: Clock,
    start: Instant,
    /// Milliseconds since the start.
    next_at: AtomicU64,
}

impl Throttle {
    fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), start: clock.monotonic(), next_at: AtomicU64::new(0) }
    }

    fn admit(&self) -> bool {
        let elapsed = self.clock.monotonic().saturating_duration_since(self.start);
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let next_at = self.next_at.load(Ordering::Relaxed);
        let following = now.saturating_add(60_000);
        // Of threads that race here, one logs the line.
        now >= next_at
            && self.next_at.compare_exchange(next_at, following, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A custom gate calls this for each request, and a store would take the cache line from other processors.
fn set(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}

fn seconds(micros: u64) -> u32 {
    u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX)
}

/// A handle can have a generation for each microsecond of 12 days.
const GENERATION_BITS: u32 = 40;

const UNAVAILABLE: u64 = Unavailable::Full as u64 | Unavailable::Stale as u64 | Unavailable::Unread as u64;

const WARNING_PERCENT: u64 = 80;
