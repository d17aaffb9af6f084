//! `RateLimitStatus`: what the limits counted on a request have left.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Few;

/// What is left of the limits that a [`RateLimit`](crate::RateLimit) counted on this request: for a handler that shows it.
///
/// Of several `RateLimit` layers, the innermost.
#[derive(Clone, Debug)]
pub struct RateLimitStatus {
    names: Arc<[Arc<str>]>,
    snapshots: Few<LimitSnapshot>,
}

/// What was read of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitSnapshot {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// In seconds, rounded up.
    pub(crate) reset: u32,
    /// Which of the names.
    pub(crate) index: u8,
    /// Which quota of that limit.
    pub(crate) grade: u8,
    /// What tells the subject from others of the same store.
    pub(crate) subject: u64,
}

impl LimitSnapshot {
    /// Least for the limit that is told where only one can be: fewest units left, then longest until they are back.
    #[inline]
    pub(crate) fn tightness(&self) -> (u32, Reverse<u32>) {
        (self.remaining, Reverse(self.reset))
    }

    /// Units have come back since.
    pub(crate) fn give_back(&mut self, units: u32) {
        self.remaining = self.remaining.saturating_add(units).min(self.limit);
        if self.remaining == self.limit {
            self.reset = 0;
        }
    }
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus<'a> {
    name: &'a str,
    snapshot: LimitSnapshot,
}

impl RateLimitStatus {
    /// The most limits of one layer.
    pub(crate) const MOST: usize = 8;

    /// What these limits have left.
    #[inline]
    pub(crate) fn new(names: Arc<[Arc<str>]>, snapshots: Few<LimitSnapshot>) -> Self {
        Self { names, snapshots }
    }

    /// What each limit has left.
    pub fn limits(&self) -> impl Iterator<Item = LimitStatus<'_>> {
        self.snapshots.as_slice().iter().filter_map(|snapshot| {
            Some(LimitStatus { name: self.names.get(usize::from(snapshot.index))?, snapshot: *snapshot })
        })
    }

    /// The limit that has least left.
    #[must_use]
    pub fn tightest(&self) -> Option<LimitStatus<'_>> {
        self.limits().min_by_key(|standing| standing.snapshot.tightness())
    }
}

impl<'a> LimitStatus<'a> {
    /// Whether the two are one limit of one subject in one store.
    pub(crate) fn counts_with(&self, other: &LimitStatus<'_>) -> bool {
        self.snapshot.subject == other.snapshot.subject && self.name == other.name
    }

    /// The limit's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The units of a window.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.snapshot.limit
    }

    /// The units left.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.snapshot.remaining
    }

    /// How long until all units are back, in whole seconds, rounded up.
    #[must_use]
    pub fn reset(&self) -> Duration {
        Duration::from_secs(u64::from(self.snapshot.reset))
    }
}
