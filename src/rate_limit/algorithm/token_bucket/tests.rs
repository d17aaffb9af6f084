//! Even flow, beside whole numbers that do not round.

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::tests::{Caller, Kind, START, Step, WINDOWS, steps};

fn pasts() -> impl Strategy<Value = (u32, u64, Vec<Step>)> {
    (1..=300_u32, prop::sample::select(&WINDOWS[..]))
        .prop_flat_map(|(limit, window)| (Just(limit), Just(window), steps(limit, window)))
}

/// The span in which more was admitted than the limit and what flowed back meanwhile, in numbers that do not round.
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
    fn no_span_admits_more_than_the_limit_and_what_flowed_back((limit, window, steps) in pasts()) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        steps.into_iter().for_each(|step| caller.take(step));
        prop_assert_eq!(excess(&caller), None);
    }

    #[test]
    fn who_takes_each_unit_as_soon_as_it_is_said_to_come_gets_no_more(
        (limit, window, _) in pasts(),
        costs in prop::collection::vec(1..=3_u32, 1..60),
    ) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        caller.charge(limit);
        for cost in costs.into_iter().filter(|cost| *cost <= limit) {
            // A microsecond before, it may fit; never before it has flowed back.
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
    fn little_less_than_told_is_too_little((limit, _, steps) in pasts(), share in 0.0..=1.0_f64) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, 3_600_000_000);
        steps.into_iter().for_each(|step| caller.take(step));
        let cost = (f64::from(limit) * share) as u32;
        let (wait, reset) = (caller.wait(cost), caller.reset());
        prop_assert!(wait < 5 || !caller.after(wait - 5).fits(cost));
        prop_assert!(reset < 5 || caller.after(reset - 5).used() > 0);
    }

    #[test]
    fn a_refund_never_gives_back_more_than_the_charge(
        (limit, window, steps) in pasts(),
        cost in 1..=300_u32,
        pause in 0.0..=2.0_f64,
    ) {
        let mut caller = Caller::of(Kind::TokenBucket, limit, window);
        steps.into_iter().for_each(|step| caller.take(step));
        let cost = cost.min(limit);
        let mut never = caller.fork();
        if caller.charge(cost) {
            let pause = (window as f64 * pause) as u64;
            (caller.now, never.now) = (caller.now + pause, never.now + pause);
            caller.take(Step::Refund(0));
            prop_assert!(caller.used() >= never.used());
        }
    }
}

const PARAMS: WindowParams = WindowParams { limit: 10, window: 1_000_000, step: 1_000_000 };

fn charged(units: u32) -> TokenBucket {
    let mut count = TokenBucket::default();
    count.settle(&PARAMS, START);
    count.charge(&PARAMS, START, units);
    count
}

#[test]
fn a_unit_flows_back_each_share_of_the_window() {
    let mut count = charged(10);
    for (micros, used) in [(0, 10), (99_999, 10), (100_001, 9), (500_001, 5), (999_999, 1), (1_000_001, 0)] {
        count.settle(&PARAMS, START + micros);
        assert_eq!(count.used(), used, "after {micros}");
    }
}

#[test]
fn a_begun_unit_counts_whole() {
    let mut count = charged(3);
    count.settle(&PARAMS, START + 50_000);
    assert_eq!(count.used(), 3);
    assert_eq!(count.wait(&PARAMS, START + 50_000, 8), 50_002);
    assert_eq!(count.reset(&PARAMS, START + 50_000), 250_002);
}

#[test]
fn a_refund_gives_back_what_has_not_flowed_back() {
    for (micros, used) in [(0, 3), (50_000, 3), (200_000, 3), (450_000, 3), (600_000, 2), (2_000_000, 0)] {
        let mut count = charged(3);
        count.charge(&PARAMS, START, 5);
        count.settle(&PARAMS, START + micros);
        count.refund(&PARAMS, START + micros, START, 5);
        count.settle(&PARAMS, START + micros + 1);
        assert_eq!(count.used(), used, "after {micros}");
    }
}

#[test]
fn forgiven_units_are_off_the_debt_and_not_below_none() {
    let mut count = charged(5);
    count.forgive(2);
    assert_eq!(count.used(), 3);
    count.forgive(9);
    assert_eq!(count.used(), 0);
    count.charge(&PARAMS, START, 1);
    assert_eq!(count.used(), 1);
}

#[test]
fn a_lower_tier_pays_the_debt_at_its_own_rate() {
    let mut count = charged(10);
    let lower = PARAMS.with_limit(5);
    count.settle(&lower, START);
    assert_eq!((count.used(), count.limit()), (10, 5));
    assert_eq!(count.wait(&lower, START, 1), 1_200_002);
    count.settle(&lower, START + 1_000_000);
    assert_eq!(count.used(), 6);
}

#[test]
fn a_debt_that_a_lower_tier_never_pays_is_waited_for_to_the_end_of_time() {
    let (high, low) = (u32::MAX, 1);
    let params = WindowParams { limit: high, window: 366 * 86_400_000_000, step: 1 };
    let mut bucket = TokenBucket::default();
    bucket.settle(&params, START);
    bucket.charge(&params, START, high);
    let params = params.with_limit(low);
    bucket.settle(&params, START);
    assert_eq!((bucket.reset(&params, START), bucket.wait(&params, START, 1)), (u64::MAX, u64::MAX));
}
