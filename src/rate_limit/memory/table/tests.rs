//! Places, who is driven out of them, and who never is.

use super::*;
use crate::rate_limit::algorithm::{FixedWindow, Penalty};

const PARAMS: WindowParams = WindowParams { limit: 4, window: 1_000, step: 1_000 };
const NOW: u64 = 1_000_000;

/// One line of eight places.
fn line() -> Table<FixedWindow> {
    Table::new(8, PARAMS)
}

/// Uses so many of four units, and says how many are then in use.
fn used(table: &dyn CounterTable, hash: u64, units: u32, now: u64) -> u32 {
    let mut used = 0;
    table.visit(hash, 4, &|| now, &mut |count, now| {
        if units > 0 {
            count.charge(&PARAMS, now, units);
        }
        used = count.used();
    });
    used
}

fn is_known(table: &Table<FixedWindow>, hash: u64) -> bool {
    let (mut lines, index) = table.shard(hash).unwrap();
    lines[index].find(Hash::of(hash)).is_some()
}

fn fill(table: &Table<FixedWindow>, units: [u32; 8]) {
    for (hash, units) in (1..).zip(units) {
        used(table, hash, units, NOW);
    }
}

/// Which of eight subjects is driven out by a ninth.
fn driven_out(table: &Table<FixedWindow>, now: u64) -> Vec<u64> {
    used(table, 99, 1, now);
    (1..=8).filter(|hash| !is_known(table, *hash)).collect()
}

#[test]
fn a_subject_is_found_again_among_others() {
    let table = line();
    fill(&table, [1, 2, 3, 4, 1, 2, 3, 4]);
    for (hash, units) in (1..).zip([1, 2, 3, 4, 1, 2, 3, 4]) {
        assert_eq!(used(&table, hash, 0, NOW), units, "subject {hash}");
    }
}

#[test]
fn a_free_place_is_taken_before_anybody_is_driven_out() {
    let table = line();
    fill(&table, [1; 8]);
    table.forget(5);
    assert_eq!(driven_out(&table, NOW), [5]);
    assert!(is_known(&table, 99));
}

#[test]
fn who_uses_nothing_any_more_is_driven_out_first() {
    let table = line();
    fill(&table, [1; 8]);
    for hash in [1, 2, 3, 4, 6, 7, 8] {
        used(&table, hash, 1, NOW + 1_000);
    }
    assert_eq!(driven_out(&table, NOW + 1_000), [5]);
}

#[test]
fn else_who_used_the_least_of_their_limit_is() {
    let table = line();
    fill(&table, [3, 3, 3, 2, 3, 3, 3, 3]);
    assert_eq!(driven_out(&table, NOW), [4]);
}

#[test]
fn the_least_is_a_share_of_the_subjects_own_limit() {
    let table = line();
    fill(&table, [3; 8]);
    // More units than any other, of a far higher limit.
    table.visit(6, 40, &|| NOW, &mut |count, now| count.charge(&PARAMS, now, 9));
    assert_eq!(driven_out(&table, NOW), [6]);
}

#[test]
fn of_several_with_the_least_the_longest_untouched_is() {
    let table = line();
    fill(&table, [2; 8]);
    for hash in [1, 2, 4, 3] {
        used(&table, hash, 0, NOW);
    }
    assert_eq!(driven_out(&table, NOW), [5]);
    let table = line();
    fill(&table, [2; 8]);
    for hash in [8, 1, 5, 6, 7, 4, 2, 3] {
        used(&table, hash, 0, NOW);
    }
    assert_eq!(driven_out(&table, NOW), [8]);
}

#[test]
fn a_subject_at_its_limit_is_never_driven_out_by_a_flood() {
    let table = Table::<FixedWindow>::new(64, PARAMS);
    let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    used(&table, spread(0), 4, NOW);
    for n in 1..20_000 {
        used(&table, spread(n), 1 + (n % 4) as u32, NOW);
    }
    assert_eq!(used(&table, spread(0), 0, NOW), 4);
    assert_eq!(used(&table, spread(0), 0, NOW + 1_000), 0);
}

#[test]
fn where_all_are_at_their_limits_new_ones_share_a_count() {
    let table = line();
    fill(&table, [4; 8]);
    assert!(driven_out(&table, NOW).is_empty());
    assert_eq!(used(&table, 99, 0, NOW), 1);
    // Its low bits choose what it shares, and with whom.
    assert_eq!(used(&table, 99 + OVERFLOWS as u64, 1, NOW), 2);
    assert_eq!(used(&table, 98, 1, NOW), 1);
    assert_eq!(used(&table, 99, 0, NOW + 1_000), 0);
}

#[test]
fn a_flood_at_the_limits_does_not_deny_everybody() {
    let table = line();
    fill(&table, [4; 8]);
    for hash in 100..100 + 8 {
        used(&table, hash, 4, NOW);
    }
    assert_eq!((0..OVERFLOWS as u64).filter(|n| used(&table, 1_000 + n, 0, NOW) == 0).count(), OVERFLOWS - 8);
}

