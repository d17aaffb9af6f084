//! The token bucket, checked against exact integer arithmetic.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, START, Step, WINDOWS, steps};

fn histories() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=300_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), steps(limit, window)))
}

/// Returns a period in which more was admitted than the limit and the refill, in exact arithmetic.
fn excess(caller: &Caller) -> Option<(u64, u64, u128)> {
    let WindowParams { limit, window, .. } = caller.params;
    let spans = caller.log.iter().enumerate().flat_map(|(first, (from, _))| {
        let mut sum = 0;
        caller.log.iter().skip(first).map(move |(until, units)| {
            sum += u128::from(*units);
            (*from, *until, sum)
        })
    });
    let is_too_much = |(from, until, sum): &(u64, u64, u128)| {
        sum.saturating_sub(limit.into()) * u128::from(window) > u128::from(limit) * u128::from(until - from)
    };
    { spans }.find(is_too_much)
}

proptest! {
    #[test]
    fn no_period_admits_more_than_the_limit_and_the_refill((limit, window, steps) in histories()) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        steps.into_iter().for_each(|step| caller.apply(step));
        prop_assert_eq!(excess(&caller), None);
    }

    #[test]
    fn charging_each_unit_as_soon_as_it_is_refilled_admits_no_more(
        (limit, window, _) in histories(),
        costs in prop::collection::vec(1..=3_u32, 1..60),
    ) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        caller.charge(limit);
        for cost in costs.into_iter().filter(|cost| *cost <= limit) {
            // It may fit a microsecond before the reported wait, but never before it is refilled.
            caller.now += caller.wait(cost).saturating_sub(3);
            let mut tries = (0..5).map(|_| {
                caller.now += 1;
                caller.charge(cost)
            });
            prop_assert!(tries.any(|is_admitted| is_admitted));
        }
        prop_assert_eq!(excess(&caller), None);
    }

    #[test]
    fn shortly_before_the_reported_wait_is_too_early((limit, _, steps) in histories(), share in 0.0..=1.0_f64) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, 3_600_000_000);
        steps.into_iter().for_each(|step| caller.apply(step));
        let cost = (f64::from(limit) * share) as u32;
        let (wait, reset) = (caller.wait(cost), caller.reset());
        prop_assert!(wait < 5 || !caller.after(wait - 5).fits(cost));
        prop_assert!(reset < 5 || caller.after(reset - 5).used() > 0);
    }

    #[test]
    fn a_refund_never_frees_more_than_the_charge(
        (limit, window, steps) in histories(),
        cost in 1..=300_u32,
        pause in 0.0..=2.0_f64,
    ) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        steps.into_iter().for_each(|step| caller.apply(step));
        let cost = cost.min(limit);
        let mut uncharged = caller.fork();
        if caller.charge(cost) {
            let pause = (window as f64 * pause) as u64;
            (caller.now, uncharged.now) = (caller.now + pause, uncharged.now + pause);
            caller.apply(Step::Refund(0));
            prop_assert!(caller.used() >= uncharged.used());
        }
    }
}

const PARAMS: WindowParams = WindowParams { limit: 10, window: 1_000_000, step: 1_000_000 };

fn charged(units: u32) -> TokenBucket {
    let mut counter = TokenBucket::default();
    counter.advance(&PARAMS, START);
    counter.charge(&PARAMS, START, units);
    counter
}

#[test]
fn one_unit_is_refilled_per_fraction_of_the_window() {
    let mut counter = charged(10);
    for (micros, used) in [(0, 10), (99_999, 10), (100_001, 9), (500_001, 5), (999_999, 1), (1_000_001, 0)] {
        counter.advance(&PARAMS, START + micros);
        assert_eq!(counter.used(), used, "after {micros}");
    }
}

#[test]
fn a_fraction_of_a_unit_counts_as_one() {
    let mut counter = charged(3);
    counter.advance(&PARAMS, START + 50_000);
    assert_eq!(counter.used(), 3);
    assert_eq!(counter.time_until_fit(&PARAMS, START + 50_000, 8), 50_002);
    assert_eq!(counter.time_until_unused(&PARAMS, START + 50_000), 250_002);
}

#[test]
fn a_refund_frees_only_units_not_refilled_yet() {
    for (micros, used) in [(0, 3), (50_000, 3), (200_000, 3), (450_000, 3), (600_000, 2), (2_000_000, 0)] {
        let mut counter = charged(3);
        counter.charge(&PARAMS, START, 5);
        counter.advance(&PARAMS, START + micros);
        counter.refund(&PARAMS, START + micros, START, 5);
        counter.advance(&PARAMS, START + micros + 1);
        assert_eq!(counter.used(), used, "after {micros}");
    }
}

#[test]
fn refund_last_reduces_the_debt_to_zero_at_most() {
    let mut counter = charged(5);
    counter.refund_last(2);
    assert_eq!(counter.used(), 3);
    counter.refund_last(9);
    assert_eq!(counter.used(), 0);
    counter.charge(&PARAMS, START, 1);
    assert_eq!(counter.used(), 1);
}

#[test]
fn a_lower_limit_refills_at_its_own_rate() {
    let mut counter = charged(10);
    let lower = PARAMS.with_limit(5);
    counter.advance(&lower, START);
    assert_eq!((counter.used(), counter.limit()), (10, 5));
    assert_eq!(counter.time_until_fit(&lower, START, 1), 1_200_002);
    counter.advance(&lower, START + 1_000_000);
    assert_eq!(counter.used(), 6);
}

#[test]
fn a_debt_that_is_never_refilled_has_an_endless_wait() {
    let (high, low) = (u32::MAX, 1);
    let params = WindowParams { limit: high, window: 366 * 86_400_000_000, step: 1 };
    let mut bucket = TokenBucket::default();
    bucket.advance(&params, START);
    bucket.charge(&params, START, high);
    let params = params.with_limit(low);
    bucket.advance(&params, START);
    assert_eq!(
        (bucket.time_until_unused(&params, START), bucket.time_until_fit(&params, START, 1)),
        (u64::MAX, u64::MAX)
    );
}

#[test]
fn a_request_that_costs_nothing_adds_no_rounding_error() {
    let (mut asked, mut idle) = (charged(10), charged(10));
    for micros in (1..=7_000).step_by(7) {
        asked.advance(&PARAMS, START + micros);
        asked.charge(&PARAMS, START + micros, 0);
    }
    asked.advance(&PARAMS, START + 500_001);
    idle.advance(&PARAMS, START + 500_001);
    assert_eq!(asked.owed, idle.owed);
}

#[test]
fn a_refund_is_rounded_so_that_no_more_than_the_charge_is_freed() {
    for micros in [0, 1, 100_000, 200_000, 333_333] {
        let mut counter = charged(3);
        counter.charge(&PARAMS, START, 5);
        counter.advance(&PARAMS, START + micros);
        counter.refund(&PARAMS, START + micros, START, 5);
        // What is refilled since reduces the refund, so that three units are owed in exact arithmetic.
        assert!((3.0..3.000_001).contains(&counter.owed), "{} after {micros}", counter.owed);
    }
}
