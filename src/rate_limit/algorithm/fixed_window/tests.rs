//! Aligned windows, beside a log that forgets nothing.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, Step, WINDOWS, tiered_steps};

fn pasts() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=300_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), tiered_steps(limit, window)))
}

proptest! {
    #[test]
    fn in_use_is_what_was_charged_in_the_aligned_window((limit, window, steps) in pasts()) {
        let mut caller = Caller::of(Kind::FixedWindow, limit, window);
        for step in steps {
            let before = caller.used();
            caller.take(step);
            let used = caller.used();
            // The first moment of a window is its own.
            prop_assert_eq!(used, caller.younger_than(caller.now % window + 1), "after {:?}", step);
            prop_assert!(used <= caller.params.limit.max(before));
        }
    }

    #[test]
    fn a_microsecond_less_than_told_is_too_little((limit, window, steps) in pasts()) {
        let mut caller = Caller::of(Kind::FixedWindow, limit, window);
        steps.into_iter().for_each(|step| caller.take(step));
        let (wait, reset) = (caller.wait(limit), caller.reset());
        prop_assert!(wait == 0 || !caller.after(wait - 1).fits(limit));
        prop_assert!(reset == 0 || caller.after(reset - 1).used() > 0);
    }
}

const PARAMS: WindowParams = WindowParams { limit: 5, window: 60, step: 60 };

#[test]
fn all_units_come_back_when_an_aligned_window_begins() {
    let mut count = FixedWindow::default();
    count.settle(&PARAMS, 119);
    count.charge(&PARAMS, 119, 5);
    assert_eq!((count.wait(&PARAMS, 119, 1), count.reset(&PARAMS, 119)), (1, 1));
    count.settle(&PARAMS, 120);
    assert_eq!((count.used(), count.wait(&PARAMS, 120, 5), count.reset(&PARAMS, 120)), (0, 0, 0));
}

#[test]
fn a_refund_reaches_no_window_but_the_present() {
    let mut count = FixedWindow::default();
    count.settle(&PARAMS, 125);
    count.charge(&PARAMS, 125, 3);
    count.refund(&PARAMS, 125, 119, 3);
    assert_eq!(count.used(), 3);
    count.refund(&PARAMS, 125, 120, 1);
    assert_eq!(count.used(), 2);
    count.refund(&PARAMS, 125, 125, 9);
    assert_eq!(count.used(), 0);
}

#[test]
fn the_most_that_a_number_holds_is_not_passed_by_one_more() {
    let params = PARAMS.with_limit(u32::MAX);
    let mut count = FixedWindow::default();
    count.settle(&params, 119);
    count.charge(&params, 119, u32::MAX);
    count.charge(&params, 119, 7);
    assert_eq!(count.used(), u32::MAX);
    assert_eq!((count.wait(&params, 119, 0), count.wait(&params, 119, 1)), (0, 1));
    count.forgive(2);
    assert_eq!(count.used(), u32::MAX - 2);
}
