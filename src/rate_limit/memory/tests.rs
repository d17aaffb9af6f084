//! Decisions about several limits, and by threads that contend for a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::*;
use crate::rate_limit::algorithm::penalty::BlockParams;
use crate::rate_limit::algorithm::{Algorithm, WindowParams};
use crate::rate_limit::decision::{Charge, Decision, Usage};
use crate::rate_limit::memory::decide::{decide, peek, refund};
use crate::rate_limit::memory::limit_tables::{LimitTables, TableParams};
use crate::rate_limit::memory::stored_limits::LimitIdentity;

const MINUTE: u64 = 60_000_000;
const NOW: u64 = 1_700_000_000_000_000;

fn tables(store: &MemoryStore, name: &str, algorithm: Algorithm, limit: u32) -> Arc<LimitTables> {
    blocking_tables(store, name, algorithm, limit, None)
}

fn blocking_tables(
    store: &MemoryStore,
    name: &str,
    algorithm: Algorithm,
    limit: u32,
    block: Option<BlockParams>,
) -> Arc<LimitTables> {
    let params = TableParams { algorithm, window: WindowParams::new(algorithm, limit, MINUTE), block };
    store.limits().tables(&name.into(), LimitIdentity { quotas: Vec::new(), by_credential: false, block }, params)
}

fn small_store() -> MemoryStore {
    MemoryStore::with_max_bytes(MIN_MAX_BYTES)
}

fn charge(rule_index: u8, limit: u32, cost: u32) -> Charge {
    Charge { rule_index, limit, full_limit: limit, cost, hash: 7, ..Charge::default() }
}

/// Charges one limit from several threads. Returns how many requests were admitted, the units in use, and the time;
/// each read of the clock takes a microsecond.
fn stampede(algorithm: Algorithm, limit: u32, refunds: bool) -> (u64, u32, u64) {
    let limits = [tables(&small_store(), "limit", algorithm, limit)];
    let clock = AtomicU64::new(NOW);
    let clock = || clock.fetch_add(1, Ordering::SeqCst);
    let one = charge(0, limit, 1);
    let caller = || {
        let mut admitted = 0;
        for _ in 0..20_000 {
            let decision = decide(&limits, &[one], &clock);
            if !decision.is_rejected {
                admitted += 1;
                if refunds {
                    refund(&limits[0], &one, &clock, decision.charged_at.local);
                }
            }
        }
        admitted
    };
    let admitted = thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    (admitted, peek(&limits[0], &one, &clock).0.used, clock() - NOW)
}

#[test]
fn contending_threads_refund_all_that_they_were_charged() {
    // In a bucket, a refill in between may have been of another charge.
    for algorithm in [Algorithm::SlidingLog, Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        assert_eq!(stampede(algorithm, 128, true).1, 0, "{algorithm:?}");
    }
}

#[test]
fn contending_threads_get_no_refill_twice() {
    let limit = 6_000_000;
    let (admitted, _, elapsed) = stampede(Algorithm::TokenBucket, limit / 10, false);
    assert_eq!(admitted, 160_000);
    let (admitted, _, _) = stampede(Algorithm::TokenBucket, 1_000, false);
    let most = 1_000 + elapsed * 1_000 / MINUTE;
    assert!(admitted <= most, "{admitted} of {most}");
}

#[test]
fn a_request_rejected_by_one_limit_is_charged_under_none() {
    let store = small_store();
    let limits = ["a", "b", "c"].map(|name| tables(&store, name, Algorithm::SlidingLog, 5));
    let charges = [charge(0, 5, 1), charge(1, 2, 1), charge(2, 5, 1)];
    for _ in 0..2 {
        assert!(!decide(&limits, &charges, &|| NOW).is_rejected);
    }
    let decision = decide(&limits, &charges, &|| NOW);
    assert!(decision.is_rejected && decision.has_exceeded(1) && !decision.has_exceeded(0) && !decision.has_exceeded(2));
    assert_eq!(decision.wait(), Some(MINUTE));
    assert_eq!([0, 1, 2].map(|index| decision.usage(index).unwrap().used), [2, 2, 2]);
}

