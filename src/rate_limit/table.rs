//! `Table`: counts in fixed lines of keyed hashes, in memory that is set at the start and never grows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate_limit::count::{Count, Terms};
use crate::rate_limit::verdict::{Ask, Tally};

/// The counts of one limit.
///
/// A hash belongs to one line of eight places, and each line has a lock. A new subject takes an idle place, else that
/// of the subject that used least of its limit, the longest untouched of several; a subject at its limit is never
/// driven out. Where all eight are at theirs, new ones share an overflow count.
pub(super) struct Table<C> {
    lines: Box<[Mutex<Line<C>>]>,
    /// None where subjects must not be taken for each other.
    overflow: Box<[Mutex<C>]>,
    terms: Terms,
}

#[derive(Clone)]
struct Line<C> {
    /// Zero where the place is free.
    hashes: [u64; PLACES],
    /// The places, the last touched first.
    recent: [u8; PLACES],
    counts: [C; PLACES],
}

pub(super) const PLACES: usize = 8;
// A flood of subjects at their limits meets this many shared counts.
const OVERFLOWS: usize = 256;

/// Whether a cost fits into what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Fits,
    /// It will after so many microseconds; `None`: never.
    Exceeds(Option<u64>),
}

/// What a limit asks of its table, whatever its algorithm.
///
/// The clock is read once a line is locked, else visitors that wait for one another settle it backwards: what flowed
/// back would do so twice, and a unit would not be found at the time that it was charged at.
pub(super) trait Shelf: Send + Sync {
    /// Judges what is asked while the subject's line is locked, tells the judgement and its time, and charges it as of the
    /// time that is returned. With what is then in use.
    fn decide(
        &self,
        ask: &Ask,
        clock: &dyn Fn() -> u64,
        may_charge: &mut dyn FnMut(Judgement, u64) -> Option<u64>,
    ) -> Tally;

    /// Shows the subject's count, settled, while its line is locked; what is then in use is kept.
    fn visit(&self, hash: u64, limit: u32, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Count, u64));

    /// Shows the count of a subject that has one, settled by the limit that it was last visited with.
    fn revisit(&self, hash: u64, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Count, u64));

    /// Forgets what the subject used.
    fn forget(&self, hash: u64);

    /// Window and step.
    fn terms(&self) -> Terms;
}

impl<C: Count + Clone + Default> Table<C> {
    /// Places for at least so many subjects, and what they share beyond.
    pub(super) fn new(subjects: usize, terms: Terms) -> Self {
        Self { overflow: (0..OVERFLOWS).map(|_| Mutex::default()).collect(), ..Self::without_overflow(subjects, terms) }
    }

    /// Places for at least so many subjects; one for whom there is none is not remembered.
    pub(super) fn without_overflow(subjects: usize, terms: Terms) -> Self {
        let line = Line {
            hashes: [0; PLACES],
            recent: std::array::from_fn(|place| place as u8),
            counts: std::array::from_fn(|_| C::default()),
        };
        let lines = subjects.div_ceil(PLACES).max(1);
        Self { lines: (0..lines).map(|_| Mutex::new(line.clone())).collect(), overflow: Box::default(), terms }
    }

