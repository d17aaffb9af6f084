//! Decisions of several limits at once, and of threads that wait for one another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::*;

const MINUTE: u64 = 60_000_000;
const NOW: u64 = 1_700_000_000_000_000;

fn seat(store: &MemoryStore, name: &str, algorithm: Algorithm, limit: u32) -> LimitTables {
    let params = WindowParams::new(algorithm, limit, MINUTE);
    LimitTables { counts: store.counts(name, algorithm, params).1, penalties: None }
}

fn charge(rule: u8, limit: u32, cost: u32) -> Charge {
    Charge { rule, limit, cost, hash: 7, ..Charge::default() }
}

/// What threads that hit one limit at once are admitted, and what is then in use; each look at the clock takes a
/// microsecond.
fn stampede(algorithm: Algorithm, limit: u32, gives_back: bool) -> (u64, u32, u64) {
    let seats = [seat(&MemoryStore::with_subjects(8), "limit", algorithm, limit)];
    let clock = AtomicU64::new(NOW);
    let clock = || clock.fetch_add(1, Ordering::SeqCst);
    let one = charge(0, limit, 1);
    let caller = || {
        let mut admitted = 0;
        for _ in 0..20_000 {
            let decision = decide(&seats, &[one], &clock);
            if !decision.is_refused {
                admitted += 1;
                if gives_back {
                    refund(&seats[0], &one, &clock, decision.now);
                }
            }
        }
        admitted
    };
    let admitted = thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    (admitted, peek(&seats[0], &one, &clock).0.used, clock() - NOW)
}

#[test]
fn threads_that_wait_for_one_another_give_back_all_that_they_were_charged() {
    // Of a bucket, what flowed back in between may have been another's.
    for algorithm in [Algorithm::SlidingLog, Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        assert_eq!(stampede(algorithm, 128, true).1, 0, "{algorithm:?}");
    }
}

#[test]
fn threads_that_wait_for_one_another_get_nothing_back_twice() {
    let limit = 6_000_000;
    let (admitted, _, elapsed) = stampede(Algorithm::TokenBucket, limit / 10, false);
    assert_eq!(admitted, 160_000);
    let (admitted, _, _) = stampede(Algorithm::TokenBucket, 1_000, false);
    let most = 1_000 + elapsed * 1_000 / MINUTE;
    assert!(admitted <= most, "{admitted} of {most}");
}

#[test]
fn what_one_limit_refuses_is_charged_to_none() {
    let store = MemoryStore::with_subjects(8);
    let seats = ["a", "b", "c"].map(|name| seat(&store, name, Algorithm::SlidingLog, 5));
    let charges = [charge(0, 5, 1), charge(1, 2, 1), charge(2, 5, 1)];
    for _ in 0..2 {
        assert!(!decide(&seats, &charges, &|| NOW).is_refused);
    }
    let decision = decide(&seats, &charges, &|| NOW);
    assert!(decision.is_refused && decision.has_exceeded(1) && !decision.has_exceeded(0) && !decision.has_exceeded(2));
    assert_eq!(decision.wait(), Some(MINUTE));
    assert_eq!(decision.usages().iter().flatten().map(|usage| usage.used).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn all_limits_are_charged_as_of_when_the_last_was_locked() {
    let store = MemoryStore::with_subjects(8);
    let seats = ["a", "b"].map(|name| seat(&store, name, Algorithm::SlidingLog, 5));
    let charges = [charge(0, 5, 1), charge(1, 5, 1)];
    let clock = AtomicU64::new(NOW);
    let clock = || clock.fetch_add(1, Ordering::SeqCst);
    let decision = decide(&seats, &charges, &clock);
    assert_eq!(decision.now, NOW + 1);
    for (seat, charge) in seats.iter().zip(&charges) {
        refund(seat, charge, &clock, decision.now);
        assert_eq!(peek(seat, charge, &clock).0, Usage::default());
    }
}

#[test]
fn a_cost_of_more_than_the_limit_is_impossible_and_one_of_zero_only_looks() {
    let store = MemoryStore::with_subjects(8);
    let seats = [seat(&store, "a", Algorithm::SlidingLog, 5)];
    assert_eq!(decide(&seats, &[charge(0, 5, 6)], &|| NOW).wait(), None);
    assert!(!decide(&seats, &[charge(0, 5, 5)], &|| NOW).is_refused);
    assert!(!decide(&seats, &[charge(0, 5, 0)], &|| NOW).is_refused);
    assert_eq!(peek(&seats[0], &charge(0, 5, 0), &|| NOW).0.used, 5);
}

#[test]
fn the_highest_limit_there_is_admits_no_more_than_it_says() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let seats = [seat(&MemoryStore::with_subjects(8), "a", algorithm, u32::MAX)];
        let fits = |cost| !decide(&seats, &[charge(0, u32::MAX, cost)], &|| NOW).is_refused;
        assert!(fits(u32::MAX) && fits(0) && !fits(1), "{algorithm:?}");
    }
}

#[test]
fn limits_of_one_name_count_together_where_they_are_of_one_kind() {
    let store = MemoryStore::with_subjects(8);
    let place =
        |name: &str, algorithm, limit| store.counts(name, algorithm, WindowParams::new(algorithm, limit, MINUTE)).0;
    assert_eq!(place("a", Algorithm::SlidingLog, 5), place("a", Algorithm::SlidingLog, 8));
    assert_eq!(place("a", Algorithm::FixedWindow, 5), place("a", Algorithm::FixedWindow, 500));
    assert_ne!(place("a", Algorithm::SlidingLog, 8), place("a", Algorithm::SlidingLog, 9));
    assert_ne!(place("a", Algorithm::SlidingLog, 8), place("b", Algorithm::SlidingLog, 8));
    assert_ne!(place("a", Algorithm::SlidingWindow, 5), place("a", Algorithm::FixedWindow, 5));
    assert_ne!(place("a", Algorithm::SlidingWindow, 65_535), place("a", Algorithm::SlidingWindow, 65_536));
}
