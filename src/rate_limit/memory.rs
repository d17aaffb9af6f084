//! `MemoryStore`: the counts of one process, in bounded memory.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::RateLimitStatus;
use crate::rate_limit::count::{Bucket, Exact, Fixed, Penalty, Sliding, Terms};
use crate::rate_limit::operator::Intervention;
use crate::rate_limit::quota::{Algorithm, MOST_EXACT};
#[cfg(feature = "redis")]
use crate::rate_limit::redis::Note;
use crate::rate_limit::sip::Sip;
use crate::rate_limit::subject::Subject;
use crate::rate_limit::table::{Judgement, Shelf, Table};
use crate::rate_limit::verdict::{Ask, Tally, Verdict};

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
    made: Mutex<Vec<(String, Arc<dyn Shelf>)>>,
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
    pub(super) fn counts(&self, name: &str, algorithm: Algorithm, terms: Terms) -> (usize, Arc<dyn Shelf>) {
        let size = match algorithm {
            Algorithm::SlidingLog => terms.limit.min(MOST_EXACT).next_power_of_two().max(8),
            Algorithm::SlidingWindow => terms.limit.max(u32::from(u16::MAX)),
            Algorithm::FixedWindow | Algorithm::TokenBucket => 0,
        };
        let id = format!("{algorithm:?} {} {size} {name}", terms.window);
        let subjects = self.0.subjects;
        self.shelf(id, || match (algorithm, size) {
            (Algorithm::SlidingLog, 8) => Arc::new(Table::<Exact<8>>::new(subjects, terms)),
            (Algorithm::SlidingLog, 16) => Arc::new(Table::<Exact<16>>::new(subjects, terms)),
            (Algorithm::SlidingLog, 32) => Arc::new(Table::<Exact<32>>::new(subjects, terms)),
            (Algorithm::SlidingLog, 64) => Arc::new(Table::<Exact<64>>::new(subjects, terms)),
            (Algorithm::SlidingLog, _) => Arc::new(Table::<Exact<128>>::new(subjects, terms)),
            (Algorithm::FixedWindow, _) => Arc::new(Table::<Fixed>::new(subjects, terms)),
            (Algorithm::SlidingWindow, size) if size > u32::from(u16::MAX) => {
                Arc::new(Table::<Sliding<u32>>::new(subjects, terms))
            }
            (Algorithm::SlidingWindow, _) => Arc::new(Table::<Sliding<u16>>::new(subjects, terms)),
            (Algorithm::TokenBucket, _) => Arc::new(Table::<Bucket>::new(subjects, terms)),
        })
    }

    /// The blocks of a limit.
    pub(super) fn penalties(&self, name: &str, terms: Terms) -> Arc<dyn Shelf> {
        let id = format!("blocks {} {} {name}", terms.window, terms.step);
        self.shelf(id, || Arc::new(Table::<Penalty>::without_overflow(self.0.subjects, terms))).1
    }

    /// The denials of a store that this process remembers, by limit.
    #[cfg(feature = "redis")]
    pub(super) fn notes(&self, name: &str) -> Arc<dyn Shelf> {
        let terms = Terms { limit: 1, window: 1, step: 1 };
        self.shelf(format!("notes {name}"), || Arc::new(Table::<Note>::without_overflow(self.0.subjects, terms))).1
    }

    fn shelf(&self, id: String, make: impl FnOnce() -> Arc<dyn Shelf>) -> (usize, Arc<dyn Shelf>) {
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
pub(super) struct Seat {
    pub(super) counts: Arc<dyn Shelf>,
    pub(super) penalties: Option<Arc<dyn Shelf>>,
}

/// Judges all that a request asks for, and charges it where nothing refuses. The seats stand in the order of their locks.
/// Blocks are for who goes over the whole limit, not over a share of it.
pub(super) fn decide(seats: &[Seat], asks: &[Ask], clock: &dyn Fn() -> u64) -> Verdict {
    let mut verdict = Verdict::new(asks.len());
    let mut blocks = [0; RateLimitStatus::MOST];
    for (ask, wait) in asks.iter().zip(&mut blocks) {
        let Some(penalties) = penalties(seats, ask).filter(|_| !ask.is_shadow) else { continue };
        penalties.visit(ask.hash, BLOCK_UNITS, clock, &mut |penalty, now| {
            *wait = penalty.wait(&penalties.terms(), now, 1);
        });
        verdict.is_refused |= *wait > 0;
    }
    // During a block too: what the limits have left may take longer to come back than the block lasts.
    judge(seats, asks, 0, clock, &mut verdict);
    for (index, wait) in blocks.into_iter().enumerate().filter(|(_, wait)| *wait > 0) {
        verdict.block(index, wait);
    }
    if verdict.is_blocked || !verdict.is_refused {
        return verdict;
    }
    for (index, ask) in asks.iter().enumerate() {
        let used = verdict.tally(index).map_or(0, |tally| tally.used);
        if verdict.is_refused_by(index, ask)
            && used.checked_add(ask.cost).is_none_or(|used| used > ask.whole)
            && let Some(penalties) = penalties(seats, ask)
        {
            penalties.visit(ask.hash, BLOCK_UNITS, clock, &mut |penalty, now| {
                // Requests that went over the limit together start one block, not one each.
                if penalty.wait(&penalties.terms(), now, 1) == 0 {
                    penalty.charge(&penalties.terms(), now, 1);
                }
                verdict.wait_for(penalty.wait(&penalties.terms(), now, 1));
            });
        }
    }
    verdict
}

fn penalties<'a>(seats: &'a [Seat], ask: &Ask) -> Option<&'a dyn Shelf> {
    seats.get(usize::from(ask.rule))?.penalties.as_deref()
}

