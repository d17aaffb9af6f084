//! `Table`: counts in fixed lines of keyed hashes, in memory that is set at the start and never grows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate_limit::count::{Count, Terms};

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

/// What a limit asks of its table, whatever its algorithm.
pub(super) trait Shelf: Send + Sync {
    /// Shows the subject's count, settled, while its line is locked; what is then in use is kept.
    fn visit(&self, hash: u64, limit: u32, now: u64, visitor: &mut dyn FnMut(&mut dyn Count));

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
            && let Some(newer) = self.recent.get_mut(..=rank)
        {
            newer.rotate_right(1);
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

impl<C: Count + Clone + Default + Send> Shelf for Table<C> {
    fn visit(&self, hash: u64, limit: u32, now: u64, visitor: &mut dyn FnMut(&mut dyn Count)) {
        let hash = hash.max(1);
        let terms = self.terms.with_limit(limit);
        let Some(mut line) = self.line(hash) else { return };
        if let Some(place) = line.place_of(hash) {
            if let Some(count) = line.counts.get_mut(place) {
                count.settle(&terms, now);
                visitor(count);
            }
            line.touch(place);
            return;
        }
        match line.victim(&terms, now) {
            Some(place) => {
                let mut count = C::default();
                count.settle(&terms, now);
                visitor(&mut count);
                if count.used() > 0 {
                    line.put(place, hash, count);
                }
            }
            None => {
                let mut unkept = C::default();
                let mut shared = self.overflow.get(hash as usize % OVERFLOWS).map(lock);
                let count = shared.as_deref_mut().unwrap_or(&mut unkept);
                count.settle(&terms, now);
                visitor(count);
            }
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

impl<C: Count + Clone> Line<C> {
    fn put(&mut self, place: usize, hash: u64, count: C) {
        if let (Some(known), Some(counts)) = (self.hashes.get_mut(place), self.counts.get_mut(place)) {
            *known = hash;
            *counts = count;
            self.touch(place);
        }
    }
}

impl<C> fmt::Debug for Table<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}
