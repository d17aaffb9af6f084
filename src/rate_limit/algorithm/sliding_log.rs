//! `SlidingLog`: stores the time of every unit in the window.

use super::{Counter, WindowParams};

/// The times of up to `N` units, oldest first. Each is an offset from `base`, in ticks of [`WindowParams::step`].
///
/// Offsets of 32 bits take half the memory of times. A tick is one microsecond for windows up to 35 minutes, and 15
/// milliseconds for a year. Times are rounded up to a tick, so that a unit is freed up to one tick late rather than
/// early. The time of the newest units is exact. Otherwise, a caller that used all units at once would wait for longer
/// than the window.
#[derive(Clone, Debug)]
pub(in crate::rate_limit) struct SlidingLog<const N: usize> {
    /// The time of the oldest unit, in microseconds since 1970.
    base: u64,
    len: u8,
    limit: u8,
    /// By how many microseconds the newest offset is rounded up; zero if unknown.
    rounded_up: u16,
    /// The first `len` are in use, in ascending order.
    offsets: [u32; N],
}

impl<const N: usize> Default for SlidingLog<N> {
    fn default() -> Self {
        Self { base: 0, len: 0, limit: 0, rounded_up: 0, offsets: [0; N] }
    }
}

impl<const N: usize> SlidingLog<N> {
    fn entries(&self) -> &[u32] {
        self.offsets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Returns the time that an offset represents.
    fn time_of(&self, params: &WindowParams, offset: u32) -> u64 {
        let time = self.base + u64::from(offset) * params.step;
        let is_newest = self.entries().last() == Some(&offset);
        if is_newest { time.saturating_sub(self.rounded_up.into()) } else { time }
    }

    /// Returns the offset of a time, rounded up to the next tick.
    fn offset_of(&self, params: &WindowParams, time: u64) -> u32 {
        u32::try_from(time.saturating_sub(self.base).div_ceil(params.step)).unwrap_or(u32::MAX)
    }

    /// Returns the time at which the unit at `index` leaves the window.
    fn freed_at(&self, params: &WindowParams, index: usize) -> u64 {
        self.entries().get(index).map_or(0, |offset| self.time_of(params, *offset) + params.window)
    }

    /// Removes up to `count` units, starting with the one at index `from`.
    fn remove(&mut self, from: usize, count: usize) {
        let len = usize::from(self.len);
        let end = (from + count).min(len);
        if from < end {
            self.offsets.copy_within(end..len, from);
            self.truncate(len - (end - from));
        }
    }

    /// Keeps only this many units. How much the newest of them is rounded up is unknown, unless it was the newest
    /// before.
    fn truncate(&mut self, len: usize) {
        let newest = self.entries().last().copied();
        self.len = len as u8;
        if self.entries().last().copied() != newest {
            self.rounded_up = 0;
        }
    }
}

impl<const N: usize> Counter for SlidingLog<N> {
    #[inline]
    fn advance(&mut self, params: &WindowParams, now: u64) {
        self.limit = u8::try_from(params.limit).unwrap_or(u8::MAX);
        if self.len == 0 {
            return;
        }
        // If the clock went back, units charged in the future count as charged now.
        if self.base > now {
            self.base = now;
            self.rounded_up = 0;
        }
        // Offsets are in ascending order, so those in the future are at the end.
        let present = self.offset_of(params, now);
        let newest = self.entries().last().copied().unwrap_or_default();
        if newest >= present {
            let len = usize::from(self.len);
            for offset in self.offsets.iter_mut().take(len).rev().take_while(|offset| **offset > present) {
                *offset = present;
            }
            // Now the newest offset is the present one. It is later than now by less than one tick.
            let ahead = (self.base + u64::from(present) * params.step).saturating_sub(now) as u16;
            self.rounded_up = if newest > present { ahead } else { self.rounded_up.max(ahead) };
        }
        let window_start = now.saturating_sub(params.window);
        let expired = self.entries().iter().take_while(|offset| self.time_of(params, **offset) <= window_start).count();
        self.remove(0, expired);
        // The oldest remaining entry becomes the base, so that offsets stay within twice the window.
        if let [first, ..] = *self.entries() {
            self.base = self.time_of(params, first);
            if self.entries().last() == Some(&first) {
                self.rounded_up = 0;
            }
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
        // Units that do not fit are charged only to mirror a decision of Redis. Then the oldest entries make room.
        self.remove(0, (usize::from(self.len) + cost).saturating_sub(N));
        if cost == 0 {
            return;
        }
        if self.len == 0 {
            self.base = now;
        }
        let len = usize::from(self.len);
        let offset = self.offset_of(params, now);
        self.offsets.iter_mut().skip(len).take(cost).for_each(|entry| *entry = offset);
        self.len = (len + cost) as u8;
        // Less than one tick, which is 15 milliseconds for the longest window.
        self.rounded_up = (self.base + u64::from(offset) * params.step).saturating_sub(now) as u16;
    }

    fn refund(&mut self, params: &WindowParams, now: u64, charged_at: u64, cost: u32) {
        // An entry is up to one tick later than the time it stands for. Entries before the base are freed already.
        if charged_at.saturating_add(params.step) <= self.base {
            return;
        }
        // Units of one time are interchangeable, so it does not matter whether these are the request's own.
        let offset = self.offset_of(params, charged_at.min(now));
        let first = self.entries().partition_point(|entry| *entry < offset);
        let charged_then = self.entries().iter().skip(first).take_while(|entry| **entry == offset).count();
        self.remove(first, usize::try_from(cost).map_or(charged_then, |cost| cost.min(charged_then)));
    }

    fn refund_last(&mut self, cost: u32) {
        self.truncate(usize::from(self.len.saturating_sub(u8::try_from(cost).unwrap_or(u8::MAX))));
    }

    #[inline]
    fn time_until_fit(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        // So many of the oldest units must leave the window. The last of them determines the time.
        let excess = (self.used() + cost.min(params.limit)).saturating_sub(params.limit);
        match usize::try_from(excess) {
            Ok(excess) if excess > 0 => self.freed_at(params, excess - 1).saturating_sub(now),
            _ => 0,
        }
    }

    #[inline]
    fn time_until_unused(&self, params: &WindowParams, now: u64) -> u64 {
        match usize::from(self.len).checked_sub(1) {
            Some(last) => self.freed_at(params, last).saturating_sub(now),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests;
