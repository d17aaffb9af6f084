//! `Penalty`: blocks a subject, each time for longer.

use super::{Occupancy, Slot};

/// The current block of a subject and the number of its blocks so far.
///
/// Each block lasts twice as long as the one before, up to the longest. Blocks are forgotten once the subject has not
/// been blocked for as long as the longest block. A limit whose blocks all have one length has equal `first` and
/// `longest`.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct Penalty {
    /// When the last block ends, in microseconds since 1970.
    blocked_until: u64,
    /// The blocks that are not forgotten. 255 are enough: the length stops growing before.
    blocks: u8,
    /// Whether the first request after the block is admitted, and has not come yet.
    owes_request: bool,
}

/// How long blocks last, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rate_limit) struct BlockParams {
    /// The length of the first block; never zero.
    pub(in crate::rate_limit) first: u64,
    /// The length of the longest block; never zero.
    pub(in crate::rate_limit) longest: u64,
    /// Whether the first request after a block is admitted even if the quota is still used up, as blocks that grow do.
    pub(in crate::rate_limit) readmits: bool,
}

impl Penalty {
    /// Moves the penalty to `now`, and forgets past blocks once their time is over.
    ///
    /// If the clock went back, the current block lasts for its length from now on, and no longer.
    pub(in crate::rate_limit) fn advance(&mut self, params: &BlockParams, now: u64) {
        // The end of a block is never further away than the block is long, unless the clock went back.
        self.blocked_until = self.blocked_until.min(now.saturating_add(self.length(params)));
        if self.blocked_until.saturating_add(params.longest) <= now {
            self.blocks = 0;
            self.owes_request = false;
        }
    }

    /// Returns the microseconds until the block ends; zero if the subject is not blocked.
    pub(in crate::rate_limit) fn remaining(&self, now: u64) -> u64 {
        self.blocked_until.saturating_sub(now)
    }

    /// Starts the next block, unless the subject is blocked already. Call [`advance`](Self::advance) first.
    ///
    /// Requests that exceed the limit at the same time start one block, not one each.
    pub(in crate::rate_limit) fn block(&mut self, params: &BlockParams, now: u64) {
        if self.remaining(now) == 0 {
            self.blocks = self.blocks.saturating_add(1);
            self.blocked_until = now.saturating_add(self.length(params));
            self.owes_request = params.readmits;
        }
    }

    /// Whether this is the first request after a block that [readmits](BlockParams::readmits) one. Call
    /// [`advance`](Self::advance) first.
    ///
    /// Of several requests at the end of a block, it is true for one.
    pub(in crate::rate_limit) fn take_owed_request(&mut self, now: u64) -> bool {
        self.remaining(now) == 0 && std::mem::take(&mut self.owes_request)
    }

    /// Returns the length of the last block.
    fn length(&self, params: &BlockParams) -> u64 {
        let doublings = u32::from(self.blocks.saturating_sub(1)).min(MAX_DOUBLINGS);
        params.first.saturating_mul(1 << doublings).min(params.longest)
    }
}

impl Slot for Penalty {
    type Params = BlockParams;

    fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// A subject that is blocked is never evicted, so that a flood cannot end a block; one with past blocks may be.
    ///
    /// No past block is 0 of 2, past blocks are 1 of 2, and a current block is 2 of 2: full, as a counter at its limit.
    fn occupancy(&self, params: &BlockParams, now: u64) -> Occupancy {
        let mut penalty = self.clone();
        penalty.advance(params, now);
        let is_blocked = penalty.remaining(now) > 0;
        Occupancy { used: u32::from(penalty.blocks > 0) + u32::from(is_blocked), capacity: 2 }
    }
}

/// More doublings than any block needs, and few enough for a shift of 64 bits. The Lua script uses it too.
pub(in crate::rate_limit) const MAX_DOUBLINGS: u32 = 32;

#[cfg(test)]
mod tests;
