//! The sliding window, checked against a log that keeps everything.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, Step, WINDOWS, tiered_steps};

fn histories() -> impl Strategy<Value = (Kind, u32, u64, Vec<Step>)> {
    (any::<bool>(), 1..=300_u32, prop::sample::select(&WINDOWS[..])).prop_flat_map(|(is_wide, limit, window)| {
        let kind = if is_wide { Kind::Window32 } else { Kind::Window16 };
        (Just(kind), Just(limit), Just(window), tiered_steps(limit, window))
    })
}

proptest! {
    #[test]
    fn each_unit_is_in_use_for_a_window_and_up_to_a_sub_window((kind, limit, window, steps) in histories()) {
        let mut caller = Caller::of(kind, limit, window);
        for step in steps {
            caller.apply(step);
            let used = caller.used();
            prop_assert!(used >= caller.younger_than(window), "a unit was freed early after {step:?}");
            prop_assert!(used <= caller.younger_than(window + caller.params.step), "a unit is kept too long after {step:?}");
        }
    }

    #[test]
    fn no_rolling_window_admits_more_than_the_limit((kind, limit, window, steps) in histories()) {
        let mut caller = Caller::of(kind, limit, window);
        let highest_limit = caller.apply_all(steps);
        prop_assert!(caller.worst() <= highest_limit);
    }

    #[test]
    fn one_microsecond_before_the_reported_wait_is_too_early((kind, limit, window, steps) in histories()) {
        let mut caller = Caller::of(kind, limit, window);
        caller.apply_all(steps);
        prop_assert!(caller.has_no_wait_too_long());
    }
}

const PARAMS: WindowParams = WindowParams { limit: 100, window: 60, step: 5 };
/// The start of a sub-window.
const FROM: u64 = 1_000_000;

/// Returns a counter with these units charged in consecutive sub-windows, and the time of the last.
fn charged(units: &[u32]) -> (SlidingWindow<u16>, u64) {
    let mut counter = SlidingWindow::default();
    let mut now = FROM;
    for units in units {
        counter.advance(&PARAMS, now);
        counter.charge(&PARAMS, now, *units);
        now += 5;
    }
    (counter, now - 5)
}

#[test]
fn the_wait_ends_when_enough_sub_windows_are_freed() {
    let (counter, now) = charged(&[10, 0, 20, 70]);
    assert_eq!(now, FROM + 15);
    for (cost, wait) in [(0, 0), (1, 49), (10, 49), (11, 59), (30, 59), (31, 60), (100, 60)] {
        assert_eq!(counter.time_until_fit(&PARAMS, now, cost), wait, "{cost} units");
    }
    // The newest sub-window is freed as soon as its last unit is one window old.
    assert_eq!(counter.time_until_unused(&PARAMS, now), 60);
}

#[test]
fn a_refund_reduces_the_sub_window_that_was_charged() {
    let (mut counter, now) = charged(&[3, 5, 7]);
    counter.refund(&PARAMS, now, FROM + 7, 4);
    counter.refund(&PARAMS, now, FROM + 2, 9);
    assert_eq!(counter.used(), 8);
    // Nothing was charged earlier, or it has left the window.
    counter.refund(&PARAMS, now, FROM - 1, 9);
    counter.refund(&PARAMS, now, FROM - 1_000, 9);
    assert_eq!(counter.used(), 8);
    counter.advance(&PARAMS, FROM + 69);
    assert_eq!(counter.used(), 7);
}

#[test]
fn a_refund_of_a_charge_in_the_future_reduces_the_current_sub_window() {
    let (mut counter, _) = charged(&[3, 5]);
    counter.advance(&PARAMS, FROM);
    counter.refund(&PARAMS, FROM, FROM + 5, 5);
    assert_eq!(counter.used(), 3);
}

#[test]
fn refund_last_frees_the_units_charged_last() {
    let (mut counter, now) = charged(&[3, 5, 7]);
    counter.refund_last(8);
    assert_eq!((counter.used(), counter.time_until_unused(&PARAMS, now)), (7, 59));
    counter.refund_last(u32::MAX);
    assert_eq!(counter.used(), 0);
}

#[test]
fn a_clock_that_goes_back_moves_future_units_to_the_present() {
    let (mut counter, _) = charged(&[3, 5, 7]);
    counter.advance(&PARAMS, FROM + 5);
    assert_eq!((counter.used(), counter.time_until_unused(&PARAMS, FROM + 5)), (15, 60));
    counter.advance(&PARAMS, FROM + 63);
    assert_eq!(counter.used(), 15);
    counter.advance(&PARAMS, FROM + 64);
    assert_eq!(counter.used(), 12);
    counter.advance(&PARAMS, FROM + 65);
    assert_eq!(counter.used(), 0);
}

#[test]
fn sub_window_numbers_have_48_bits() {
    let params = WindowParams { limit: 5, window: 12, step: 1 };
    for far in [1 << 16, 1 << 32, (1 << 48) - 1] {
        let mut counter = SlidingWindow::<u32>::default();
        counter.advance(&params, far - 1);
        counter.charge(&params, far - 1, 1);
        assert_eq!(counter.time_until_unused(&params, far - 1), 12, "{far}");
        counter.advance(&params, far);
        assert_eq!((counter.used(), counter.time_until_unused(&params, far)), (1, 11), "{far}");
    }
}

#[test]
fn counters_have_the_documented_size_and_saturate() {
    assert_eq!((size_of::<SlidingWindow<u16>>(), size_of::<SlidingWindow<u32>>()), (42, 72));
    let mut narrow = SlidingWindow::<u16>::default();
    narrow.charge(&PARAMS, FROM, 65_536);
    assert_eq!(narrow.used(), 65_535);
    let mut wide = SlidingWindow::<u32>::default();
    wide.charge(&PARAMS, FROM, u32::MAX);
    wide.charge(&PARAMS, FROM, 1);
    assert_eq!(wide.used(), u32::MAX);
}

#[test]
fn a_request_that_costs_nothing_does_not_keep_units_longer() {
    let (mut counter, now) = charged(&[10]);
    counter.advance(&PARAMS, now + 2);
    counter.charge(&PARAMS, now + 2, 0);
    assert_eq!(counter.time_until_unused(&PARAMS, now + 2), 58);
}
