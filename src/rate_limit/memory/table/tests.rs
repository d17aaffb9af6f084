//! Which subjects are stored, evicted, and never evicted.

use super::*;
use crate::rate_limit::algorithm::fixed_window::FixedWindow;
use crate::rate_limit::algorithm::penalty::{BlockParams, Penalty};
use crate::rate_limit::algorithm::{Counter, WindowParams};
use crate::rate_limit::decision::{Charge, Decision};
use crate::rate_limit::memory::counter_table::CounterTable;

const PARAMS: WindowParams = WindowParams { limit: 4, window: 1_000, step: 1_000 };
const NOW: u64 = 1_000_000;
const OVERFLOW_SLOTS: usize = 256;

/// Returns a table with one set of eight ways.
fn one_set() -> Table<FixedWindow> {
    with_sets(1)
}

fn with_sets(sets: usize) -> Table<FixedWindow> {
    Table::new(sets, OVERFLOW_SLOTS, PARAMS)
}

/// Returns the set in which a subject is stored.
fn set_of(table: &Table<FixedWindow>, hash: u64) -> Option<(usize, usize)> {
    let mut found = None;
    for (shard, sets) in table.shards().iter().enumerate() {
        let mut sets = sets.0.lock().unwrap();
        for set in 0..table.sets_per_shard {
            if sets.get(set).is_some_and(|set| set.find(Tag::of(hash)).is_some()) {
                found = Some((shard, set));
            }
        }
    }
    found
}

/// Charges units under a limit of four, and returns how many are in use then.
fn used(table: &Table<FixedWindow>, hash: u64, units: u32, now: u64) -> u32 {
    let mut used = 0;
    table.access(hash, &|| now, |counter, now| {
        counter.advance(&PARAMS, now);
        if units > 0 {
            counter.charge(&PARAMS, now, units);
        }
        used = counter.used();
    });
    used
}

fn is_stored(table: &Table<FixedWindow>, hash: u64) -> bool {
    set_of(table, hash).is_some()
}

fn fill(table: &Table<FixedWindow>, units: [u32; 8]) {
    for (hash, units) in (1..).zip(units) {
        used(table, hash, units, NOW);
    }
}

/// Returns which of eight subjects a ninth one evicts.
fn evicted(table: &Table<FixedWindow>, now: u64) -> Vec<u64> {
    used(table, 99, 1, now);
    (1..=8).filter(|hash| !is_stored(table, *hash)).collect()
}

#[test]
fn a_subject_is_found_again_among_others() {
    let table = one_set();
    fill(&table, [1, 2, 3, 4, 1, 2, 3, 4]);
    for (hash, units) in (1..).zip([1, 2, 3, 4, 1, 2, 3, 4]) {
        assert_eq!(used(&table, hash, 0, NOW), units, "subject {hash}");
    }
}

#[test]
fn an_empty_way_is_used_before_a_subject_is_evicted() {
    let table = one_set();
    fill(&table, [1; 8]);
    table.remove(5);
    assert_eq!(evicted(&table, NOW), [5]);
    assert!(is_stored(&table, 99));
}

#[test]
fn a_subject_with_nothing_in_use_is_evicted_first() {
    let table = one_set();
    fill(&table, [1; 8]);
    for hash in [1, 2, 3, 4, 6, 7, 8] {
        used(&table, hash, 1, NOW + 1_000);
    }
    assert_eq!(evicted(&table, NOW + 1_000), [5]);
}

#[test]
fn otherwise_the_subject_with_the_smallest_share_is_evicted() {
    let table = one_set();
    fill(&table, [3, 3, 3, 2, 3, 3, 3, 3]);
    assert_eq!(evicted(&table, NOW), [4]);
}

#[test]
fn the_share_is_relative_to_the_subjects_own_limit() {
    let table = one_set();
    fill(&table, [3; 8]);
    // More units than any other, under a much higher limit.
    table.access(6, &|| NOW, |counter, now| {
        counter.advance(&PARAMS.with_limit(40), now);
        counter.charge(&PARAMS, now, 9);
    });
    assert_eq!(evicted(&table, NOW), [6]);
}

