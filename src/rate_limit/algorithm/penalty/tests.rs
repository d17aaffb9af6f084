//! Blocks, their lengths and how they are forgotten.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000_000;
const PARAMS: WindowParams = WindowParams { limit: 1, window: MINUTE, step: 10 * MINUTE };
const START: u64 = 1_700_000_000_000_000;

/// Blocks the subject at this time, and says for how long.
fn block(penalty: &mut Penalty, now: u64) -> u64 {
    penalty.settle(&PARAMS, now);
    penalty.charge(&PARAMS, now, 1);
    penalty.wait(&PARAMS, now, 1)
}

#[test]
fn each_block_is_twice_as_long_as_the_one_before_up_to_the_longest() {
    let (mut penalty, mut now) = (Penalty::default(), START);
    for minutes in [1, 2, 4, 8, 10, 10] {
        let length = block(&mut penalty, now);
        assert_eq!(length, minutes * MINUTE);
        now += length;
    }
}

#[test]
fn a_subject_is_blocked_until_the_end_and_no_longer() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    for (now, used, wait) in [(0, 2, MINUTE), (MINUTE - 1, 2, 1), (MINUTE, 1, 0), (MINUTE + 1, 1, 0)] {
        penalty.settle(&PARAMS, START + now);
        assert_eq!((penalty.used(), penalty.wait(&PARAMS, START + now, 1)), (used, wait), "after {now}");
        assert_eq!(penalty.reset(&PARAMS, START + now), wait);
    }
}

#[test]
fn blocks_are_forgotten_once_the_subject_was_free_for_as_long_as_the_longest() {
    for (free, next) in [(10 * MINUTE - 1, 2 * MINUTE), (10 * MINUTE, MINUTE)] {
        let mut penalty = Penalty::default();
        let length = block(&mut penalty, START);
        assert_eq!(block(&mut penalty, START + length + free), next, "after {free}");
    }
}

#[test]
fn a_forgotten_block_leaves_nothing_in_use() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    penalty.settle(&PARAMS, START + 11 * MINUTE);
    assert_eq!(penalty.used(), 0);
}

#[test]
fn a_block_can_be_lifted() {
    for lift in [|penalty: &mut Penalty| penalty.forgive(1), |penalty: &mut Penalty| penalty.refund(&PARAMS, 1, 1, 1)] {
        let mut penalty = Penalty::default();
        block(&mut penalty, START);
        lift(&mut penalty);
        assert_eq!((penalty.used(), penalty.wait(&PARAMS, START, 1)), (0, 0));
        assert_eq!(block(&mut penalty, START), MINUTE);
    }
}

#[test]
fn a_subject_with_a_past_may_be_driven_out_and_a_blocked_one_may_not() {
    let mut penalty = Penalty::default();
    block(&mut penalty, START);
    assert_eq!(penalty.used(), penalty.limit());
    penalty.settle(&PARAMS, START + MINUTE);
    assert!(penalty.used() < penalty.limit());
}

proptest! {
    #[test]
    fn no_block_outlasts_its_length_when_the_clock_goes_back(back in 0..START, before in 1..12_u32) {
        let mut penalty = Penalty::default();
        let length = (0..before).fold(0, |_, _| block(&mut penalty, START));
        let now = START - back;
        penalty.settle(&PARAMS, now);
        prop_assert_eq!(penalty.wait(&PARAMS, now, 1), length);
    }

    #[test]
    fn no_length_overflows(blocks in 0..400_u32, window in 1..u64::MAX, step in 1..u64::MAX, now in 0..u64::MAX) {
        let params = WindowParams { limit: 1, window, step };
        let mut penalty = Penalty::default();
        for _ in 0..blocks {
            penalty.settle(&params, now);
            penalty.charge(&params, now, 1);
        }
        penalty.settle(&params, u64::MAX);
        prop_assert!(penalty.wait(&params, now, 1) <= step);
    }
}