    fn line(&self, hash: u64) -> Option<MutexGuard<'_, Line<C>>> {
        // The high bits choose the line: a product of two words' high word, without a division.
        let index = (u128::from(hash) * self.lines.len() as u128) >> 64;
        self.lines.get(index as usize).map(lock)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Count + Clone> Line<C> {
    fn place_of(&self, hash: u64) -> Option<usize> {
        self.hashes.iter().position(|known| *known == hash)
    }

    fn touch(&mut self, place: usize) {
        if let Some(rank) = self.recent.iter().position(|recent| usize::from(*recent) == place)
            && rank > 0
            && let Some(newer) = self.recent.get_mut(..=rank)
        {
            newer.rotate_right(1);
        }
    }

    fn put(&mut self, place: usize, hash: u64, count: C) {
        if let (Some(known), Some(counts)) = (self.hashes.get_mut(place), self.counts.get_mut(place)) {
            *known = hash;
            *counts = count;
            self.touch(place);
        }
    }

    /// The place that a new subject may take; `None` where everybody is at their limit.
    fn victim(&self, terms: &Terms, now: u64) -> Option<usize> {
        let mut least = None;
        for &place in self.recent.iter().rev() {
            let place = usize::from(place);
            let (Some(hash), Some(count)) = (self.hashes.get(place), self.counts.get(place)) else { continue };
            if *hash == 0 {
                return Some(place);
            }
            let mut count = count.clone();
            count.settle(&terms.with_limit(count.limit()), now);
            let (used, limit) = (u64::from(count.used()), u64::from(count.limit()));
            if used == 0 {
                return Some(place);
            }
            // Fractions are compared by their cross products.
            let is_less = least.is_none_or(|(_, other, of)| used * of < other * limit);
            if used < limit && is_less {
                least = Some((place, used, limit));
            }
        }
        least.map(|(place, ..)| place)
    }
}

impl<C: Count + Clone + Default> Table<C> {
    fn show(&self, hash: u64, terms: &Terms, clock: &dyn Fn() -> u64, visitor: impl FnOnce(&mut C, u64)) {
        let hash = hash.max(1);
        let Some(mut line) = self.line(hash) else { return };
        let now = clock();
        if let Some(place) = line.place_of(hash) {
            if let Some(count) = line.counts.get_mut(place) {
                count.settle(terms, now);
                visitor(count, now);
            }
            line.touch(place);
            return;
        }
        match line.victim(terms, now) {
            Some(place) => {
                let mut count = C::default();
                count.settle(terms, now);
                visitor(&mut count, now);
                if count.used() > 0 {
                    line.put(place, hash, count);
                }
            }
            None => {
                let mut unkept = C::default();
                let mut shared = self.overflow.get(hash as usize % OVERFLOWS).map(lock);
                let count = shared.as_deref_mut().unwrap_or(&mut unkept);
                let now = clock();
                count.settle(terms, now);
                visitor(count, now);
            }
        }
    }
}

impl<C: Count + Clone + Default + Send> Shelf for Table<C> {
    fn decide(
        &self,
        ask: &Ask,
        clock: &dyn Fn() -> u64,
        may_charge: &mut dyn FnMut(Judgement, u64) -> Option<u64>,
    ) -> Tally {
        let terms = self.terms.with_limit(ask.limit);
        let mut tally = Tally::default();
        self.show(ask.hash, &terms, clock, |count, now| {
            let fits = ask.cost == 0 || count.used().checked_add(ask.cost).is_some_and(|used| used <= ask.limit);
            let judgement = if fits {
                Judgement::Fits
            } else {
                Judgement::Exceeds((ask.cost <= ask.limit).then(|| count.wait(&terms, now, ask.cost)))
            };
            let charged = may_charge(judgement, now);
            if let Some(then) = charged {
                if then != now {
                    count.settle(&terms, then);
                }
                count.charge(&terms, then, ask.cost);
            }
            tally = Tally { used: count.used(), reset: count.reset(&terms, charged.unwrap_or(now)) };
        });
        tally
    }

    fn visit(&self, hash: u64, limit: u32, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Count, u64)) {
        self.show(hash, &self.terms.with_limit(limit), clock, |count, now| visitor(count, now));
    }

    fn revisit(&self, hash: u64, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Count, u64)) {
        let hash = hash.max(1);
        if let Some(mut line) = self.line(hash)
            && let Some(place) = line.place_of(hash)
            && let Some(count) = line.counts.get_mut(place)
        {
            let now = clock();
            count.settle(&self.terms.with_limit(count.limit()), now);
            visitor(count, now);
        }
    }

    fn forget(&self, hash: u64) {
        let hash = hash.max(1);
        if let Some(mut line) = self.line(hash)
            && let Some(place) = line.place_of(hash)
        {
            line.put(place, 0, C::default());
        }
    }

    fn terms(&self) -> Terms {
        self.terms
    }
}

impl<C> fmt::Debug for Table<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
