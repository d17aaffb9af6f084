//! `Penalty`: a block, and the memory of the blocks before it.

use super::{Counter, WindowParams};

/// A subject's blocks. Each is twice as long as the one before, up to the longest; they are forgotten once the subject has
/// been free for as long as the longest lasts.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct Penalty {
    until: u64,
    blocks: u8,
    is_blocked: bool,
}

impl Penalty {
    fn length(&self, params: &WindowParams) -> u64 {
        let doublings = u32::from(self.blocks.saturating_sub(1)).min(32);
        params.window.saturating_mul(1 << doublings).min(params.step)
    }
}

/// One of two units is used where blocks are remembered, both during a block.
impl Counter for Penalty {
    #[inline]
    fn settle(&mut self, params: &WindowParams, now: u64) {
        self.until = self.until.min(now.saturating_add(self.length(params)));
        self.is_blocked = self.until > now;
        if self.until.saturating_add(params.step) <= now {
            self.blocks = 0;
        }
    }

    #[inline]
    fn used(&self) -> u32 {
        u32::from(self.blocks > 0) + u32::from(self.is_blocked)
    }

    #[inline]
    fn limit(&self) -> u32 {
        2
    }

    #[inline]
    fn charge(&mut self, params: &WindowParams, now: u64, _: u32) {
        self.blocks = self.blocks.saturating_add(1);
        self.until = now.saturating_add(self.length(params));
        self.is_blocked = true;
    }

    fn refund(&mut self, _: &WindowParams, _: u64, _: u64, _: u32) {
        *self = Self::default();
    }

    fn forgive(&mut self, _: u32) {
        *self = Self::default();
    }

    #[inline]
    fn wait(&self, _: &WindowParams, now: u64, _: u32) -> u64 {
        self.until.saturating_sub(now)
    }

    #[inline]
    fn reset(&self, _: &WindowParams, now: u64) -> u64 {
        self.until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests;
