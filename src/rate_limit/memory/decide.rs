//! How the store in memory decides about the charges of a request.

use std::sync::Arc;

use crate::context::RateLimitStatus;
use crate::rate_limit::algorithm::penalty::Penalty;
use crate::rate_limit::decision::{Charge, ChargedAt, Decision, Fit, Intervention, Usage};
use crate::rate_limit::memory::limit_tables::LimitTables;
use crate::rate_limit::memory::table::Table;

/// Decides about the charges of a request, and applies all of them or none.
///
/// `tables` holds one entry per rule, in the order in which their sets are locked.
///
/// The only charge of a limit without blocks, which is the usual request, needs no recursion and no callback. The tests
/// in layer/tests.rs check that both ways decide alike.
#[inline]
pub(in crate::rate_limit) fn decide(
    tables: &[Arc<LimitTables>],
    charges: &[Charge],
    clock: &dyn Fn() -> u64,
) -> Decision {
    if let [charge] = charges
        && let Some(LimitTables { counters, penalties: None, .. }) = tables_of(tables, charge)
    {
        let mut decision = Decision::admit(1);
        counters.decide(charge, clock, &mut decision);
        return decision;
    }
    decide_together(tables, charges, clock)
}

/// Decides about several charges, or about one that may be blocked.
fn decide_together(tables: &[Arc<LimitTables>], charges: &[Charge], clock: &dyn Fn() -> u64) -> Decision {
    let mut decision = Decision::admit(charges.len());
    // Blocks are read before any counter is locked, and started after all are unlocked: their tables have no place in
    // the locking order. So two threads may find no block and both exceed the limit; `Penalty::block` starts only one.
    let blocks = current_blocks(tables, charges, clock);
    decision.is_rejected = blocks.iter().any(|wait| *wait > 0);
    readmit(tables, charges, &blocks, clock);
    // Counters are read during a block too, for the headers and because the units may be available again later than the
    // block ends. `is_rejected` is set already, so nothing is charged.
    let mut now = 0;
    lock_and_charge(tables, charges, 0, clock, &mut decision, &mut now);
    decision.charged_at = ChargedAt::in_memory(now);
    for (index, wait) in blocks.into_iter().enumerate().filter(|(_, wait)| *wait > 0) {
        if let Some(charge) = charges.get(index) {
            decision.block(index, charge, wait);
        }
    }
    if decision.is_rejected && !decision.is_blocked {
        start_blocks(tables, charges, clock, &mut decision);
    }
    decision
}

/// Returns the microseconds for which the subject of each charge is still blocked.
fn current_blocks(
    tables: &[Arc<LimitTables>],
    charges: &[Charge],
    clock: &dyn Fn() -> u64,
) -> [u64; RateLimitStatus::MAX_LIMITS] {
    let mut blocks = [0; RateLimitStatus::MAX_LIMITS];
    for (charge, wait) in charges.iter().zip(&mut blocks) {
        if let Some(penalties) = penalties_of(tables, charge) {
            *wait = remaining_block(penalties, charge.hash, clock);
        }
    }
    blocks
}

/// Frees the units that the first request after a block needs, if its limit readmits it.
///
/// The request may still be rejected, by another limit or because other requests use the units first. They stay free
/// then.
fn readmit(tables: &[Arc<LimitTables>], charges: &[Charge], blocks: &[u64], clock: &dyn Fn() -> u64) {
    let may_be_owed = |(charge, wait): &(&Charge, &u64)| charge.readmits && charge.cost > 0 && **wait == 0;
    for (charge, _) in charges.iter().zip(blocks).filter(may_be_owed) {
        let Some(LimitTables { counters, penalties: Some(penalties), .. }) = tables_of(tables, charge) else {
            continue;
        };
        let mut is_owed = false;
        penalties.access_existing(charge.hash, clock, |penalty, now| {
            penalty.advance(&penalties.params(), now);
            is_owed = penalty.take_owed_request(now);
        });
        if is_owed {
            counters.make_room(charge, clock);
        }
    }
}