#[test]
fn where_nothing_is_shared_who_finds_no_place_is_not_remembered() {
    let params = WindowParams { limit: 2, window: 1_000, step: 1_000 };
    let table = Table::<Penalty>::without_overflow(8, params);
    let is_blocked = |hash: u64, blocks: bool| {
        let mut is_blocked = false;
        table.visit(hash, 2, &|| NOW, &mut |penalty, now| {
            if blocks {
                penalty.charge(&params, now, 1);
            }
            is_blocked = penalty.wait(&params, now, 1) > 0;
        });
        is_blocked
    };
    (1..=8).for_each(|hash| assert!(is_blocked(hash, true)));
    assert!(is_blocked(99, true));
    assert!(!is_blocked(99, false) && !is_blocked(99 + OVERFLOWS as u64, false));
    (1..=8).for_each(|hash| assert!(is_blocked(hash, false)));
}

#[test]
fn a_visitor_that_charges_nothing_leaves_no_trace() {
    let table = line();
    fill(&table, [1; 8]);
    (100..200).for_each(|hash| assert_eq!(used(&table, hash, 0, NOW), 0));
    assert!((1..=8).all(|hash| is_known(&table, hash)));
}

#[test]
fn a_subject_that_is_forgotten_begins_anew_and_no_other_does() {
    let table = line();
    fill(&table, [4; 8]);
    table.forget(3);
    table.forget(77);
    assert_eq!(used(&table, 3, 0, NOW), 0);
    assert_eq!((1..=8).map(|hash| used(&table, hash, 0, NOW)).sum::<u32>(), 28);
}

#[test]
fn a_subject_whose_hash_is_zero_is_counted_like_any_other() {
    let table = line();
    assert_eq!(used(&table, 0, 3, NOW), 3);
    fill(&table, [0, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(used(&table, 0, 0, NOW), 3);
    table.forget(0);
    assert_eq!(used(&table, 0, 0, NOW), 0);
}

#[test]
fn subjects_are_spread_over_all_lines_by_their_high_bits() {
    let table = Table::<FixedWindow>::new(100, PARAMS);
    let line = |hash: u64| {
        let mut lines = table.shards[0].0.lock().unwrap();
        lines.iter_mut().position(|line| line.find(Hash::of(hash)).is_some())
    };
    for index in 0..13 {
        let hash = u64::MAX / 13 * index + 1_000;
        used(&table, hash, 1, NOW);
        assert_eq!(line(hash), Some(index as usize));
    }
    assert_eq!(used(&table, u64::MAX, 1, NOW), 1);
    assert_eq!(line(u64::MAX), Some(12));
}

#[test]
fn the_limit_of_a_visit_is_that_of_the_count() {
    let table = line();
    for limit in [4, 7, 1] {
        table.visit(5, limit, &|| NOW, &mut |count, _| {
            assert_eq!(count.limit(), limit);
            count.charge(&PARAMS, NOW, 1);
        });
    }
    assert_eq!(used(&table, 5, 0, NOW), 3);
    assert_eq!(table.params(), PARAMS);
}

#[test]
fn the_clock_is_read_while_the_line_is_locked() {
    let table = line();
    for hash in [1, 99] {
        table.visit(hash, 4, &|| NOW.min(u64::from(table.shards[0].0.try_lock().is_err()) * NOW), &mut |_, now| {
            assert_eq!(now, NOW, "read before the line was locked");
        });
        fill(&table, [4; 8]);
    }
}

#[test]
fn there_are_places_for_all_subjects_in_shards_of_eight_lines_or_more() {
    for (subjects, shards, lines) in [
        (0, 1, 1),
        (1, 1, 1),
        (8, 1, 1),
        (9, 1, 2),
        (120, 1, 15),
        (128, 2, 8),
        (129, 2, 9),
        (65_536, 1_024, 8),
        (1_000_000, 1_024, 123),
    ] {
        let table = Table::<FixedWindow>::new(subjects, PARAMS);
        assert_eq!(table.shards.len(), shards, "{subjects} subjects");
        assert!(table.shards.iter().all(|shard| shard.0.lock().unwrap().len() == lines), "{subjects} subjects");
        assert!(shards * lines * WAYS >= subjects);
    }
}

#[test]
fn subjects_are_spread_over_all_lines_of_all_shards() {
    let table = Table::<FixedWindow>::new(600, PARAMS);
    let (shards, lines) = (9, 9);
    assert_eq!((table.shards.len(), table.shards[0].0.lock().unwrap().len()), (shards, lines));
    let all = shards * lines;
    for nth in 0..all {
        // In the middle of the hashes of a line.
        let hash = u64::MAX / all as u64 * nth as u64 + u64::MAX / all as u64 / 2;
        used(&table, hash, 1, NOW);
        let mut found = table.shards[nth / lines].0.lock().unwrap();
        assert!(found[nth % lines].find(Hash::of(hash)).is_some(), "line {nth}");
    }
}

#[test]
fn subjects_are_told_apart_by_every_bit_of_their_hashes() {
    let hash = 0x0123_4567_89ab_cdef;
    let table = line();
    used(&table, hash, 1, NOW);
    for bit in 0..64 {
        assert!(!is_known(&table, hash ^ 1 << bit), "bit {bit}");
    }
}

#[test]
fn what_is_charged_as_of_later_joins_what_is_then_still_in_use() {
    let charge = Charge { hash: 5, limit: 4, cost: 1, ..Charge::default() };
    for (later, left) in [(0, 3), (999, 3), (1_000, 1)] {
        let table = line();
        used(&table, 5, 2, NOW);
        assert_eq!(table.decide(&charge, &|| NOW, &mut |_, now| Some(now + later)).used, left, "{later} later");
    }
}
