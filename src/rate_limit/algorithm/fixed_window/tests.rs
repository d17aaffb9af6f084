//! The fixed window, checked against a log that keeps everything.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, Step, WINDOWS, tiered_steps};

fn histories() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=300_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), tiered_steps(limit, window)))
}

proptest! {
    #[test]
    fn units_of_the_aligned_window_are_in_use((limit, window, steps) in histories()) {
        let mut caller = Caller::of(Kind::FixedWindow, limit, window);
        for step in steps {
            let before = caller.used();
            caller.apply(step);
            let used = caller.used();
            // A window includes its first microsecond.
            prop_assert_eq!(used, caller.younger_than(caller.now % window + 1), "after {:?}", step);
            prop_assert!(used <= caller.params.limit.max(before));
        }
    }

    #[test]
    fn one_microsecond_before_the_reported_wait_is_too_early((limit, window, steps) in histories()) {
        let mut caller = Caller::of(Kind::FixedWindow, limit, window);
        caller.apply_all(steps);
        prop_assert!(caller.has_no_wait_too_long());
    }
}

const PARAMS: WindowParams = WindowParams { limit: 5, window: 60, step: 60 };

#[test]
fn all_units_are_freed_when_a_window_begins() {
    let mut counter = FixedWindow::default();
    counter.advance(&PARAMS, 119);
    counter.charge(&PARAMS, 119, 5);
    assert_eq!((counter.time_until_fit(&PARAMS, 119, 1), counter.time_until_unused(&PARAMS, 119)), (1, 1));
    counter.advance(&PARAMS, 120);
    assert_eq!(
        (counter.used(), counter.time_until_fit(&PARAMS, 120, 5), counter.time_until_unused(&PARAMS, 120)),
        (0, 0, 0)
    );
}

#[test]
fn a_refund_reduces_only_the_current_window() {
    let mut counter = FixedWindow::default();
    counter.advance(&PARAMS, 125);
    counter.charge(&PARAMS, 125, 3);
    counter.refund(&PARAMS, 125, 119, 3);
    assert_eq!(counter.used(), 3);
    counter.refund(&PARAMS, 125, 120, 1);
    assert_eq!(counter.used(), 2);
    counter.refund(&PARAMS, 125, 125, 9);
    assert_eq!(counter.used(), 0);
}

#[test]
fn the_counter_saturates() {
    let params = PARAMS.with_limit(u32::MAX);
    let mut counter = FixedWindow::default();
    counter.advance(&params, 119);
    counter.charge(&params, 119, u32::MAX);
    counter.charge(&params, 119, 7);
    assert_eq!(counter.used(), u32::MAX);
    assert_eq!((counter.time_until_fit(&params, 119, 0), counter.time_until_fit(&params, 119, 1)), (0, 1));
    counter.refund_last(2);
    assert_eq!(counter.used(), u32::MAX - 2);
}
