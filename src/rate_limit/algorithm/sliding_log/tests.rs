//! The sliding log, checked against a log that keeps everything.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, START, Step, WINDOWS, tiered_steps};

fn histories() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=8_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), tiered_steps(limit, window)))
}

proptest! {
    #[test]
    fn each_unit_is_in_use_for_a_window_and_up_to_a_tick((limit, window, steps) in histories()) {
        let mut caller = Caller::of(Kind::Log8, limit, window);
        for step in steps {
            caller.apply(step);
            let used = caller.used();
            prop_assert!(used >= caller.younger_than(window), "a unit was freed early after {step:?}");
            let late = caller.params.step - 1;
            prop_assert!(used <= caller.younger_than(window + late), "a unit is kept too long after {step:?}");
        }
    }

    #[test]
    fn no_rolling_window_admits_more_than_the_limit((limit, window, steps) in histories()) {
        let mut caller = Caller::of(Kind::Log8, limit, window);
        let highest_limit = caller.apply_all(steps);
        prop_assert!(caller.worst() <= highest_limit);
    }

    #[test]
    fn one_microsecond_before_the_reported_wait_is_too_early((limit, _, steps) in histories()) {
        let mut caller = Caller::of(Kind::Log8, limit, 60_000_000);
        caller.apply_all(steps);
        prop_assert!(caller.has_no_wait_too_long());
    }
}

/// Returns a log with a window of a minute and a unit charged at each of these seconds.
fn charged(seconds: &[u64]) -> (SlidingLog<8>, WindowParams) {
    let params = WindowParams { limit: 8, window: 60_000_000, step: 1 };
    let mut counter = SlidingLog::default();
    for second in seconds {
        let now = START + second * 1_000_000;
        counter.advance(&params, now);
        counter.charge(&params, now, 1);
    }
    (counter, params)
}

fn at(second: u64) -> u64 {
    START + second * 1_000_000
}

#[test]
fn a_refund_frees_the_unit_charged_at_that_time() {
    let (mut counter, params) = charged(&[0, 10, 10, 20]);
    counter.advance(&params, at(30));
    counter.refund(&params, at(30), at(10), 1);
    assert_eq!(counter.used(), 3);
    // The units charged at 0, 10 and 20 remain.
    for (second, used) in [(59, 3), (60, 2), (69, 2), (70, 1), (79, 1), (80, 0)] {
        counter.advance(&params, at(second));
        assert_eq!(counter.used(), used, "at {second}");
    }
}

#[test]
fn a_refund_of_freed_units_frees_nothing() {
    let (mut counter, params) = charged(&[0, 10, 20]);
    counter.advance(&params, at(65));
    for charged_at in [0, 5, 15, 25] {
        counter.refund(&params, at(65), at(charged_at), 8);
    }
    assert_eq!(counter.used(), 2);
}

#[test]
fn units_that_exceed_the_log_replace_the_oldest() {
    let (mut counter, params) = charged(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(counter.used(), 8);
    counter.advance(&params, at(61));
    assert_eq!(counter.used(), 8);
    counter.advance(&params, at(62));
    assert_eq!(counter.used(), 7);
    counter.charge(&params, at(62), 100);
    assert_eq!(counter.time_until_unused(&params, at(62)), 60_000_000);
    assert_eq!(counter.used(), 8);
}

#[test]
fn refund_last_frees_the_units_charged_last() {
    let (mut counter, params) = charged(&[0, 10, 20]);
    counter.refund_last(2);
    assert_eq!(counter.used(), 1);
    assert_eq!(counter.time_until_unused(&params, at(20)), 40_000_000);
    counter.refund_last(u32::MAX);
    assert_eq!(counter.used(), 0);
}

#[test]
fn long_ticks_free_all_but_the_newest_units_late_rather_than_early() {
    let params = WindowParams { limit: 8, window: 90, step: 9 };
    let mut counter = SlidingLog::<8>::default();
    for now in [1_000, 1_001, 1_009, 1_010] {
        counter.advance(&params, now);
        counter.charge(&params, now, 1);
    }
    for (now, used) in [(1_089, 4), (1_090, 3), (1_098, 3), (1_099, 1), (1_100, 0)] {
        counter.advance(&params, now);
        assert_eq!(counter.used(), used, "at {now}");
    }
}

#[test]
fn a_unit_moved_by_a_clock_that_went_back_can_be_refunded() {
    let (mut counter, params) = charged(&[0, 30]);
    counter.advance(&params, at(10));
    assert_eq!(counter.time_until_unused(&params, at(10)), 60_000_000);
    assert_eq!(counter.time_until_fit(&params, at(10), 7), 50_000_000);
    counter.refund(&params, at(10), at(30), 1);
    assert_eq!(counter.time_until_unused(&params, at(10)), 50_000_000);
}

/// Returns a log with a window of 90 and ticks of 9, and a unit charged at each of these times.
fn charged_with_long_ticks(times: &[u64]) -> (SlidingLog<8>, WindowParams) {
    let params = WindowParams { limit: 8, window: 90, step: 9 };
    let mut counter = SlidingLog::default();
    for now in times {
        counter.advance(&params, *now);
        counter.charge(&params, *now, 1);
    }
    (counter, params)
}

#[test]
fn with_long_ticks_the_newest_unit_is_freed_exactly_one_window_after_its_charge() {
    for (now, left) in [(1_012, 90), (1_014, 88), (1_018, 84), (1_101, 1)] {
        let (mut counter, params) = charged_with_long_ticks(&[1_000, 1_012]);
        counter.advance(&params, now);
        assert_eq!(counter.time_until_unused(&params, now), left, "at {now}");
    }
}

#[test]
fn with_long_ticks_a_clock_that_went_back_frees_the_newest_unit_exactly_one_window_later() {
    for (charged_at, now) in [(1_020, 1_004), (1_012, 1_010), (1_020, 1_000), (1_020, 990)] {
        let (mut counter, params) = charged_with_long_ticks(&[1_000, charged_at]);
        counter.advance(&params, now);
        assert_eq!(counter.time_until_unused(&params, now), 90, "from {charged_at} to {now}");
    }
}
