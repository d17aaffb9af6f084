//! `MemoryStore`: the counts of one process, in bounded memory.

mod siphash;
pub(super) mod table;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::RateLimitStatus;
use crate::rate_limit::admin::Intervention;
#[cfg(feature = "redis")]
use crate::rate_limit::algorithm::CachedDenial;
use crate::rate_limit::algorithm::{FixedWindow, Penalty, SlidingLog, SlidingWindow, TokenBucket, WindowParams};
use crate::rate_limit::decision::{Charge, Decision, Usage};
use crate::rate_limit::memory::siphash::Sip;
use crate::rate_limit::memory::table::{CounterTable, Outcome, Table};
use crate::rate_limit::quota::{Algorithm, MOST_EXACT};
use crate::rate_limit::subject::Subject;

/// Counts in this process, in memory that is bounded from the start. Clones are the same store: give one to several
/// layers, and limits of one name and quota count together.
///
/// ```
/// use portcullis::rate_limit::MemoryStore;
///
/// let store = MemoryStore::with_subjects(1_000_000);
/// # let _ = store;
/// ```
///
/// A flood of new subjects drives out those that used least of their limit, and never one that is at it. See
/// [`Algorithm`] for the bytes that a subject takes.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shelves>);

struct Shelves {
    subjects: usize,
    /// Random: who knew it could find subjects that share a count with another's.
    key: [u64; 2],
    /// In the order in which the lines of one request are locked.
    made: Mutex<Vec<(String, Arc<dyn CounterTable>)>>,
}

impl MemoryStore {
    /// A store with places for 65,536 subjects of each limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_subjects(SUBJECTS)
    }

    /// A store with places for so many subjects of each limit: all that are active within one window.
    #[must_use]
    pub fn with_subjects(subjects: usize) -> Self {
        let random = RandomState::new();
        let key = [0, 1].map(|half| random.hash_one(half));
        Self(Arc::new(Shelves { subjects, key, made: Mutex::default() }))
    }

    /// Whether so many subjects can be meant.
    pub(super) fn is_sensible(&self) -> bool {
        (1..=MOST_SUBJECTS).contains(&self.0.subjects)
    }

    #[inline]
    pub(super) fn hash(&self, subject: &Subject<'_>, ipv6_prefix: u8, by_route: bool) -> u64 {
        let mut sip = Sip::keyed(self.0.key);
        let last = subject.spell(ipv6_prefix, by_route, |word| sip.word(word));
        sip.finish(last)
    }

    /// The counts of a limit, made at the first asking, and their place in the order.
    pub(super) fn counts(
        &self,
        name: &str,
        algorithm: Algorithm,
        params: WindowParams,
    ) -> (usize, Arc<dyn CounterTable>) {
        let size = match algorithm {
            Algorithm::SlidingLog => params.limit.min(MOST_EXACT).next_power_of_two().max(8),
            Algorithm::SlidingWindow => params.limit.max(u32::from(u16::MAX)),
            Algorithm::FixedWindow | Algorithm::TokenBucket => 0,
        };
        let id = format!("{algorithm:?} {} {size} {name}", params.window);
        let subjects = self.0.subjects;
        self.shelf(id, || match (algorithm, size) {
            (Algorithm::SlidingLog, 8) => Arc::new(Table::<SlidingLog<8>>::new(subjects, params)),
            (Algorithm::SlidingLog, 16) => Arc::new(Table::<SlidingLog<16>>::new(subjects, params)),
            (Algorithm::SlidingLog, 32) => Arc::new(Table::<SlidingLog<32>>::new(subjects, params)),
            (Algorithm::SlidingLog, 64) => Arc::new(Table::<SlidingLog<64>>::new(subjects, params)),
            (Algorithm::SlidingLog, _) => Arc::new(Table::<SlidingLog<128>>::new(subjects, params)),
            (Algorithm::FixedWindow, _) => Arc::new(Table::<FixedWindow>::new(subjects, params)),
            (Algorithm::SlidingWindow, size) if size > u32::from(u16::MAX) => {
                Arc::new(Table::<SlidingWindow<u32>>::new(subjects, params))
            }
            (Algorithm::SlidingWindow, _) => Arc::new(Table::<SlidingWindow<u16>>::new(subjects, params)),
            (Algorithm::TokenBucket, _) => Arc::new(Table::<TokenBucket>::new(subjects, params)),
        })
    }

    /// The blocks of a limit.
    pub(super) fn penalties(&self, name: &str, params: WindowParams) -> Arc<dyn CounterTable> {
        let id = format!("blocks {} {} {name}", params.window, params.step);
        self.shelf(id, || Arc::new(Table::<Penalty>::without_overflow(self.0.subjects, params))).1
    }

    /// The denials of a store that this process remembers, by limit.
    #[cfg(feature = "redis")]
    pub(super) fn notes(&self, name: &str) -> Arc<dyn CounterTable> {
        let params = WindowParams { limit: 1, window: 1, step: 1 };
        self.shelf(format!("notes {name}"), || {
            Arc::new(Table::<CachedDenial>::without_overflow(self.0.subjects, params))
        })
        .1
    }

    fn shelf(&self, id: String, make: impl FnOnce() -> Arc<dyn CounterTable>) -> (usize, Arc<dyn CounterTable>) {
        let mut made = self.0.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = made.iter().position(|(known, _)| *known == id)
            && let Some((_, shelf)) = made.get(place)
        {
            return (place, Arc::clone(shelf));
        }
        let shelf = make();
        made.push((id, Arc::clone(&shelf)));
        (made.len() - 1, shelf)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("subjects", &self.0.subjects).finish_non_exhaustive()
    }
}

