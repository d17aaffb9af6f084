//! A cached denial denies what Redis would deny, and nothing else.

use super::*;

const NOW: u64 = 1_700_000_000_000_000;
const SECOND: u64 = 1_000_000;

fn fingerprint(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn denial(of: Option<u32>, wait: u64, slack: u64) -> CachedDenial {
    let params = DenialParams { fingerprint: of.map(fingerprint), wait, more: wait, reset: 2 * wait, slack };
    CachedDenial::new(&params, NOW)
}

/// Returns how long a request with this fingerprint is denied.
fn wait(cached: &CachedDenial, of: u32, after: u64) -> Option<u64> {
    cached.in_force(fingerprint(of), NOW + after).map(|denial| denial.wait)
}

#[test]
fn an_empty_slot_denies_nothing() {
    assert_eq!(wait(&CachedDenial::default(), 5, 0), None);
    assert!(CachedDenial::default().is_empty());
}

#[test]
fn the_wait_includes_the_slack_in_hundredths_of_a_second() {
    let cached = denial(Some(5), SECOND, 20_001);
    assert_eq!(wait(&cached, 5, SECOND - 1), Some(30_001));
    assert_eq!(wait(&cached, 5, SECOND), None);
}

#[test]
fn a_request_with_another_fingerprint_is_not_denied() {
    let cached = denial(Some(5), SECOND, 0);
    for other in [1, 4, 6, 500] {
        assert_eq!(wait(&cached, other, 0), None, "{other}");
    }
}

#[test]
fn a_denial_is_in_force_until_the_wait_is_over() {
    let cached = denial(Some(5), SECOND, 0);
    for (after, expected) in
        [(0, Some(SECOND)), (1, Some(SECOND - 1)), (SECOND - 1, Some(1)), (SECOND, None), (2 * SECOND, None)]
    {
        assert_eq!(wait(&cached, 5, after), expected, "after {after}");
    }
}

#[test]
fn a_denial_is_used_for_ten_seconds() {
    let cached = denial(Some(5), 3600 * SECOND, 0);
    assert_eq!(wait(&cached, 5, 10 * SECOND - 1), Some(3590 * SECOND + 1));
    assert_eq!(wait(&cached, 5, 10 * SECOND), None);
}

#[test]
fn a_block_denies_every_request() {
    let cached = denial(None, SECOND, 0);
    for of in [1, 5, 500, u32::MAX] {
        let denial = cached.in_force(fingerprint(of), NOW + 1).unwrap();
        assert!(denial.is_block);
        assert_eq!(denial.wait, SECOND - 1);
    }
    assert!(!self::denial(Some(5), SECOND, 0).in_force(fingerprint(5), NOW).unwrap().is_block);
}

#[test]
fn the_reset_counts_down_from_the_time_of_sending() {
    let cached = denial(Some(5), SECOND, 0);
    let reset = |after| cached.in_force(fingerprint(5), NOW + after).map(|denial| denial.reset);
    assert_eq!(reset(0), Some(2 * SECOND));
    assert_eq!(reset(SECOND / 2), Some(3 * SECOND / 2));
}

#[test]
fn a_denial_that_is_over_may_be_evicted_before_others() {
    let cached = denial(Some(5), SECOND, 0);
    assert!(!cached.is_empty());
    assert_eq!(cached.occupancy(&(), NOW + SECOND - 1), Occupancy { used: 1, capacity: 2 });
    assert_eq!(cached.occupancy(&(), NOW + SECOND), Occupancy { used: 0, capacity: 2 });
}
