//! Sub-windows, beside a log that forgets nothing.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, Step, WINDOWS, tiered_steps};

fn pasts() -> impl Strategy<Value = (Kind, u32, u64, Vec<Step>)> {
    (any::<bool>(), 1..=300_u32, prop::sample::select(&WINDOWS[..])).prop_flat_map(|(is_wide, limit, window)| {
        let kind = if is_wide { Kind::Sliding32 } else { Kind::Sliding16 };
        (Just(kind), Just(limit), Just(window), tiered_steps(limit, window))
    })
}

proptest! {
    #[test]
    fn each_unit_is_in_use_for_a_window_and_up_to_a_sub_window((kind, limit, window, steps) in pasts()) {
        let mut caller = Caller::of(kind, limit, window);
        for step in steps {
            caller.take(step);
            let used = caller.used();
            prop_assert!(used >= caller.younger_than(window), "a unit came back early after {step:?}");
            prop_assert!(used <= caller.younger_than(13 * caller.params.step), "a unit is kept too long after {step:?}");
        }
    }

    #[test]
    fn no_window_of_any_time_admits_more_than_the_limit((kind, limit, window, steps) in pasts()) {
        let mut caller = Caller::of(kind, limit, window);
        let mut most = 0;
        for step in steps {
            caller.take(step);
            most = most.max(caller.params.limit);
        }
        prop_assert!(caller.worst() <= most);
    }

    #[test]
    fn a_microsecond_less_than_told_is_too_little((kind, limit, window, steps) in pasts()) {
        let mut caller = Caller::of(kind, limit, window);
        steps.into_iter().for_each(|step| caller.take(step));
        for cost in 1..=caller.params.limit {
            let wait = caller.wait(cost);
            prop_assert!(wait == 0 || !caller.after(wait - 1).fits(cost));
        }
        let reset = caller.reset();
        prop_assert!(reset == 0 || caller.after(reset - 1).used() > 0);
    }
}

const PARAMS: WindowParams = WindowParams { limit: 100, window: 60, step: 5 };
/// The start of a sub-window.
const FROM: u64 = 1_000_000;

/// Units of a minute's window, charged in so many sub-windows one after another.
fn charged(units: &[u32]) -> (SlidingWindow<u16>, u64) {
    let mut count = SlidingWindow::default();
    let mut now = FROM;
    for units in units {
        count.settle(&PARAMS, now);
        count.charge(&PARAMS, now, *units);
        now += 5;
    }
    (count, now - 5)
}

#[test]
fn the_wait_ends_with_the_sub_window_whose_units_make_room() {
    let (count, now) = charged(&[10, 0, 20, 70]);
    assert_eq!(now, FROM + 15);
    for (cost, wait) in [(0, 0), (1, 50), (10, 50), (11, 60), (30, 60), (31, 65), (100, 65)] {
        assert_eq!(count.wait(&PARAMS, now, cost), wait, "{cost} units");
    }
    assert_eq!(count.reset(&PARAMS, now), 65);
}

#[test]
fn a_refund_goes_to_the_sub_window_that_was_charged() {
    let (mut count, now) = charged(&[3, 5, 7]);
    count.refund(&PARAMS, now, FROM + 7, 4);
    count.refund(&PARAMS, now, FROM + 2, 9);
    assert_eq!(count.used(), 8);
    // Nothing was charged before, and what would have been is out of the window.
    count.refund(&PARAMS, now, FROM - 1, 9);
    count.refund(&PARAMS, now, FROM - 1_000, 9);
    assert_eq!(count.used(), 8);
    count.settle(&PARAMS, FROM + 70);
    assert_eq!(count.used(), 7);
}

#[test]
fn a_refund_from_a_time_that_lies_ahead_is_taken_from_the_present() {
    let (mut count, _) = charged(&[3, 5]);
    count.settle(&PARAMS, FROM);
    count.refund(&PARAMS, FROM, FROM + 5, 5);
    assert_eq!(count.used(), 3);
}

#[test]
fn forgiven_are_the_units_charged_last() {
    let (mut count, now) = charged(&[3, 5, 7]);
    count.forgive(8);
    assert_eq!((count.used(), count.reset(&PARAMS, now)), (7, 60));
    count.forgive(u32::MAX);
    assert_eq!(count.used(), 0);
}

#[test]
fn a_clock_that_goes_back_takes_the_units_ahead_along() {
    let (mut count, _) = charged(&[3, 5, 7]);
    count.settle(&PARAMS, FROM + 5);
    assert_eq!((count.used(), count.reset(&PARAMS, FROM + 5)), (15, 65));
    count.settle(&PARAMS, FROM + 65);
    assert_eq!(count.used(), 12);
    count.settle(&PARAMS, FROM + 70);
    assert_eq!(count.used(), 0);
}

#[test]
fn the_running_sub_window_is_told_apart_in_48_bits() {
    let params = WindowParams { limit: 5, window: 12, step: 1 };
    for far in [1 << 16, 1 << 32, (1 << 48) - 1] {
        let mut count = SlidingWindow::<u32>::default();
        count.settle(&params, far - 1);
        count.charge(&params, far - 1, 1);
        assert_eq!(count.reset(&params, far - 1), 13, "{far}");
        count.settle(&params, far);
        assert_eq!((count.used(), count.reset(&params, far)), (1, 12), "{far}");
    }
}

#[test]
fn units_are_kept_in_no_more_than_they_need_and_saturate() {
    assert_eq!((size_of::<SlidingWindow<u16>>(), size_of::<SlidingWindow<u32>>()), (34, 64));
    let mut narrow = SlidingWindow::<u16>::default();
    narrow.charge(&PARAMS, FROM, 65_536);
    assert_eq!(narrow.used(), 65_535);
    let mut wide = SlidingWindow::<u32>::default();
    wide.charge(&PARAMS, FROM, u32::MAX);
    wide.charge(&PARAMS, FROM, 1);
    assert_eq!(wide.used(), u32::MAX);
}
