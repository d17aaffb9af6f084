//! Blocks, their lengths, and how they are forgotten.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000_000;
const PARAMS: BlockParams = BlockParams { first: MINUTE, longest: 10 * MINUTE, readmits: true };
const START: u64 = 1_700_000_000_000_000;

/// Blocks the subject at this time, and returns for how long.
fn block(penalty: &mut Penalty, now: u64) -> u64 {
    penalty.advance(&PARAMS, now);
    penalty.block(&PARAMS, now);
    penalty.remaining(now)
}

fn used(penalty: &Penalty, now: u64) -> u32 {
    penalty.occupancy(&PARAMS, now).used
}

#[test]
fn each_block_is_twice_as_long_as_the_one_before_up_to_the_longest() {
    let mut penalty = Penalty::default();
    let mut now = START;
    for minutes in [1, 2, 4, 8, 10, 10] {
        let length = block(&mut penalty, now);
        assert_eq!(length, minutes * MINUTE);
        now += length;
    }
}

#[test]
fn a_subject_is_blocked_until_the_block_ends() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    for (after, occupied, remaining) in [(0, 2, MINUTE), (MINUTE - 1, 2, 1), (MINUTE, 1, 0), (MINUTE + 1, 1, 0)] {
        penalty.advance(&PARAMS, START + after);
        assert_eq!(penalty.remaining(START + after), remaining, "after {after}");
        assert_eq!(used(&penalty, START + after), occupied, "after {after}");
    }
}

#[test]
fn a_block_during_a_block_does_not_lengthen_it() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    assert_eq!(block(&mut penalty, START + MINUTE / 2), MINUTE / 2);
    assert_eq!(block(&mut penalty, START + MINUTE), 2 * MINUTE);
}

#[test]
fn blocks_are_forgotten_after_as_long_as_the_longest_without_one() {
    for (free, next) in [(10 * MINUTE - 1, 2 * MINUTE), (10 * MINUTE, MINUTE)] {
        let mut penalty = Penalty::default();
        let length = block(&mut penalty, START);
        assert_eq!(block(&mut penalty, START + length + free), next, "after {free}");
    }
}

#[test]
fn a_forgotten_block_leaves_the_slot_empty() {
    let mut penalty = Penalty::default();
    assert!(penalty.is_empty());
    block(&mut penalty, START);
    assert!(!penalty.is_empty());
    penalty.advance(&PARAMS, START + 11 * MINUTE);
    assert!(penalty.is_empty());
    assert_eq!(used(&penalty, START + 11 * MINUTE), 0);
}

#[test]
fn a_blocked_subject_fills_its_slot_and_past_blocks_do_not() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    assert_eq!(penalty.occupancy(&PARAMS, START), Occupancy { used: 2, capacity: 2 });
    assert_eq!(penalty.occupancy(&PARAMS, START + MINUTE), Occupancy { used: 1, capacity: 2 });
    assert_eq!(penalty.occupancy(&PARAMS, START + 11 * MINUTE), Occupancy { used: 0, capacity: 2 });
}

proptest! {
    #[test]
    fn no_block_outlasts_its_length_when_the_clock_goes_back(back in 0..START, before in 1..12_u32) {
        let mut penalty = Penalty::default();
        let mut now = START;
        let mut length = 0;
        for _ in 0..before {
            length = block(&mut penalty, now);
            now += length;
        }
        now -= length;
        penalty.advance(&PARAMS, now - back);
        prop_assert_eq!(penalty.remaining(now - back), length);
    }

    #[test]
    fn no_length_overflows(blocks in 0..400_u32, first in 1..u64::MAX, longest in 1..u64::MAX, now in 0..u64::MAX) {
        let params = BlockParams { first, longest, readmits: true };
        let mut penalty = Penalty::default();
        let mut at = now;
        for _ in 0..blocks {
            penalty.advance(&params, at);
            penalty.block(&params, at);
            at = at.saturating_add(penalty.remaining(at));
        }
        penalty.advance(&params, u64::MAX);
        prop_assert!(penalty.remaining(now) <= u64::MAX - now);
        penalty.advance(&params, now);
        prop_assert!(penalty.remaining(now) <= longest);
    }
}
