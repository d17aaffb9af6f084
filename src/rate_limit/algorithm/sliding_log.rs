//! `SlidingLog`: the time of every unit of the last window.

use super::{Counter, WindowParams};

/// A log of times, oldest first, as offsets in ticks from its oldest.
///
/// A time is rounded up to a tick, so that a unit leaves the window a tick late rather than early.
#[derive(Clone, Debug)]
pub(in crate::rate_limit) struct SlidingLog<const N: usize> {
    base: u64,
    len: u8,
    limit: u8,
    offsets: [u32; N],
}

impl<const N: usize> Default for SlidingLog<N> {
    fn default() -> Self {
        Self { base: 0, len: 0, limit: 0, offsets: [0; N] }
    }
}

impl<const N: usize> SlidingLog<N> {
    fn log(&self) -> &[u32] {
        self.offsets.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn time(&self, params: &WindowParams, offset: u32) -> u64 {
        self.base + u64::from(offset) * params.step
    }

    fn offset(&self, params: &WindowParams, time: u64) -> u32 {
        u32::try_from(time.saturating_sub(self.base).div_ceil(params.step)).unwrap_or(u32::MAX)
    }

    /// When the unit that entered as this one leaves the window.
    fn leaves(&self, params: &WindowParams, index: usize) -> u64 {
        self.log().get(index).map_or(0, |offset| self.time(params, *offset) + params.window)
    }

    /// Takes units out of the log.
    fn remove(&mut self, from: usize, count: usize) {
        let len = usize::from(self.len);
        let end = (from + count).min(len);
        if from < end {
            self.offsets.copy_within(end..len, from);
            self.len = (len - (end - from)) as u8;
        }
    }
}

impl<const N: usize> Counter for SlidingLog<N> {
    #[inline]
    fn settle(&mut self, params: &WindowParams, now: u64) {
        self.limit = u8::try_from(params.limit).unwrap_or(u8::MAX);
        if self.len == 0 {
            return;
        }
        if self.base > now {
            self.base = now;
        }
        let present = self.offset(params, now);
        let (len, past) = (usize::from(self.len), now.saturating_sub(params.window));
        for offset in self.offsets.iter_mut().take(len).rev().take_while(|offset| **offset > present) {
            *offset = present;
        }
        let gone = self.log().iter().take_while(|offset| self.time(params, **offset) <= past).count();
        self.remove(0, gone);
        if let Some(&first) = self.log().first() {
            self.base = self.time(params, first);
            self.offsets.iter_mut().take(usize::from(self.len)).for_each(|offset| *offset -= first);
        }
    }

    #[inline]
    fn used(&self) -> u32 {
        u32::from(self.len)
    }

    #[inline]
    fn limit(&self) -> u32 {
        u32::from(self.limit)
    }

    #[inline]
    fn charge(&mut self, params: &WindowParams, now: u64, cost: u32) {
        let cost = usize::try_from(cost).map_or(N, |cost| cost.min(N));
        // Only where the log has to take what did not fit: the oldest are forgotten.
        self.remove(0, (usize::from(self.len) + cost).saturating_sub(N));
        if self.len == 0 {
            self.base = now;
        }
        let (len, offset) = (usize::from(self.len), self.offset(params, now));
        self.offsets.iter_mut().skip(len).take(cost).for_each(|entry| *entry = offset);
        self.len = (len + cost) as u8;
    }

    fn refund(&mut self, params: &WindowParams, now: u64, then: u64, cost: u32) {
        // An entry lies up to a tick after the time that it stands for.
        if then.saturating_add(params.step) <= self.base {
            return;
        }
        let offset = self.offset(params, then.min(now));
        let first = self.log().partition_point(|entry| *entry < offset);
        let same = self.log().iter().skip(first).take_while(|entry| **entry == offset).count();
        self.remove(first, usize::try_from(cost).map_or(same, |cost| cost.min(same)));
    }

    fn forgive(&mut self, cost: u32) {
        self.len = self.len.saturating_sub(u8::try_from(cost).unwrap_or(u8::MAX));
    }

    #[inline]
    fn wait(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        let excess = (self.used() + cost.min(params.limit)).saturating_sub(params.limit);
        match usize::try_from(excess) {
            Ok(excess) if excess > 0 => self.leaves(params, excess - 1).saturating_sub(now),
            _ => 0,
        }
    }

    #[inline]
    fn reset(&self, params: &WindowParams, now: u64) -> u64 {
        match usize::from(self.len).checked_sub(1) {
            Some(last) => self.leaves(params, last).saturating_sub(now),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests;
