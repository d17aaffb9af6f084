//! Properties of every counter, checked against a log of all charges.

use proptest::prelude::*;

use super::fixed_window::FixedWindow;
use super::sliding_log::SlidingLog;
use super::sliding_window::SlidingWindow;
use super::token_bucket::TokenBucket;
use super::*;

mod greedy;

/// A time at which no window begins.
pub(super) const START: u64 = 1_700_000_000_123_457;

/// A counter that a test can copy, to look ahead.
pub(super) trait Fork: Counter {
    fn fork(&self) -> Box<dyn Fork>;
}

impl<C: Counter + Clone + 'static> Fork for C {
    fn fork(&self) -> Box<dyn Fork> {
        Box::new(self.clone())
    }
}

/// A caller of one limit, with the times and units of all charges that were admitted and not refunded.
pub(super) struct Caller {
    pub(super) counter: Box<dyn Fork>,
    pub(super) params: WindowParams,
    pub(super) now: u64,
    pub(super) log: Vec<(u64, u32)>,
}

impl Caller {
    pub(super) fn new(counter: impl Fork + 'static, params: WindowParams) -> Self {
        Self { counter: Box::new(counter), params, now: START, log: Vec::new() }
    }

    pub(super) fn of(kind: Kind, limit: u32, window: u64) -> Self {
        let of = |algorithm| WindowParams::new(algorithm, limit, window);
        match kind {
            Kind::Log8 => Self::new(SlidingLog::<8>::default(), of(Algorithm::SlidingLog)),
            Kind::Log128 => Self::new(SlidingLog::<128>::default(), of(Algorithm::SlidingLog)),
            Kind::Window16 => Self::new(SlidingWindow::<u16>::default(), of(Algorithm::SlidingWindow)),
            Kind::Window32 => Self::new(SlidingWindow::<u32>::default(), of(Algorithm::SlidingWindow)),
            Kind::TokenBucket => Self::new(TokenBucket::default(), of(Algorithm::TokenBucket)),
            Kind::FixedWindow => Self::new(FixedWindow::default(), of(Algorithm::FixedWindow)),
        }
    }

    pub(super) fn fork(&self) -> Self {
        Self { counter: self.counter.fork(), params: self.params, now: self.now, log: self.log.clone() }
    }

    pub(super) fn after(&self, micros: u64) -> Self {
        let mut fork = self.fork();
        fork.now += micros;
        fork
    }

    pub(super) fn used(&mut self) -> u32 {
        self.counter.advance(&self.params, self.now);
        self.counter.used()
    }

    pub(super) fn fits(&mut self, cost: u32) -> bool {
        self.used().checked_add(cost).is_some_and(|used| used <= self.params.limit)
    }

    pub(super) fn charge(&mut self, cost: u32) -> bool {
        let fits = self.fits(cost);
        if fits {
            self.counter.charge(&self.params, self.now, cost);
            self.log.push((self.now, cost));
        }
        fits
    }

    pub(super) fn wait(&mut self, cost: u32) -> u64 {
        self.used();
        self.counter.time_until_fit(&self.params, self.now, cost)
    }

    pub(super) fn reset(&mut self) -> u64 {
        self.used();
        self.counter.time_until_unused(&self.params, self.now)
    }

    /// Returns the units charged less than `age` ago.
    pub(super) fn younger_than(&self, age: u64) -> u32 {
        self.log.iter().filter(|(time, _)| *time + age > self.now).map(|(_, units)| units).sum()
    }

    /// Returns the most units charged in any period as long as the window.
    pub(super) fn worst(&self) -> u32 {
        let within =
            |last: u64| self.log.iter().filter(move |(time, _)| *time <= last && *time + self.params.window > last);
        self.log.iter().map(|(last, _)| within(*last).map(|(_, units)| units).sum()).max().unwrap_or(0)
    }

    /// Applies the steps. Returns the highest limit on the way.
    pub(super) fn apply_all(&mut self, steps: Vec<Step>) -> u32 {
        let mut highest = 0;
        for step in steps {
            self.apply(step);
            highest = highest.max(self.params.limit);
        }
        highest
    }

