//! Decisions about several charges.

use super::*;

const CHARGE: Charge = Charge { limit: 5, cost: 1, ..EMPTY };
const SHADOW: Charge = Charge { is_shadow: true, ..CHARGE };
const EMPTY: Charge = Charge {
    rule_index: 0,
    quota_index: 0,
    is_shadow: false,
    reports_more: false,
    readmits: false,
    limit: 0,
    full_limit: 0,
    cost: 0,
    hash: 0,
    #[cfg(feature = "redis")]
    digest: 0,
    #[cfg(feature = "redis")]
    redis_charged_at: 0,
};

#[test]
fn a_new_decision_admits() {
    let decision = Decision::admit(3);
    assert!(!decision.is_rejected && !decision.is_blocked && !decision.is_outage);
    assert_eq!(decision.wait(), Some(0));
    assert!((0..8).all(|index| decision.usage(index).is_none()));
    assert!((0..8).all(|index| !decision.has_exceeded(index)) && !decision.has_any_exceeded());
    assert!((0..8).all(|index| !decision.starts_block(index)));
}

#[test]
fn the_longest_wait_is_reported() {
    let mut decision = Decision::admit(3);
    [(0, 5), (1, 9), (2, 7)].into_iter().for_each(|(index, wait)| decision.exceed(index, &CHARGE, Some(wait)));
    assert_eq!(decision.wait(), Some(9));
    decision.wait_at_least(8);
    assert_eq!(decision.wait(), Some(9));
    decision.wait_at_least(10);
    assert_eq!(decision.wait(), Some(10));
}

#[test]
fn a_charge_that_never_fits_has_precedence_over_every_wait() {
    let mut decision = Decision::admit(3);
    decision.exceed(0, &CHARGE, Some(5));
    decision.exceed(1, &CHARGE, None);
    decision.exceed(2, &CHARGE, Some(9));
    assert!(decision.is_rejected);
    assert_eq!(decision.wait(), None);
}

#[test]
fn only_charges_that_exceed_their_limit_are_marked() {
    for index in 0..8 {
        let mut decision = Decision::admit(8);
        decision.exceed(index, &CHARGE, Some(1));
        assert_eq!((0..10).filter(|other| decision.has_exceeded(*other)).collect::<Vec<_>>(), [index]);
        assert!(decision.is_rejected_by(index, &CHARGE));
        assert!(!decision.is_rejected_by(index + 1, &CHARGE));
    }
}

#[test]
fn a_shadow_limit_is_exceeded_without_rejecting() {
    for wait in [Some(7), None] {
        let mut decision = Decision::admit(1);
        decision.exceed(0, &SHADOW, wait);
        assert!(decision.has_exceeded(0) && decision.has_any_exceeded());
        assert!(!decision.is_rejected && !decision.is_rejected_by(0, &SHADOW));
        assert_eq!(decision.wait(), Some(0));
    }
}

#[test]
fn a_block_leaves_no_units_until_it_ends() {
    let mut decision = Decision::admit(2);
    decision.exceed(0, &CHARGE, Some(3));
    decision.block(1, &CHARGE, 8);
    assert!(decision.is_rejected && decision.is_blocked && decision.has_exceeded(1));
    assert_eq!([0, 1].map(|index| decision.usage(index)), [None, Some(Usage { used: u32::MAX, more: 8, reset: 8 })]);
    assert_eq!(decision.wait(), Some(8));
}

#[test]
fn only_charges_whose_rejection_starts_a_block_are_marked() {
    for (first, second) in [(0, 7), (3, 2), (5, 5)] {
        let mut decision = Decision::admit(8);
        decision.start_block(first);
        decision.start_block(second);
        let marked: Vec<_> = (0..10).filter(|index| decision.starts_block(*index)).collect();
        assert!(marked.iter().all(|index| [first, second].contains(index)), "{marked:?}");
        assert!(marked.contains(&first) && marked.contains(&second), "{marked:?}");
    }
}

#[test]
fn a_ninth_charge_changes_nothing() {
    let mut decision = Decision::admit(9);
    decision.set_usage(8, Usage { used: 1, more: 1, reset: 1 });
    decision.exceed(8, &CHARGE, Some(1));
    decision.exceed(usize::MAX, &CHARGE, Some(1));
    assert!((0..10).all(|index| !decision.has_exceeded(index)));
    assert!((0..10).all(|index| decision.usage(index).is_none()));
}

#[test]
fn a_block_does_not_shorten_the_reset() {
    for (wait, reset) in [(8, 20), (30, 30)] {
        let mut decision = Decision::admit(1);
        decision.set_usage(0, Usage { used: 3, more: 15, reset: 20 });
        decision.block(0, &CHARGE, wait);
        assert_eq!(decision.usage(0), Some(Usage { used: u32::MAX, more: wait, reset }), "blocked for {wait}");
    }
}

#[test]
fn after_a_block_more_is_available_only_if_the_limit_is_not_used_up() {
    for (used, cost, more) in [(4, 1, 8), (5, 1, 15), (6, 1, 15), (5, 0, 8)] {
        let mut decision = Decision::admit(1);
        decision.set_usage(0, Usage { used, more: 15, reset: 20 });
        decision.block(0, &Charge { cost, ..CHARGE }, 8);
        assert_eq!(decision.usage(0), Some(Usage { used: u32::MAX, more, reset: 20 }), "{used} used");
    }
}

#[test]
fn without_redis_the_hash_identifies_the_subject() {
    assert_eq!(Charge { hash: 7, ..CHARGE }.subject(), 7);
}

#[cfg(feature = "redis")]
#[test]
fn with_redis_the_digest_identifies_the_subject() {
    assert_eq!(Charge { hash: 7, digest: (1 << 64) + 9, ..CHARGE }.subject(), 9);
}

#[cfg(feature = "redis")]
#[test]
fn a_rejection_by_an_outage_waits_only_for_the_store() {
    let mut decision = Decision::admit(2);
    decision.set_usage(0, Usage { used: 5, more: 90, reset: 90 });
    decision.exceed(0, &CHARGE, Some(90));
    decision.exceed(1, &CHARGE, None);
    decision.blame_outage(40);
    assert!(decision.is_outage);
    assert_eq!((decision.wait(), decision.usage(0)), (Some(40), Some(Usage { used: 5, more: 40, reset: 90 })));
}

#[test]
fn an_unavailable_store_is_reported_with_what_to_do() {
    let text = StoreUnavailable.to_string();
    assert!(text.contains("unavailable") && text.ends_with("try again later"), "{text}");
}
