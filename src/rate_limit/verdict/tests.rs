//! What one verdict says of several asks.

use super::*;

const ASK: Ask = Ask { limit: 5, cost: 1, ..EMPTY };
const SHADOW: Ask = Ask { is_shadow: true, ..ASK };
const EMPTY: Ask = Ask {
    rule: 0,
    grade: 0,
    is_shadow: false,
    limit: 0,
    whole: 0,
    cost: 0,
    hash: 0,
    #[cfg(feature = "redis")]
    digest: 0,
    #[cfg(feature = "redis")]
    then: 0,
};

#[test]
fn a_verdict_refuses_nothing_until_told() {
    let verdict = Verdict::new(3);
    assert!(!verdict.is_refused && !verdict.is_blocked && !verdict.is_reduced);
    assert_eq!((verdict.wait(), verdict.tallies()), (Some(0), &[None; 3][..]));
    assert!((0..8).all(|index| !verdict.has_exceeded(index)));
}

#[test]
fn the_longest_wait_is_told() {
    let mut verdict = Verdict::new(3);
    [(0, 5), (1, 9), (2, 7)].into_iter().for_each(|(index, wait)| verdict.refuse(index, &ASK, Some(wait)));
    assert_eq!(verdict.wait(), Some(9));
    verdict.wait_for(8);
    assert_eq!(verdict.wait(), Some(9));
    verdict.wait_for(10);
    assert_eq!(verdict.wait(), Some(10));
}

#[test]
fn what_never_fits_outweighs_every_wait() {
    let mut verdict = Verdict::new(3);
    verdict.refuse(0, &ASK, Some(5));
    verdict.refuse(1, &ASK, None);
    verdict.refuse(2, &ASK, Some(9));
    assert!(verdict.is_refused);
    assert_eq!(verdict.wait(), None);
}

#[test]
fn exactly_the_asks_that_did_not_fit_have_exceeded() {
    for index in 0..8 {
        let mut verdict = Verdict::new(8);
        verdict.refuse(index, &ASK, Some(1));
        assert_eq!((0..10).filter(|other| verdict.has_exceeded(*other)).collect::<Vec<_>>(), [index]);
        assert!(verdict.is_refused_by(index, &ASK));
        assert!(!verdict.is_refused_by(index + 1, &ASK));
    }
}

#[test]
fn a_shadow_exceeds_and_refuses_nothing() {
    for wait in [Some(7), None] {
        let mut verdict = Verdict::new(1);
        verdict.refuse(0, &SHADOW, wait);
        assert!(verdict.has_exceeded(0) && !verdict.is_refused && !verdict.is_refused_by(0, &SHADOW));
        assert_eq!(verdict.wait(), Some(0));
    }
}

#[test]
fn a_block_leaves_nothing_until_it_ends() {
    let mut verdict = Verdict::new(2);
    verdict.refuse(0, &ASK, Some(3));
    verdict.block(1, 8);
    assert!(verdict.is_refused && verdict.is_blocked && verdict.has_exceeded(1));
    assert_eq!(verdict.tallies(), [None, Some(Tally { used: u32::MAX, reset: 8 })]);
    assert_eq!(verdict.wait(), Some(8));
}

#[test]
fn an_ask_beyond_the_eighth_changes_nothing() {
    let mut verdict = Verdict::new(9);
    verdict.set(8, Tally { used: 1, reset: 1 });
    verdict.refuse(8, &ASK, Some(1));
    verdict.refuse(usize::MAX, &ASK, Some(1));
    assert!((0..10).all(|index| !verdict.has_exceeded(index)));
    assert_eq!(verdict.tallies(), []);
}

#[test]
fn a_block_takes_nothing_off_what_comes_back_later() {
    for (wait, reset) in [(8, 20), (30, 30)] {
        let mut verdict = Verdict::new(1);
        verdict.set(0, Tally { used: 3, reset: 20 });
        verdict.block(0, wait);
        assert_eq!(verdict.tally(0), Some(Tally { used: u32::MAX, reset }), "blocked for {wait}");
    }
}

#[test]
fn an_ask_has_the_subject_of_its_hash() {
    assert_eq!(Ask { hash: 7, ..ASK }.subject(), 7);
}

#[cfg(feature = "redis")]
#[test]
fn a_subject_of_every_process_is_that_of_its_digest() {
    assert_eq!(Ask { hash: 7, digest: (1 << 64) + 9, ..ASK }.subject(), 9);
}

#[cfg(feature = "redis")]
#[test]
fn a_refusal_of_an_outage_waits_for_the_store_alone() {
    let mut verdict = Verdict::new(2);
    verdict.refuse(0, &ASK, Some(90));
    verdict.refuse(1, &ASK, None);
    verdict.reduce(40);
    assert!(verdict.is_reduced);
    assert_eq!(verdict.wait(), Some(40));
}