/// One limit's shelves.
pub(super) struct LimitTables {
    pub(super) counts: Arc<dyn CounterTable>,
    pub(super) penalties: Option<Arc<dyn CounterTable>>,
}

/// Judges all that a request charges for, and charges it where nothing refuses. The seats stand in the order of their locks.
/// Blocks are for who goes over the whole limit, not over a share of it.
pub(super) fn decide(seats: &[LimitTables], charges: &[Charge], clock: &dyn Fn() -> u64) -> Decision {
    let mut decision = Decision::new(charges.len());
    let mut blocks = [0; RateLimitStatus::MOST];
    for (charge, wait) in charges.iter().zip(&mut blocks) {
        let Some(penalties) = penalties(seats, charge).filter(|_| !charge.is_shadow) else { continue };
        penalties.visit(charge.hash, BLOCK_UNITS, clock, &mut |penalty, now| {
            *wait = penalty.wait(&penalties.params(), now, 1);
        });
        decision.is_refused |= *wait > 0;
    }
    // During a block too: what the limits have left may take longer to come back than the block lasts.
    judge(seats, charges, 0, clock, &mut decision);
    for (index, wait) in blocks.into_iter().enumerate().filter(|(_, wait)| *wait > 0) {
        decision.block(index, wait);
    }
    if decision.is_blocked || !decision.is_refused {
        return decision;
    }
    for (index, charge) in charges.iter().enumerate() {
        let used = decision.usage(index).map_or(0, |usage| usage.used);
        if decision.is_refused_by(index, charge)
            && used.checked_add(charge.cost).is_into_result(|used| used > charge.whole)
            && let Some(penalties) = penalties(seats, charge)
        {
            penalties.visit(charge.hash, BLOCK_UNITS, clock, &mut |penalty, now| {
                // Requests that went over the limit together start one block, not one each.
                if penalty.wait(&penalties.params(), now, 1) == 0 {
                    penalty.charge(&penalties.params(), now, 1);
                }
                decision.wait_for(penalty.wait(&penalties.params(), now, 1));
            });
        }
    }
    decision
}

fn penalties<'a>(seats: &'a [LimitTables], charge: &Charge) -> Option<&'a dyn CounterTable> {
    seats.get(usize::from(charge.rule))?.penalties.as_deref()
}

/// Judges the charges from `index` on while the lines of those before are locked; on the way back, charges.
fn judge(seats: &[LimitTables], charges: &[Charge], index: usize, clock: &dyn Fn() -> u64, decision: &mut Decision) {
    let Some(charge) = charges.get(index) else { return };
    let Some(seat) = seats.get(usize::from(charge.rule)) else { return };
    let usage = seat.counts.decide(charge, clock, &mut |outcome, now| {
        decision.now = now;
        if let Outcome::Exceeds(wait) = outcome {
            decision.refuse(index, charge, wait);
        }
        judge(seats, charges, index + 1, clock, decision);
        // All are charged as of when the last was locked.
        (outcome == Outcome::Fits && !decision.is_refused).then_some(decision.now)
    });
    decision.set(index, usage);
}

/// Gives back what was charged at `then`.
pub(super) fn refund(seat: &LimitTables, charge: &Charge, clock: &dyn Fn() -> u64, then: u64) {
    let params = seat.counts.params().with_limit(charge.limit);
    seat.counts
        .visit(charge.hash, charge.limit, clock, &mut |count, now| count.refund(&params, now, then, charge.cost));
}

/// What an operator does to the counts of a subject.
pub(super) fn intervene(seat: &LimitTables, charge: &Charge, intervention: Intervention, clock: &dyn Fn() -> u64) {
    match intervention {
        Intervention::Forgive => seat.counts.revisit(charge.hash, clock, &mut |count, _| count.forgive(charge.cost)),
        Intervention::Reset => seat.counts.forget(charge.hash),
        Intervention::Unblock => {}
    }
    if let Some(penalties) = seat.penalties.as_ref().filter(|_| intervention != Intervention::Forgive) {
        penalties.forget(charge.hash);
    }
}

/// What is in use, and for how long the subject is still blocked.
pub(super) fn peek(seat: &LimitTables, charge: &Charge, clock: &dyn Fn() -> u64) -> (Usage, u64) {
    let (mut usage, mut blocked) = (Usage::default(), 0);
    seat.counts.revisit(charge.hash, clock, &mut |count, now| {
        let params = seat.counts.params().with_limit(count.limit());
        usage = Usage { used: count.used(), reset: count.reset(&params, now) };
    });
    if let Some(penalties) = &seat.penalties {
        penalties.revisit(charge.hash, clock, &mut |penalty, now| {
            blocked = penalty.wait(&penalties.params(), now, 1);
        });
    }
    (usage, blocked)
}

const SUBJECTS: usize = 65_536;
const MOST_SUBJECTS: usize = 100_000_000;
const BLOCK_UNITS: u32 = 2;

#[cfg(test)]
mod tests;
