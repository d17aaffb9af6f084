//! When calls are allowed, and when the circuit breaker is open.

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// Returns a breaker after this many failures at this time.
fn failed(times: u32, now: Instant) -> CircuitBreaker {
    let breaker = CircuitBreaker::default();
    for _ in 0..times {
        breaker.record_failure(now);
    }
    breaker
}

#[test]
fn three_failures_open_the_breaker() {
    let now = Instant::now();
    for (failures, is_open) in [(0, false), (1, false), (2, false), (3, true)] {
        assert_eq!(!failed(failures, now).allows_call(now), is_open, "after {failures}");
    }
}

#[test]
fn each_further_failure_doubles_the_time_up_to_the_longest() {
    let now = Instant::now();
    for (failures, millis) in [(2, 0), (3, 250), (4, 500), (5, 1000), (6, 2000), (7, 4000), (8, 5000), (300, 5000)] {
        assert_eq!(failed(failures, now).retry_after(now), MILLI * millis, "after {failures}");
    }
}

#[test]
fn after_that_time_one_request_tries_and_others_wait() {
    let now = Instant::now();
    let breaker = failed(3, now);
    assert!(!breaker.allows_call(now + MILLI * 249));
    let then = now + MILLI * 250;
    assert!(breaker.allows_call(then));
    assert!(!breaker.allows_call(then));
    // If the try reports no result, another follows.
    assert!(!breaker.allows_call(then + MILLI * 249));
    assert!(breaker.allows_call(then + MILLI * 250));
}

#[test]
fn a_success_closes_the_breaker_and_resets_the_failures() {
    let now = Instant::now();
    let breaker = failed(5, now);
    assert!(breaker.record_success());
    assert!(!breaker.record_success());
    assert!(breaker.allows_call(now));
    assert_eq!(breaker.retry_after(now), Duration::ZERO);
    assert!(!breaker.record_failure(now) && !breaker.record_failure(now));
    assert!(breaker.allows_call(now));
}

#[test]
fn a_success_between_failures_restarts_the_count() {
    let now = Instant::now();
    let breaker = failed(2, now);
    assert!(!breaker.record_success());
    assert!(!breaker.record_failure(now) && !breaker.record_failure(now));
    assert!(breaker.allows_call(now));
    assert!(breaker.record_failure(now));
    assert!(!breaker.allows_call(now));
}

#[test]
fn opening_is_reported_once() {
    let now = Instant::now();
    let breaker = CircuitBreaker::default();
    let reported: Vec<_> = (0..6).map(|_| breaker.record_failure(now)).collect();
    assert_eq!(reported, [false, false, true, false, false, false]);
}

#[test]
fn retry_after_counts_down() {
    let now = Instant::now();
    let breaker = failed(3, now);
    assert_eq!(breaker.retry_after(now + MILLI * 100), MILLI * 150);
    assert_eq!(breaker.retry_after(now + MILLI * 400), Duration::ZERO);
}

#[test]
fn in_a_cluster_the_breakers_are_apart_and_only_the_first_and_the_last_are_reported() {
    let now = Instant::now();
    let breakers = CircuitBreakers::new(true);
    let [one, other] = ["1", "2"].map(HashSlot::of);
    let fail = |slot| (0..3).map(|_| breakers.record_failure(slot, now)).collect::<Vec<_>>();
    assert_eq!(fail(one), [false, false, true]);
    assert!(!breakers.allows_call(one, now) && breakers.allows_call(other, now));
    assert_eq!((breakers.retry_after(one, now), breakers.retry_after(other, now)), (MILLI * 250, Duration::ZERO));
    assert_eq!(fail(other), [false; 3], "another breaker is open");
    assert!(!breakers.record_success(one), "another breaker is open");
    assert!(breakers.record_success(other));
    assert!(!breakers.record_success(other), "no breaker was open");
    assert_eq!(fail(other), [false, false, true]);
}

#[test]
fn a_server_has_one_breaker_for_all_slots() {
    let now = Instant::now();
    let breakers = CircuitBreakers::new(false);
    for _ in 0..3 {
        breakers.record_failure(HashSlot::of("1"), now);
    }
    assert!(!breakers.allows_call(HashSlot::of("2"), now));
}