/// Decides about the charges from `index` on, while the sets of those before are locked.
///
/// Recursion holds the lock of each set until all charges are decided. A loop would have to store guards of different
/// types in an allocated list. All requests lock in the order of the tables, so they cannot deadlock.
fn lock_and_charge(
    tables: &[Arc<LimitTables>],
    charges: &[Charge],
    index: usize,
    clock: &dyn Fn() -> u64,
    decision: &mut Decision,
    latest: &mut u64,
) {
    let Some(charge) = charges.get(index) else { return };
    let Some(limit) = tables_of(tables, charge) else { return };
    let usage = limit.counters.decide_together(charge, clock, &mut |fit, now| {
        // The sets are locked one after another, so each later time is at least as late.
        *latest = now;
        if let Fit::Exceeds(wait) = fit {
            decision.exceed(index, charge, wait);
        }
        lock_and_charge(tables, charges, index + 1, clock, decision, latest);
        // A shadow limit that is exceeded does not fit, and rejects nothing: only its own charge is left out. All
        // charges are applied as of the time when the last set was locked, so that a refund finds them by one time.
        (fit == Fit::Fits && !decision.is_rejected).then_some(*latest)
    });
    decision.set_usage(index, usage);
}

/// Blocks the subjects that exceeded a limit. Exceeding a share of the limit during an outage causes no block, because
/// the subject may be within the limit as a whole.
fn start_blocks(tables: &[Arc<LimitTables>], charges: &[Charge], clock: &dyn Fn() -> u64, decision: &mut Decision) {
    for (index, charge) in charges.iter().enumerate() {
        let used = decision.usage(index).map_or(0, |usage| usage.used);
        let exceeds_full_limit = used.checked_add(charge.cost).is_none_or(|used| used > charge.full_limit);
        if decision.is_rejected_by(index, charge)
            && exceeds_full_limit
            && let Some(penalties) = penalties_of(tables, charge)
        {
            penalties.access(charge.hash, clock, |penalty, now| {
                penalty.advance(&penalties.params(), now);
                if penalty.remaining(now) == 0 {
                    decision.start_block(index);
                }
                penalty.block(&penalties.params(), now);
                decision.block(index, charge, penalty.remaining(now));
            });
        }
    }
}

/// Refunds a charge that was applied at `charged_at`.
pub(in crate::rate_limit) fn refund(tables: &LimitTables, charge: &Charge, clock: &dyn Fn() -> u64, charged_at: u64) {
    tables.counters.refund(charge, clock, charged_at);
}

/// Changes a subject's usage or blocks as an administrator asked for.
pub(in crate::rate_limit) fn intervene(
    tables: &LimitTables,
    charge: &Charge,
    intervention: Intervention,
    clock: &dyn Fn() -> u64,
) {
    match intervention {
        Intervention::Refund => return tables.counters.refund_last(charge, clock),
        Intervention::Reset => tables.counters.reset(charge.hash),
        Intervention::Unblock => {}
    }
    if let Some(penalties) = &tables.penalties {
        penalties.remove(charge.hash);
    }
}

/// Returns a subject's usage, and the microseconds for which it is still blocked.
pub(in crate::rate_limit) fn peek(tables: &LimitTables, charge: &Charge, clock: &dyn Fn() -> u64) -> (Usage, u64) {
    let usage = tables.counters.usage(charge.hash, clock);
    let blocked = tables.penalties.as_ref().map_or(0, |penalties| remaining_block(penalties, charge.hash, clock));
    (usage, blocked)
}

/// Returns the microseconds for which a subject is still blocked; zero if it is not blocked.
fn remaining_block(penalties: &Table<Penalty>, hash: u64, clock: &dyn Fn() -> u64) -> u64 {
    let mut remaining = 0;
    // A subject that was never blocked takes no memory.
    penalties.access_existing(hash, clock, |penalty, now| {
        penalty.advance(&penalties.params(), now);
        remaining = penalty.remaining(now);
    });
    remaining
}

fn tables_of<'a>(tables: &'a [Arc<LimitTables>], charge: &Charge) -> Option<&'a LimitTables> {
    tables.get(usize::from(charge.rule_index)).map(|tables| &**tables)
}

fn penalties_of<'a>(tables: &'a [Arc<LimitTables>], charge: &Charge) -> Option<&'a Table<Penalty>> {
    tables_of(tables, charge)?.penalties.as_ref()
}