#[test]
fn all_limits_are_charged_as_of_the_time_of_the_last_lock() {
    let store = small_store();
    let limits = ["a", "b"].map(|name| tables(&store, name, Algorithm::SlidingLog, 5));
    let charges = [charge(0, 5, 1), charge(1, 5, 1)];
    let clock = AtomicU64::new(NOW);
    let clock = || clock.fetch_add(1, Ordering::SeqCst);
    let decision = decide(&limits, &charges, &clock);
    assert_eq!(decision.charged_at.local, NOW + 1);
    for (tables, charge) in limits.iter().zip(&charges) {
        refund(tables, charge, &clock, decision.charged_at.local);
        assert_eq!(peek(tables, charge, &clock).0, Usage::default());
    }
}

#[test]
fn exceeding_a_limit_starts_a_block_unless_the_limit_is_only_a_share() {
    let params = BlockParams { first: 2 * MINUTE, longest: 8 * MINUTE, readmits: true };
    for (full_limit, blocked) in [(1, 2 * MINUTE), (2, 0)] {
        let store = small_store();
        let limits = [blocking_tables(&store, "limit", Algorithm::FixedWindow, 1, Some(params))];
        let one = Charge { full_limit, ..charge(0, 1, 1) };
        assert!(!decide(&limits, &[one], &|| NOW).is_rejected, "full limit {full_limit}");
        assert!(decide(&limits, &[one], &|| NOW).is_rejected, "full limit {full_limit}");
        assert_eq!(peek(&limits[0], &one, &|| NOW).1, blocked, "full limit {full_limit}");
    }
}

#[test]
fn a_cost_above_the_limit_never_fits_and_a_cost_of_zero_always_does() {
    let store = small_store();
    let limits = [tables(&store, "a", Algorithm::SlidingLog, 5)];
    assert_eq!(decide(&limits, &[charge(0, 5, 6)], &|| NOW).wait(), None);
    assert!(!decide(&limits, &[charge(0, 5, 5)], &|| NOW).is_rejected);
    assert!(!decide(&limits, &[charge(0, 5, 0)], &|| NOW).is_rejected);
    assert_eq!(peek(&limits[0], &charge(0, 5, 0), &|| NOW).0.used, 5);
}

#[test]
fn the_largest_limit_admits_no_more_than_itself() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let limits = [tables(&small_store(), "a", algorithm, u32::MAX)];
        let fits = |cost| !decide(&limits, &[charge(0, u32::MAX, cost)], &|| NOW).is_rejected;
        assert!(fits(u32::MAX) && fits(0) && !fits(1), "{algorithm:?}");
    }
}

#[test]
fn a_single_charge_is_decided_like_one_of_several() {
    for algorithm in [Algorithm::SlidingLog, Algorithm::SlidingWindow, Algorithm::FixedWindow, Algorithm::TokenBucket] {
        let store = small_store();
        let limits = ["single", "several", "unlimited"].map(|name| tables(&store, name, algorithm, 7));
        for step in 0..60 {
            let cost = [0, 1, 3, 8][step as usize % 4];
            let now = NOW + step * 900_000;
            let single = decide(&limits, &[charge(0, 7, cost)], &|| now);
            let several = decide(&limits, &[charge(1, 7, cost), charge(2, 7, 0)], &|| now);
            let outcome =
                |decision: &Decision| (decision.is_rejected, decision.wait(), decision.usage(0), decision.charged_at);
            assert_eq!(outcome(&single), outcome(&several), "{algorithm:?}, step {step}");
        }
    }
}

#[test]
#[expect(clippy::redundant_clone, reason = "the clone is what is tested")]
fn equal_subjects_have_equal_hashes_and_every_store_has_its_own_key() {
    let (one, other) = (MemoryStore::new(), MemoryStore::new());
    let subject = Subject::custom("a");
    assert_eq!(one.hash(&subject, 64, false), one.clone().hash(&Subject::custom("a"), 64, false));
    assert_ne!(one.hash(&subject, 64, false), one.hash(&Subject::custom("b"), 64, false));
    assert_ne!(one.hash(&subject, 64, false), other.hash(&subject, 64, false));
}

#[test]
fn the_range_of_sizes() {
    let is_valid = |max_bytes| MemoryStore::with_max_bytes(max_bytes).has_valid_size();
    assert!(!is_valid(0) && !is_valid((16 << 10) - 1) && is_valid(16 << 10) && is_valid(32 << 20));
    assert!(is_valid(64 << 30) && !is_valid((64 << 30) + 1) && !is_valid(usize::MAX));
}