/// Judges the asks from `index` on while the lines of those before are locked; on the way back, charges.
fn judge(seats: &[Seat], asks: &[Ask], index: usize, clock: &dyn Fn() -> u64, verdict: &mut Verdict) {
    let Some(ask) = asks.get(index) else { return };
    let Some(seat) = seats.get(usize::from(ask.rule)) else { return };
    let tally = seat.counts.decide(ask, clock, &mut |judgement, now| {
        verdict.now = now;
        if let Judgement::Exceeds(wait) = judgement {
            verdict.refuse(index, ask, wait);
        }
        judge(seats, asks, index + 1, clock, verdict);
        // All are charged as of when the last was locked.
        (judgement == Judgement::Fits && !verdict.is_refused).then_some(verdict.now)
    });
    verdict.set(index, tally);
}

/// Gives back what was charged at `then`.
pub(super) fn refund(seat: &Seat, ask: &Ask, clock: &dyn Fn() -> u64, then: u64) {
    let terms = seat.counts.terms().with_limit(ask.limit);
    seat.counts.visit(ask.hash, ask.limit, clock, &mut |count, now| count.refund(&terms, now, then, ask.cost));
}

/// What an operator does to the counts of a subject.
pub(super) fn intervene(seat: &Seat, ask: &Ask, intervention: Intervention, clock: &dyn Fn() -> u64) {
    match intervention {
        Intervention::Forgive => seat.counts.revisit(ask.hash, clock, &mut |count, _| count.forgive(ask.cost)),
        Intervention::Reset => seat.counts.forget(ask.hash),
        Intervention::Unblock => {}
    }
    if let Some(penalties) = seat.penalties.as_ref().filter(|_| intervention != Intervention::Forgive) {
        penalties.forget(ask.hash);
    }
}

/// What is in use, and for how long the subject is still blocked.
pub(super) fn peek(seat: &Seat, ask: &Ask, clock: &dyn Fn() -> u64) -> (Tally, u64) {
    let (mut tally, mut blocked) = (Tally::default(), 0);
    seat.counts.revisit(ask.hash, clock, &mut |count, now| {
        let terms = seat.counts.terms().with_limit(count.limit());
        tally = Tally { used: count.used(), reset: count.reset(&terms, now) };
    });
    if let Some(penalties) = &seat.penalties {
        penalties.revisit(ask.hash, clock, &mut |penalty, now| {
            blocked = penalty.wait(&penalties.terms(), now, 1);
        });
    }
    (tally, blocked)
}

const SUBJECTS: usize = 65_536;
const MOST_SUBJECTS: usize = 100_000_000;
const BLOCK_UNITS: u32 = 2;

#[cfg(test)]
mod tests;
