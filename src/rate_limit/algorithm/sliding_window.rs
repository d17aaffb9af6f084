//! `SlidingWindow`: twelve sub-windows and the running one, the oldest counted whole.

use super::{Counter, WindowParams};

/// The units of the running sub-window, first, and of the twelve before it.
///
/// Thirteen sub-windows cover any window that ends in the last of them: whoever stays within the limit here stays within
/// it in every rolling window.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct SlidingWindow<U> {
    /// Which sub-window runs, counted since 1970, in 48 bits.
    running: [u16; 3],
    limit: U,
    units: [U; KEPT],
}

/// The sub-windows of a window.
pub(super) const PAST: u64 = 12;
const KEPT: usize = 13;

/// What units are kept in: as small as the limit lets it be.
pub(in crate::rate_limit) trait Unit: Copy + Default + Into<u32> + TryFrom<u32> {
    const MAX: Self;
}

impl Unit for u16 {
    const MAX: Self = Self::MAX;
}

impl Unit for u32 {
    const MAX: Self = Self::MAX;
}

fn narrow<U: Unit>(units: u32) -> U {
    U::try_from(units).unwrap_or(U::MAX)
}

impl<U: Unit> SlidingWindow<U> {
    fn running(&self) -> u64 {
        let [low, middle, high] = self.running.map(u64::from);
        low | middle << 16 | high << 32
    }

    /// When the sub-window that ended `age` before the running one does not count any more.
    fn leaves(&self, params: &WindowParams, age: usize) -> u64 {
        (self.running() + (KEPT - age) as u64) * params.step
    }
}

impl<U: Unit> Counter for SlidingWindow<U> {
    #[inline]
    fn settle(&mut self, params: &WindowParams, now: u64) {
        self.limit = narrow(params.limit);
        let (running, present) = (self.running(), now / params.step);
        if present > running {
            let age = usize::try_from(present - running).map_or(KEPT, |age| age.min(KEPT));
            self.units.copy_within(..KEPT - age, age);
            self.units.iter_mut().take(age).for_each(|units| *units = U::default());
        } else if present < running {
            let ahead = usize::try_from(running - present).map_or(KEPT, |ahead| ahead.min(KEPT));
            let moved = self.units.iter().take(ahead).fold(0, |sum: u32, units| sum.saturating_add((*units).into()));
            self.units.copy_within(ahead.., 0);
            self.units.iter_mut().skip(KEPT - ahead).for_each(|units| *units = U::default());
            self.charge(params, now, moved);
        }
        self.running = [present as u16, (present >> 16) as u16, (present >> 32) as u16];
    }

    #[inline]
    fn used(&self) -> u32 {
        // Thirteen of them cannot overflow a word.
        let sum = self.units.iter().map(|units| u64::from((*units).into())).sum::<u64>();
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    #[inline]
    fn limit(&self) -> u32 {
        self.limit.into()
    }

    #[inline]
    fn charge(&mut self, _: &WindowParams, _: u64, cost: u32) {
        let [running, ..] = &mut self.units;
        *running = narrow((*running).into().saturating_add(cost));
    }

    fn refund(&mut self, params: &WindowParams, _: u64, then: u64, cost: u32) {
        let age = self.running().saturating_sub(then / params.step);
        if let Some(units) = usize::try_from(age).ok().and_then(|age| self.units.get_mut(age)) {
            *units = narrow((*units).into().saturating_sub(cost));
        }
    }

    fn forgive(&mut self, cost: u32) {
        let mut left = cost;
        for units in &mut self.units {
            let used = (*units).into();
            *units = narrow(used.saturating_sub(left));
            left = left.saturating_sub(used);
        }
    }

    #[inline]
    fn wait(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        let allowed = params.limit.saturating_sub(cost);
        let mut left = self.used();
        for (age, units) in self.units.iter().enumerate().rev() {
            if left <= allowed {
                // What left last was the sub-window before this one.
                return if age + 1 == KEPT { 0 } else { self.leaves(params, age + 1).saturating_sub(now) };
            }
            left = left.saturating_sub((*units).into());
        }
        self.leaves(params, 0).saturating_sub(now)
    }

    #[inline]
    fn reset(&self, params: &WindowParams, now: u64) -> u64 {
        let newest = self.units.iter().position(|units| (*units).into() > 0);
        newest.map_or(0, |age| self.leaves(params, age).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests;