#[test]
fn of_equal_shares_the_least_recently_used_is_evicted() {
    let table = one_set();
    fill(&table, [2; 8]);
    for hash in [1, 2, 4, 3] {
        used(&table, hash, 0, NOW);
    }
    assert_eq!(evicted(&table, NOW), [5]);
    let table = one_set();
    fill(&table, [2; 8]);
    for hash in [8, 1, 5, 6, 7, 4, 2, 3] {
        used(&table, hash, 0, NOW);
    }
    assert_eq!(evicted(&table, NOW), [8]);
}

#[test]
fn a_flood_never_evicts_a_subject_at_its_limit() {
    let table = with_sets(8);
    let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    used(&table, spread(0), 4, NOW);
    for n in 1..20_000 {
        used(&table, spread(n), 1 + (n % 4) as u32, NOW);
    }
    assert_eq!(used(&table, spread(0), 0, NOW), 4);
    assert_eq!(used(&table, spread(0), 0, NOW + 1_000), 0);
}

#[test]
fn if_all_subjects_are_at_their_limits_new_ones_share_a_counter() {
    let table = one_set();
    fill(&table, [4; 8]);
    assert!(evicted(&table, NOW).is_empty());
    assert_eq!(used(&table, 99, 0, NOW), 1);
    // The low bits of the hash select the shared counter.
    assert_eq!(used(&table, 99 + OVERFLOW_SLOTS as u64, 1, NOW), 2);
    assert_eq!(used(&table, 98, 1, NOW), 1);
    assert_eq!(used(&table, 99, 0, NOW + 1_000), 0);
}

#[test]
fn a_flood_of_subjects_at_their_limits_does_not_reject_everyone() {
    let table = one_set();
    fill(&table, [4; 8]);
    for hash in 100..100 + 8 {
        used(&table, hash, 4, NOW);
    }
    assert_eq!((0..OVERFLOW_SLOTS as u64).filter(|n| used(&table, 1_000 + n, 0, NOW) == 0).count(), OVERFLOW_SLOTS - 8);
}

#[test]
fn without_overflow_a_subject_without_a_way_is_not_remembered() {
    let params = BlockParams { first: 1_000, longest: 1_000, readmits: false };
    let table = Table::<Penalty>::new(1, 0, params);
    let is_blocked = |hash: u64, blocks: bool| {
        let mut is_blocked = false;
        table.access(hash, &|| NOW, |penalty, now| {
            if blocks {
                penalty.block(&params, now);
            }
            is_blocked = penalty.remaining(now) > 0;
        });
        is_blocked
    };
    (1..=8).for_each(|hash| assert!(is_blocked(hash, true)));
    assert!(is_blocked(99, true));
    assert!(!is_blocked(99, false) && !is_blocked(99 + OVERFLOW_SLOTS as u64, false));
    (1..=8).for_each(|hash| assert!(is_blocked(hash, false)));
}

#[test]
fn an_access_that_charges_nothing_stores_nothing() {
    let table = one_set();
    fill(&table, [1; 8]);
    (100..200).for_each(|hash| assert_eq!(used(&table, hash, 0, NOW), 0));
    assert!((1..=8).all(|hash| is_stored(&table, hash)));
}

#[test]
fn removing_a_subject_does_not_affect_others() {
    let table = one_set();
    fill(&table, [4; 8]);
    table.remove(3);
    table.remove(77);
    assert_eq!(used(&table, 3, 0, NOW), 0);
    assert_eq!((1..=8).map(|hash| used(&table, hash, 0, NOW)).sum::<u32>(), 28);
}

