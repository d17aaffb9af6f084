//! `CachedDenial`: a denial of the server's, kept so that it need not be asked again.

use crate::rate_limit::algorithm::{Counter, WindowParams};

/// Until when the server would refuse, as far as this process knows: counted from before it was asked.
///
/// It is charged with params made for it: their window is the wait, their step the reset, their limit a fingerprint of what was
/// asked, zero for a block; and in place of units, by the hundredths of a second by which to come later than
/// that: the answer took its time, and another limit may refuse for longer than a block lasts.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct CachedDenial {
    made: u64,
    until: u64,
    reset: u64,
    limit: u32,
    late: u32,
}

impl CachedDenial {
    /// How long a note is believed before the server is asked again: an operator elsewhere may have lifted it.
    const BELIEVED: u64 = 10_000_000;
    /// A hundredth of a second, of which four thousand million are more than the longest window.
    pub(in crate::rate_limit) const LATE: u64 = 10_000;
}

impl Counter for CachedDenial {
    fn settle(&mut self, _: &WindowParams, now: u64) {
        if self.until <= now {
            *self = Self::default();
        }
    }

    /// One of two units, so that another note may take the place.
    fn used(&self) -> u32 {
        u32::from(self.until > 0)
    }

    fn limit(&self) -> u32 {
        2
    }

    fn charge(&mut self, params: &WindowParams, now: u64, late: u32) {
        let until = now.saturating_add(params.window);
        *self = Self { made: now, until, reset: now.saturating_add(params.step), limit: params.limit, late };
    }

    fn refund(&mut self, _: &WindowParams, _: u64, _: u64, _: u32) {
        *self = Self::default();
    }

    fn forgive(&mut self, _: u32) {
        *self = Self::default();
    }

    /// The wait of a request which the server would refuse; zero where it must be asked. The server's clock may have
    /// stood as late as when the answer came: until then the caller must wait.
    fn wait(&self, params: &WindowParams, now: u64, _: u32) -> u64 {
        let is_of_these = self.limit == 0 || self.limit == params.limit;
        let is_believed = now < self.made.saturating_add(Self::BELIEVED) && now < self.until;
        if is_of_these && is_believed { self.until - now + u64::from(self.late) * Self::LATE } else { 0 }
    }

    fn reset(&self, _: &WindowParams, now: u64) -> u64 {
        self.reset.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests;
