//! What one decision says of several charges.

use super::*;

const ASK: Charge = Charge { limit: 5, cost: 1, ..EMPTY };
const SHADOW: Charge = Charge { is_shadow: true, ..ASK };
const EMPTY: Charge = Charge {
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
    let decision = Decision::new(3);
    assert!(!decision.is_refused && !decision.is_blocked && !decision.is_reduced);
    assert_eq!((decision.wait(), decision.usages()), (Some(0), &[None; 3][..]));
    assert!((0..8).all(|index| !decision.has_exceeded(index)));
}

#[test]
fn the_longest_wait_is_told() {
    let mut decision = Decision::new(3);
    [(0, 5), (1, 9), (2, 7)].into_iter().for_each(|(index, wait)| decision.refuse(index, &ASK, Some(wait)));
    assert_eq!(decision.wait(), Some(9));
    decision.wait_for(8);
    assert_eq!(decision.wait(), Some(9));
    decision.wait_for(10);
    assert_eq!(decision.wait(), Some(10));
}

#[test]
fn what_never_fits_outweighs_every_wait() {
    let mut decision = Decision::new(3);
    decision.refuse(0, &ASK, Some(5));
    decision.refuse(1, &ASK, None);
    decision.refuse(2, &ASK, Some(9));
    assert!(decision.is_refused);
    assert_eq!(decision.wait(), None);
}

#[test]
fn exactly_the_asks_that_did_not_fit_have_exceeded() {
    for index in 0..8 {
        let mut decision = Decision::new(8);
        decision.refuse(index, &ASK, Some(1));
        assert_eq!((0..10).filter(|other| decision.has_exceeded(*other)).collect::<Vec<_>>(), [index]);
        assert!(decision.is_refused_by(index, &ASK));
        assert!(!decision.is_refused_by(index + 1, &ASK));
    }
}

#[test]
fn a_shadow_exceeds_and_refuses_nothing() {
    for wait in [Some(7), None] {
        let mut decision = Decision::new(1);
        decision.refuse(0, &SHADOW, wait);
        assert!(decision.has_exceeded(0) && !decision.is_refused && !decision.is_refused_by(0, &SHADOW));
        assert_eq!(decision.wait(), Some(0));
    }
}

#[test]
fn a_block_leaves_nothing_until_it_ends() {
    let mut decision = Decision::new(2);
    decision.refuse(0, &ASK, Some(3));
    decision.block(1, 8);
    assert!(decision.is_refused && decision.is_blocked && decision.has_exceeded(1));
    assert_eq!(decision.usages(), [None, Some(Usage { used: u32::MAX, reset: 8 })]);
    assert_eq!(decision.wait(), Some(8));
}

#[test]
fn an_ask_beyond_the_eighth_changes_nothing() {
    let mut decision = Decision::new(9);
    decision.set(8, Usage { used: 1, reset: 1 });
    decision.refuse(8, &ASK, Some(1));
    decision.refuse(usize::MAX, &ASK, Some(1));
    assert!((0..10).all(|index| !decision.has_exceeded(index)));
    assert_eq!(decision.usages(), []);
}

#[test]
fn a_block_takes_nothing_off_what_comes_back_later() {
    for (wait, reset) in [(8, 20), (30, 30)] {
        let mut decision = Decision::new(1);
        decision.set(0, Usage { used: 3, reset: 20 });
        decision.block(0, wait);
        assert_eq!(decision.usage(0), Some(Usage { used: u32::MAX, reset }), "blocked for {wait}");
    }
}

#[test]
fn an_ask_has_the_subject_of_its_hash() {
    assert_eq!(Charge { hash: 7, ..ASK }.subject(), 7);
}

#[cfg(feature = "redis")]
#[test]
fn a_subject_of_every_process_is_that_of_its_digest() {
    assert_eq!(Charge { hash: 7, digest: (1 << 64) + 9, ..ASK }.subject(), 9);
}

#[cfg(feature = "redis")]
#[test]
fn a_refusal_of_an_outage_waits_for_the_store_alone() {
    let mut decision = Decision::new(2);
    decision.refuse(0, &ASK, Some(90));
    decision.refuse(1, &ASK, None);
    decision.reduce(40);
    assert!(decision.is_reduced);
    assert_eq!(decision.wait(), Some(40));
}