#[test]
fn a_subject_with_a_hash_of_zero_is_counted_like_any_other() {
    let table = one_set();
    assert_eq!(used(&table, 0, 3, NOW), 3);
    fill(&table, [0, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(used(&table, 0, 0, NOW), 3);
    table.remove(0);
    assert_eq!(used(&table, 0, 0, NOW), 0);
}

#[test]
fn high_bits_distribute_subjects_over_all_sets() {
    let table = with_sets(13);
    for index in 0..13 {
        let hash = u64::MAX / 13 * index + 1_000;
        used(&table, hash, 1, NOW);
        assert_eq!(set_of(&table, hash), Some((0, index as usize)));
    }
    assert_eq!(used(&table, u64::MAX, 1, NOW), 1);
    assert_eq!(set_of(&table, u64::MAX), Some((0, 12)));
}

#[test]
fn a_counter_reports_the_limit_of_the_last_charge() {
    let table = one_set();
    for limit in [4, 7, 5] {
        let charge = Charge { hash: 5, limit, cost: 1, ..Charge::default() };
        let mut decision = Decision::admit(1);
        table.decide(&charge, &|| NOW, &mut decision);
        assert!(!decision.is_rejected);
        table.access_existing(5, &|| NOW, |counter, _| assert_eq!(counter.limit(), limit));
    }
    assert_eq!(used(&table, 5, 0, NOW), 3);
}

#[test]
fn the_clock_is_read_while_the_set_is_locked() {
    let table = one_set();
    for hash in [1, 99] {
        let clock = || if table.shards()[0].0.try_lock().is_err() { NOW } else { 0 };
        table.access(hash, &clock, |_, now| assert_eq!(now, NOW, "read before the set was locked"));
        fill(&table, [4; 8]);
    }
}

#[test]
fn all_sets_but_an_eighth_are_in_shards_of_eight_sets_or_more() {
    for (sets, shards, sets_per_shard) in [
        (0, 1, 1),
        (1, 1, 1),
        (2, 1, 2),
        (15, 1, 15),
        (16, 2, 8),
        (17, 2, 8),
        (8_192, 1_024, 8),
        (9_215, 1_024, 8),
        (9_216, 1_024, 9),
        (1_000_000, 1_024, 976),
    ] {
        let table = with_sets(sets);
        assert_eq!((table.shards().len(), table.sets_per_shard), (shards, sets_per_shard), "{sets} sets");
        let used = shards * sets_per_shard;
        assert!(used <= sets.max(1) && used * 8 > sets * 7 || sets == 0, "{sets} sets");
    }
}

#[test]
fn hashes_are_distributed_over_all_sets_of_all_shards() {
    let table = with_sets(81);
    let (shards, sets) = (10, 8);
    assert_eq!((table.shards().len(), table.sets_per_shard), (shards, sets));
    let all = shards * sets;
    for nth in 0..all {
        // In the middle of the hashes of one set.
        let hash = u64::MAX / all as u64 * nth as u64 + u64::MAX / all as u64 / 2;
        used(&table, hash, 1, NOW);
        assert_eq!(set_of(&table, hash), Some((nth / sets, nth % sets)));
    }
}

#[test]
fn memory_is_allocated_by_the_first_access_to_it() {
    let table = with_sets(16);
    table.remove(1);
    table.access_existing(1, &|| NOW, |_, _| unreachable!("no subject is stored"));
    assert!(table.shards.get().is_none(), "a subject is looked for in no shard");
    used(&table, 1, 1, NOW);
    let allocated = |shard: usize| -> Vec<usize> {
        let mut sets = table.shards()[shard].0.lock().unwrap();
        (0..8).filter(|set| sets.get(*set).is_some()).collect()
    };
    assert_eq!((allocated(0), allocated(1)), (vec![0, 1, 2, 3], vec![]));
    table.access_existing(u64::MAX, &|| NOW, |_, _| unreachable!("the subject is not stored"));
    table.remove(u64::MAX);
    assert!(allocated(1).is_empty());
    assert!(table.overflow.get().is_none());
}

#[test]
fn every_bit_of_a_hash_distinguishes_subjects() {
    let hash = 0x0123_4567_89ab_cdef;
    let table = one_set();
    used(&table, hash, 1, NOW);
    for bit in 0..64 {
        assert!(!is_stored(&table, hash ^ 1 << bit), "bit {bit}");
    }
}

#[test]
fn a_charge_as_of_a_later_time_frees_expired_units_first() {
    let charge = Charge { hash: 5, limit: 4, cost: 1, ..Charge::default() };
    for (later, left) in [(0, 3), (999, 3), (1_000, 1)] {
        let table = one_set();
        used(&table, 5, 2, NOW);
        assert_eq!(
            table.decide_together(&charge, &|| NOW, &mut |_, now| Some(now + later)).used,
            left,
            "{later} later"
        );
    }
}
