//! `SlidingWindow`: counts in twelve sub-windows and the current one, the oldest counted whole.

use super::{Counter, SUB_WINDOWS, WindowParams};

/// The units of the current sub-window, first, and of the twelve before it.
///
/// ```text
/// age       12   11   10           2    1    0
///         |----|----|----|- ... -|----|----|--now
///           |<---------- one window -------->|
/// ```
///
/// Thirteen sub-windows cover every window that ends in the current one. So a subject that stays within the limit here
/// stays within it in every rolling window. The oldest sub-window is counted whole, until its last microsecond is one
/// window old: a unit is freed up to a twelfth of the window late. A common alternative counts it in proportion, which
/// frees units early if they were used at the end of the sub-window.
///
/// All units are freed one window after the newest. Without this rule, a caller that used its quota at the start of a
/// sub-window would wait for longer than the window.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct SlidingWindow<U> {
    /// The number of the current sub-window since 1970, in 48 bits. A `u64` would add padding to each subject's entry.
    current: [u16; 3],
    /// The time of the last charge, in microseconds since 1970. In bytes for the same reason.
    newest: [u8; 8],
    limit: U,
    /// By age: the current sub-window is at index 0.
    units: [U; KEPT],
}

/// The sub-windows whose units are stored: those of one window and the current one.
const KEPT: usize = SUB_WINDOWS as usize + 1;

/// The integer that holds the units of one sub-window: the smallest that can hold the limit.
pub(in crate::rate_limit) trait Unit: Copy + Default + Into<u32> + TryFrom<u32> {
    const MAX: Self;
}

impl Unit for u16 {
    const MAX: Self = Self::MAX;
}

impl Unit for u32 {
    const MAX: Self = Self::MAX;
}

/// Returns units in a smaller integer. Within the limit they always fit; a mirrored charge beyond it is clamped.
fn narrow<U: Unit>(units: u32) -> U {
    U::try_from(units).unwrap_or(U::MAX)
}

impl<U: Unit> SlidingWindow<U> {
    fn current(&self) -> u64 {
        let [low, middle, high] = self.current.map(u64::from);
        low | middle << 16 | high << 32
    }

    /// Returns the time at which the units of a sub-window are freed. `age` counts back from the current sub-window.
    fn freed_at(&self, params: &WindowParams, age: usize) -> u64 {
        let next = (self.current() + 1).saturating_sub(age as u64) * params.step;
        // No charge in the sub-window is later than its last microsecond, or than the newest charge of all.
        next.saturating_sub(1).min(u64::from_le_bytes(self.newest)) + params.window
    }

    /// Frees the two oldest sub-windows, if it is time: no younger one is ever freed.
    fn free_oldest(&mut self, params: &WindowParams, now: u64) {
        for age in [KEPT - 2, KEPT - 1] {
            if self.freed_at(params, age) <= now
                && let Some(units) = self.units.get_mut(age)
            {
                *units = U::default();
            }
        }
    }

    /// Makes all sub-windows older, and drops those that are older than one window.
    fn move_forward(&mut self, sub_windows: u64) {
        let age = usize::try_from(sub_windows).map_or(KEPT, |age| age.min(KEPT));
        self.units.copy_within(..KEPT - age, age);
        self.units.iter_mut().take(age).for_each(|units| *units = U::default());
    }

    /// Moves back after the clock did. The units of sub-windows that now lie in the future count as charged now.
    fn move_back(&mut self, sub_windows: u64) {
        let ahead = usize::try_from(sub_windows).map_or(KEPT, |ahead| ahead.min(KEPT));
        let moved = self.units.iter().take(ahead).fold(0, |sum: u32, units| sum.saturating_add((*units).into()));
        self.units.copy_within(ahead.., 0);
        self.units.iter_mut().skip(KEPT - ahead).for_each(|units| *units = U::default());
        self.add(moved);
    }

    /// Adds units to the current sub-window.
    #[inline]
    fn add(&mut self, cost: u32) {
        let [current, ..] = &mut self.units;
        *current = narrow((*current).into().saturating_add(cost));
    }
}

impl<U: Unit> Counter for SlidingWindow<U> {
    #[inline]
    fn advance(&mut self, params: &WindowParams, now: u64) {
        self.limit = narrow(params.limit);
        let last = self.current();
        let present = now / params.step;
        if present > last {
            self.move_forward(present - last);
        } else if present < last {
            self.move_back(last - present);
        }
        self.current = [present as u16, (present >> 16) as u16, (present >> 32) as u16];
        if u64::from_le_bytes(self.newest) > now {
            self.newest = now.to_le_bytes();
        }
        let [.., second, first] = self.units;
        if first.into() > 0 || second.into() > 0 {
            self.free_oldest(params, now);
        }
    }

    #[inline]
    fn used(&self) -> u32 {
        // The sum of thirteen u32 cannot overflow a u64.
        let sum = self.units.iter().map(|units| u64::from((*units).into())).sum::<u64>();
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    #[inline]
    fn limit(&self) -> u32 {
        self.limit.into()
    }

    #[inline]
    fn charge(&mut self, _: &WindowParams, now: u64, cost: u32) {
        self.add(cost);
        if cost > 0 {
            self.newest = now.to_le_bytes();
        }
    }

    fn refund(&mut self, params: &WindowParams, _: u64, charged_at: u64, cost: u32) {
        // Units that are older than the stored sub-windows are free already. If the clock went back, the charge is in
        // the future, and `move_back` has moved its units to the current sub-window: age 0.
        let age = self.current().saturating_sub(charged_at / params.step);
        if let Some(units) = usize::try_from(age).ok().and_then(|age| self.units.get_mut(age)) {
            *units = narrow((*units).into().saturating_sub(cost));
        }
    }

    fn refund_last(&mut self, cost: u32) {
        // From the newest sub-window, which is the first.
        let mut left = cost;
        for units in &mut self.units {
            let used = (*units).into();
            *units = narrow(used.saturating_sub(left));
            left = left.saturating_sub(used);
        }
    }

    #[inline]
    fn time_until_fit(&self, params: &WindowParams, now: u64, cost: u32) -> u64 {
        let allowed = params.limit.saturating_sub(cost);
        let mut left = self.used();
        // Sub-windows are freed from the oldest to the current one.
        for (age, units) in self.units.iter().enumerate().rev() {
            if left <= allowed {
                // The sub-window freed last is the one before this one.
                return if age + 1 == KEPT { 0 } else { self.freed_at(params, age + 1).saturating_sub(now) };
            }
            left = left.saturating_sub((*units).into());
        }
        self.freed_at(params, 0).saturating_sub(now)
    }

    #[inline]
    fn time_until_unused(&self, params: &WindowParams, now: u64) -> u64 {
        let newest = self.units.iter().position(|units| (*units).into() > 0);
        newest.map_or(0, |age| self.freed_at(params, age).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests;
