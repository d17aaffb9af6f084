//! When the server is asked, and when it is left in peace.

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// A breaker whose server failed so often, all at this time.
fn failed(times: u32, now: Instant) -> Breaker {
    let breaker = Breaker::default();
    for _ in 0..times {
        breaker.failed(now);
    }
    breaker
}

#[test]
fn two_failures_close_nothing_and_three_do() {
    let now = Instant::now();
    for (failures, is_open) in [(0, true), (1, true), (2, true), (3, false)] {
        assert_eq!(failed(failures, now).admits(now), is_open, "after {failures}");
    }
}

#[test]
fn each_further_failure_doubles_the_rest_up_to_the_longest() {
    let now = Instant::now();
    for (failures, millis) in [(2, 0), (3, 250), (4, 500), (5, 1000), (6, 2000), (7, 4000), (8, 5000), (300, 5000)] {
        assert_eq!(failed(failures, now).rest(now), MILLI * millis, "after {failures}");
    }
}

#[test]
fn after_the_rest_one_request_tries_and_others_wait_for_its_word() {
    let now = Instant::now();
    let breaker = failed(3, now);
    assert!(!breaker.admits(now + MILLI * 249));
    let then = now + MILLI * 250;
    assert!(breaker.admits(then));
    assert!(!breaker.admits(then));
    // A try that nobody hears of again is repeated.
    assert!(!breaker.admits(then + MILLI * 249));
    assert!(breaker.admits(then + MILLI * 250));
}

#[test]
fn a_success_opens_it_and_forgets_the_failures() {
    let now = Instant::now();
    let breaker = failed(5, now);
    assert!(breaker.succeeded());
    assert!(!breaker.succeeded());
    assert!(breaker.admits(now));
    assert_eq!(breaker.rest(now), Duration::ZERO);
    assert!(!breaker.failed(now) && !breaker.failed(now));
    assert!(breaker.admits(now));
}

#[test]
fn a_success_between_failures_begins_the_count_anew() {
    let now = Instant::now();
    let breaker = failed(2, now);
    assert!(!breaker.succeeded());
    assert!(!breaker.failed(now) && !breaker.failed(now));
    assert!(breaker.admits(now));
    assert!(breaker.failed(now));
    assert!(!breaker.admits(now));
}

#[test]
fn that_it_closed_is_said_once() {
    let now = Instant::now();
    let breaker = Breaker::default();
    let said: Vec<_> = (0..6).map(|_| breaker.failed(now)).collect();
    assert_eq!(said, [false, false, true, false, false, false]);
}

#[test]
fn the_rest_is_what_is_left_of_it() {
    let now = Instant::now();
    let breaker = failed(3, now);
    assert_eq!(breaker.rest(now + MILLI * 100), MILLI * 150);
    assert_eq!(breaker.rest(now + MILLI * 400), Duration::ZERO);
}
