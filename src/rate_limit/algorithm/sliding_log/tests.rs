//! The log of times, beside one that forgets nothing.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, START, Step, WINDOWS, tiered_steps};

fn pasts() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=8_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), tiered_steps(limit, window)))
}

proptest! {
    #[test]
    fn each_unit_is_in_use_for_a_window_and_up_to_a_tick((limit, window, steps) in pasts()) {
        let mut caller = Caller::of(Kind::Exact8, limit, window);
        for step in steps {
            caller.take(step);
            let used = caller.used();
            prop_assert!(used >= caller.younger_than(window), "a unit came back early after {step:?}");
            let late = caller.params.step - 1;
            prop_assert!(used <= caller.younger_than(window + late), "a unit is kept too long after {step:?}");
        }
    }

    #[test]
    fn no_window_of_any_time_admits_more_than_the_limit((limit, window, steps) in pasts()) {
        let mut caller = Caller::of(Kind::Exact8, limit, window);
        let mut most = 0;
        for step in steps {
            caller.take(step);
            most = most.max(caller.params.limit);
        }
        prop_assert!(caller.worst() <= most);
    }

    #[test]
    fn a_microsecond_less_than_told_is_too_little((limit, _, steps) in pasts()) {
        let mut caller = Caller::of(Kind::Exact8, limit, 60_000_000);
        steps.into_iter().for_each(|step| caller.take(step));
        for cost in 1..=caller.params.limit {
            let wait = caller.wait(cost);
            prop_assert!(wait == 0 || !caller.after(wait - 1).fits(cost));
        }
        let reset = caller.reset();
        prop_assert!(reset == 0 || caller.after(reset - 1).used() > 0);
    }
}

/// Units charged at these seconds, of a minute's window.
fn charged(seconds: &[u64]) -> (SlidingLog<8>, WindowParams) {
    let params = WindowParams { limit: 8, window: 60_000_000, step: 1 };
    let mut count = SlidingLog::default();
    for second in seconds {
        let now = START + second * 1_000_000;
        count.settle(&params, now);
        count.charge(&params, now, 1);
    }
    (count, params)
}

fn at(second: u64) -> u64 {
    START + second * 1_000_000
}

#[test]
fn a_refund_gives_back_the_unit_of_its_own_time() {
    let (mut count, params) = charged(&[0, 10, 10, 20]);
    count.settle(&params, at(30));
    count.refund(&params, at(30), at(10), 1);
    assert_eq!(count.used(), 3);
    // What is left was charged at 0, 10 and 20.
    for (second, used) in [(59, 3), (60, 2), (69, 2), (70, 1), (79, 1), (80, 0)] {
        count.settle(&params, at(second));
        assert_eq!(count.used(), used, "at {second}");
    }
}

#[test]
fn a_refund_of_what_is_no_longer_in_use_gives_nothing_back() {
    let (mut count, params) = charged(&[0, 10, 20]);
    count.settle(&params, at(65));
    for then in [0, 5, 15, 25] {
        count.refund(&params, at(65), at(then), 8);
    }
    assert_eq!(count.used(), 2);
}

#[test]
fn what_does_not_fit_into_the_log_drives_out_the_oldest() {
    let (mut count, params) = charged(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(count.used(), 8);
    count.settle(&params, at(61));
    assert_eq!(count.used(), 8);
    count.settle(&params, at(62));
    assert_eq!(count.used(), 7);
    count.charge(&params, at(62), 100);
    assert_eq!(count.reset(&params, at(62)), 60_000_000);
    assert_eq!(count.used(), 8);
}

#[test]
fn forgiven_are_the_units_charged_last() {
    let (mut count, params) = charged(&[0, 10, 20]);
    count.forgive(2);
    assert_eq!(count.used(), 1);
    assert_eq!(count.reset(&params, at(20)), 40_000_000);
    count.forgive(u32::MAX);
    assert_eq!(count.used(), 0);
}

#[test]
fn a_tick_longer_than_a_microsecond_gives_units_back_late_rather_than_early() {
    let params = WindowParams { limit: 8, window: 90, step: 9 };
    let mut count = SlidingLog::<8>::default();
    for now in [1_000, 1_001, 1_009, 1_010] {
        count.settle(&params, now);
        count.charge(&params, now, 1);
    }
    for (now, used) in [(1_089, 4), (1_090, 3), (1_098, 3), (1_099, 1), (1_107, 1), (1_108, 0)] {
        count.settle(&params, now);
        assert_eq!(count.used(), used, "at {now}");
    }
}

#[test]
fn a_unit_moved_to_the_present_by_a_clock_that_went_back_is_given_back_there() {
    let (mut count, params) = charged(&[0, 30]);
    count.settle(&params, at(10));
    assert_eq!(count.reset(&params, at(10)), 60_000_000);
    assert_eq!(count.wait(&params, at(10), 7), 50_000_000);
    count.refund(&params, at(10), at(30), 1);
    assert_eq!(count.reset(&params, at(10)), 50_000_000);
}
