//! `Algorithm`: how the units of a quota are counted.

/// The algorithm that counts the units of a [`Quota`](crate::Quota).
///
/// | algorithm | choose it for | units are available again |
/// |---|---|---|
/// | `SlidingLog` | small quotas, such as logins | each one window after its use |
/// | `SlidingWindow` | large quotas (default above 128) | in twelve steps |
/// | `TokenBucket` | steady traffic with bursts | one at a time, evenly |
/// | `FixedWindow` | "1,000 per day, reset at midnight" | all at once |
///
/// | algorithm | maximum in any period as long as the window | bytes per subject in memory |
/// |---|---|---|
/// | `SlidingLog` | the limit | 60 up to a limit of 8, 94 up to 16, 543 up to 128 |
/// | `SlidingWindow` | the limit | 54 up to a limit of 65,535, 86 above it |
/// | `TokenBucket` | twice the limit, less one | 44 |
/// | `FixedWindow` | twice the limit | 27 |
///
/// Set it with [`Quota::algorithm`](crate::Quota::algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Stores the time of each unit, and frees each unit one window after its use. Exact, for up to 128 units.
    SlidingLog,
    /// Counts in windows that are aligned to the calendar: a minute, an hour or a day in UTC. All units are freed when
    /// the next window begins, so the end of one window and the start of the next together may admit twice the limit.
    FixedWindow,
    /// Counts in sub-windows of a twelfth of the window, and counts the oldest one whole. Units are freed up to a
    /// twelfth of the window late, and never early.
    SlidingWindow,
    /// Refills units at an even rate, one every `window / limit`. A caller that was idle may use the whole limit at
    /// once, and then the units that are refilled.
    TokenBucket,
}