    /// Whether one microsecond less than each reported wait would be too short.
    pub(super) fn has_no_wait_too_long(&mut self) -> bool {
        let limit = self.params.limit;
        let reset = self.reset();
        let is_needed = |cost| self.wait(cost).checked_sub(1).is_none_or(|wait| !self.after(wait).fits(cost));
        (1..=limit).all(is_needed) && (reset == 0 || self.after(reset - 1).used() > 0)
    }

    pub(super) fn apply(&mut self, step: Step) {
        match step {
            Step::Advance(micros) => self.now += micros,
            Step::Charge(cost) => drop(self.charge(cost)),
            Step::Limit(limit) => self.params.limit = limit,
            Step::Refund(age) => {
                if let Some(index) = self.log.len().checked_sub(age + 1) {
                    let (charged_at, units) = self.log.remove(index);
                    self.used();
                    self.counter.refund(&self.params, self.now, charged_at, units);
                }
            }
            Step::RefundLast(units) => {
                self.used();
                self.counter.refund_last(units);
                let mut left = units;
                while let Some((_, units)) = self.log.last_mut().filter(|_| left > 0) {
                    let refunded = left.min(*units);
                    *units -= refunded;
                    left -= refunded;
                    if *units == 0 {
                        self.log.pop();
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Log8,
    Log128,
    Window16,
    Window32,
    TokenBucket,
    FixedWindow,
}

pub(super) const KINDS: [Kind; 6] =
    [Kind::Log8, Kind::Log128, Kind::Window16, Kind::Window32, Kind::TokenBucket, Kind::FixedWindow];
/// A millisecond, an odd length, a minute, an hour and a year: with ticks of one microsecond and longer ones.
pub(super) const WINDOWS: [u64; 5] = [1_000, 7_001_000, 60_000_000, 3_600_000_000, 31_622_400_000_000];

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Advance(u64),
    Charge(u32),
    Limit(u32),
    /// Refunds the charge that is so many before the last.
    Refund(usize),
    RefundLast(u32),
}

/// The time between two requests: none, little, part of a window, or more than a window.
pub(super) fn pause(window: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        2 => 0..=window.div_ceil(500),
        4 => 0..=window / 5,
        2 => (0..=13_u64).prop_map(move |parts| parts * window.div_ceil(12)),
        1 => 0..=3 * window,
    ]
}

/// What a caller does under a limit that stays the same.
pub(super) fn steps(limit: u32, window: u64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => pause(window).prop_map(Step::Advance),
        4 => (0..=limit.div_ceil(2)).prop_map(Step::Charge),
        2 => Just(Step::Charge(1)),
        1 => (0..4_usize).prop_map(Step::Refund),
        1 => (0..=limit.div_ceil(3)).prop_map(Step::RefundLast),
    ];
    prop::collection::vec(step, 0..48)
}

/// As `steps`, with changes of the limit.
pub(super) fn tiered_steps(limit: u32, window: u64) -> impl Strategy<Value = Vec<Step>> {
    let change = (1..=limit).prop_map(Step::Limit);
    (steps(limit, window), prop::collection::vec((any::<prop::sample::Index>(), change), 0..6)).prop_map(
        |(mut steps, changes)| {
            changes.into_iter().for_each(|(index, change)| steps.insert(index.index(steps.len() + 1), change));
            steps
        },
    )
}

pub(super) fn kind_and_params() -> impl Strategy<Value = (Kind, u32, u64)> {
    (prop::sample::select(&KINDS[..]), prop::sample::select(&WINDOWS[..])).prop_flat_map(|(kind, window)| {
        let most: u32 = match kind {
            Kind::Log8 => 8,
            Kind::Log128 => 128,
            _ => 300,
        };
        (Just(kind), 1..=most, Just(window))
    })
}

/// A caller with a random limit and history.
fn caller_with_history() -> impl Strategy<Value = (Kind, Caller)> {
    kind_and_params().prop_flat_map(|(kind, limit, window)| {
        steps(limit, window).prop_map(move |steps| {
            let mut caller = Caller::of(kind, limit, window);
            steps.into_iter().for_each(|step| caller.apply(step));
            (kind, caller)
        })
    })
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {} after {:?}", self.params, self.now, self.log)
    }
}

proptest! {
    #[test]
    fn a_request_fits_after_the_reported_wait((kind, mut caller) in caller_with_history(), share in 0.0..=1.0_f64) {
        let cost = (f64::from(caller.params.limit) * share) as u32;
        let wait = caller.wait(cost);
        prop_assert_eq!(wait == 0, caller.fits(cost), "{:?}", kind);
        prop_assert!(caller.after(wait).fits(cost), "{:?}: {} units do not fit after {}", kind, cost, wait);
    }

    #[test]
    fn no_wait_is_longer_than_the_window((kind, mut caller) in caller_with_history()) {
        let WindowParams { limit, window, .. } = caller.params;
        prop_assert!(caller.wait(limit) <= window && caller.reset() <= window, "{:?}", kind);
    }

    #[test]
    fn requests_that_do_not_fit_do_not_lengthen_the_wait(
        (kind, mut caller) in caller_with_history(),
        share in 0.0..=1.0_f64,
        attempts in prop::collection::vec(0.0..=1.0_f64, 0..9),
    ) {
        let cost = (f64::from(caller.params.limit) * share) as u32;
        let end = caller.now + caller.wait(cost);
        for part in attempts {
            caller.now += ((end - caller.now) as f64 * part) as u64;
            prop_assert!(caller.wait(cost) <= end - caller.now + 5 * u64::from(kind == Kind::TokenBucket), "{:?}", kind);
        }
        caller.now = end;
        prop_assert!(caller.fits(cost), "{:?}: {} units do not fit", kind, cost);
    }

    #[test]
    fn more_units_are_available_after_the_wait_for_one_more((kind, mut caller) in caller_with_history()) {
        let (used, limit) = (caller.used(), caller.params.limit);
        let more = caller.wait(limit - used + 1);
        if used > 0 {
            prop_assert!(caller.after(more).used() < used, "{:?}", kind);
            // A bucket's wait is rounded up by up to five microseconds.
            let early = if kind == Kind::TokenBucket { 5 } else { 1 };
            prop_assert!(more < early || caller.after(more - early).used() == used, "{:?}", kind);
        }
    }

    #[test]
    fn no_unit_is_in_use_after_the_reset((kind, mut caller) in caller_with_history()) {
        let reset = caller.reset();
        prop_assert_eq!(reset == 0, caller.used() == 0, "{:?}", kind);
        prop_assert_eq!(caller.after(reset).used(), 0, "{:?}", kind);
    }

    #[test]
    fn an_idle_counter_behaves_like_a_new_one(
        (kind, mut idle) in caller_with_history(),
        costs in prop::collection::vec((0..=4_u32, 0..=100_u32), 1..40),
    ) {
        let WindowParams { limit, window, step } = idle.params;
        idle.now += window + step + 12;
        let mut fresh = Caller::of(kind, limit, window);
        fresh.now = idle.now;
        for (cost, percent) in costs {
            prop_assert_eq!(fresh.charge(cost), idle.charge(cost), "{:?}", kind);
            prop_assert_eq!(fresh.wait(limit), idle.wait(limit), "{:?}", kind);
            prop_assert_eq!(fresh.reset(), idle.reset(), "{:?}", kind);
            let pause = window / 100 * u64::from(percent);
            (fresh.now, idle.now) = (fresh.now + pause, idle.now + pause);
        }
    }

    #[test]
    fn a_frozen_clock_admits_the_limit_and_a_jump_frees_no_more(
        (kind, limit, window) in kind_and_params(),
        now in prop_oneof![START..2 * START, Just(u64::MAX >> 12)],
        jumps in 1..=20_u64,
    ) {
        let mut caller = Caller::of(kind, limit, window);
        caller.now = now;
        let admitted = |caller: &mut Caller| (0..limit + 3).filter(|_| caller.charge(1)).count() as u32;
        prop_assert_eq!(admitted(&mut caller), limit, "{:?}", kind);
        prop_assert!(!caller.charge(1));
        caller.now += jumps * (window + caller.params.step + 12);
        prop_assert_eq!(admitted(&mut caller), limit, "{:?}", kind);
    }

    #[test]
    fn a_clock_that_goes_back_neither_frees_units_nor_keeps_them_longer(
        (kind, mut caller) in caller_with_history(),
        back in 0.0..=1.2_f64,
        far: bool,
    ) {
        let WindowParams { window, step, .. } = caller.params;
        let used = caller.used();
        caller.now -= if far { START / 2 } else { (window as f64 * back) as u64 };
        // A bucket is refilled from the last charge on, and that time is shorter now.
        let is_kept = if kind == Kind::TokenBucket { caller.used() >= used } else { caller.used() == used };
        prop_assert!(is_kept, "{:?}: units are freed", kind);
        prop_assert!(caller.reset() <= window + step + 12, "{:?}: locked out for {}", kind, caller.reset());
        prop_assert_eq!(caller.after(window + step + 12).used(), 0, "{:?}: locked out", kind);
    }

    #[test]
    fn units_stay_in_use_when_the_limit_changes((kind, mut caller) in caller_with_history(), share in 0.0..=1.0_f64) {
        let used = caller.used();
        let most = if kind == Kind::Log8 { 8 } else if kind == Kind::Log128 { 128 } else { 1000 };
        caller.params.limit = 1 + (f64::from(most - 1) * share) as u32;
        prop_assert_eq!(caller.used(), used, "{:?}: refilled", kind);
        prop_assert_eq!(caller.counter.limit(), caller.params.limit);
        let left = caller.params.limit.saturating_sub(used);
        prop_assert!(left == 0 || caller.wait(left) == 0, "{:?}: locked out", kind);
        let debts = u64::from(used.div_ceil(caller.params.limit).max(1));
        let longest = if kind == Kind::TokenBucket { debts * caller.params.window } else { caller.params.window };
        prop_assert!(caller.wait(1) <= longest + caller.params.step + 12, "{:?}", kind);
    }

    #[test]
    fn no_charge_at_any_time_overflows(
        kind in prop::sample::select(&KINDS[..]),
        actions in prop::collection::vec(
            (prop::sample::select(&EXTREMES[..]), prop::sample::select(&TIMES[..]), any::<u8>()),
            1..24,
        ),
        window in prop::sample::select(&WINDOWS[..]),
    ) {
        let limit = match kind {
            Kind::Log8 => 8,
            Kind::Log128 => 128,
            Kind::Window16 => u32::from(u16::MAX),
            _ => u32::MAX,
        };
        let mut caller = Caller::of(kind, limit, window);
        for (cost, time, action) in actions {
            caller.now = time;
            let before = caller.used();
            match action % 4 {
                0 => caller.counter.refund(&caller.params, time, time / 2, cost),
                1 => caller.counter.refund_last(cost),
                _ => {
                    caller.counter.charge(&caller.params, time, cost);
                    prop_assert!(caller.counter.used() >= before.min(limit), "{:?}: a charge freed units", kind);
                }
            }
            let cost = cost.min(limit);
            let wait = caller.wait(cost);
            prop_assert_eq!(wait == 0, caller.fits(cost), "{:?} {} {}", kind, before, cost);
            caller.reset();
        }
    }
}

const EXTREMES: [u32; 7] = [0, 1, 2, 65_535, 65_536, u32::MAX - 1, u32::MAX];
/// The last is what a clock before 1970 is read as.
const TIMES: [u64; 6] = [0, 1, START, START + 1, START + 60_000_000, u64::MAX >> 12];

#[test]
fn each_algorithm_has_its_step() {
    let step = |algorithm, window| WindowParams::new(algorithm, 5, window).step;
    assert_eq!(step(Algorithm::SlidingLog, 60_000_000), 1);
    assert_eq!(step(Algorithm::SlidingLog, 1 << 31), 2);
    assert_eq!(step(Algorithm::SlidingWindow, 60_000_000), 5_000_000);
    assert_eq!(step(Algorithm::SlidingWindow, 1_000), 84);
    assert_eq!(step(Algorithm::FixedWindow, 1_000), 1_000);
    let other = WindowParams { limit: 5, window: 7, step: 3 }.with_limit(9);
    assert_eq!(other, WindowParams { limit: 9, window: 7, step: 3 });
}
