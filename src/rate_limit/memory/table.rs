//! `Table`: counts in fixed lines of keyed hashes, in memory that is set at the start and never grows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate_limit::algorithm::{Counter, WindowParams};
use crate::rate_limit::decision::{Charge, Usage};

/// The counts of one limit.
///
/// A hash belongs to one line of eight places. A new subject takes an idle place, else that of the subject that used
/// least of its limit, the longest untouched of several; a subject at its limit is never driven out. Where all eight are
/// at theirs, new ones share an overflow count.
///
/// A lock is for many lines: so it is in the cache even where its line is not. Nothing of a line can be fetched before
/// its lock is held, and then all of it is at once.
pub(in crate::rate_limit) struct Table<C> {
    shards: Box<[Shard<C>]>,
    /// None where subjects must not be taken for each other.
    overflow: Box<[Mutex<C>]>,
    params: WindowParams,
}

/// Alone in what a processor fetches at once, so that two locks do not wait for each other.
#[repr(align(64))]
struct Shard<C>(Mutex<Box<[Set<C>]>>);

#[derive(Clone)]
struct Set<C> {
    /// The places, the last touched first.
    recent: [u8; WAYS],
    places: [Way<C>; WAYS],
}

#[derive(Clone)]
struct Way<C> {
    /// Of whom; [`FREE`] where of nobody.
    hash: Hash,
    count: C,
}

/// A hash, in parts: no count takes more memory beside it than the hash does.
#[derive(Clone, Copy, PartialEq)]
struct Hash([u16; 4]);

impl Hash {
    #[inline]
    fn of(hash: u64) -> Self {
        Self([hash as u16, (hash >> 16) as u16, (hash >> 32) as u16, (hash >> 48) as u16])
    }
}

const FREE: Hash = Hash([0; 4]);
const MOST_SHARDS: usize = 1_024;
const LINES_A_SHARD: usize = 8;
pub(in crate::rate_limit) const WAYS: usize = 8;
// A flood of subjects at their limits meets this many shared counts.
const OVERFLOWS: usize = 256;

/// Whether a cost fits into what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rate_limit) enum Outcome {
    Fits,
    /// It will after so many microseconds; `None`: never.
    Exceeds(Option<u64>),
}

/// What was decided of one charge alone, and when.
#[derive(Clone, Copy, Debug)]
pub(in crate::rate_limit) struct SingleDecision {
    pub(in crate::rate_limit) outcome: Outcome,
    pub(in crate::rate_limit) now: u64,
    /// What is then in use.
    pub(in crate::rate_limit) usage: Usage,
}

/// What a limit charges of its table, whatever its algorithm.
///
/// The clock is read once a line is locked, else visitors that wait for one another settle it backwards: what flowed
/// back would do so twice, and a unit would not be found at the time that it was charged at.
pub(in crate::rate_limit) trait CounterTable: Send + Sync {
    /// Judges what is asked and charges what fits, where nothing else is asked beside it.
    fn decide_alone(&self, charge: &Charge, clock: &dyn Fn() -> u64) -> SingleDecision;

    /// Judges what is asked while the subject's line is locked, tells the outcome and its time, and charges it as of the
    /// time that is returned. With what is then in use.
    fn decide(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        may_charge: &mut dyn FnMut(Outcome, u64) -> Option<u64>,
    ) -> Usage;

    /// Shows the subject's count, settled, while its line is locked; what is then in use is kept.
    fn visit(&self, hash: u64, limit: u32, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Counter, u64));

    /// Shows the count of a subject that has one, settled by the limit that it was last visited with.
    fn revisit(&self, hash: u64, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Counter, u64));

    /// Forgets what the subject used.
    fn forget(&self, hash: u64);

    /// Window and step.
    fn params(&self) -> WindowParams;
}

impl<C: Counter + Clone + Default> Table<C> {
    /// Places for at least so many subjects, and what they share beyond.
    pub(in crate::rate_limit) fn new(subjects: usize, params: WindowParams) -> Self {
        Self {
            overflow: (0..OVERFLOWS).map(|_| Mutex::default()).collect(),
            ..Self::without_overflow(subjects, params)
        }
    }

    /// Places for at least so many subjects; one for whom there is none is not remembered.
    pub(in crate::rate_limit) fn without_overflow(subjects: usize, params: WindowParams) -> Self {
        let line = Set {
            recent: std::array::from_fn(|place| place as u8),
            places: std::array::from_fn(|_| Way { hash: FREE, count: C::default() }),
        };
        let lines = subjects.div_ceil(WAYS).max(1);
        let shards = (lines / LINES_A_SHARD).clamp(1, MOST_SHARDS);
        let shard = || Shard(Mutex::new(vec![line.clone(); lines.div_ceil(shards)].into()));
        Self { shards: (0..shards).map(|_| shard()).collect(), overflow: Box::default(), params }
    }

    /// The lines of a shard, locked, and which of them is the hash's.
    #[inline]
    fn shard(&self, hash: u64) -> Option<(MutexGuard<'_, Box<[Set<C>]>>, usize)> {
        // The high bits choose the shard, by the high word of a product and without a division; its low word, which is spread
        // as evenly, chooses the line.
        let wide = u128::from(hash) * self.shards.len() as u128;
        let lines = lock(&self.shards.get((wide >> 64) as usize)?.0);
        let index = (u128::from(wide as u64) * lines.len() as u128) >> 64;
        Some((lines, index as usize))
    }
}

#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Counter + Clone> Set<C> {
    #[inline]
    fn find(&mut self, hash: Hash) -> Option<(usize, &mut C)> {
        let mut places = self.places.iter_mut().enumerate();
        places.find(|(_, place)| place.hash == hash).map(|(index, place)| (index, &mut place.count))
    }

    #[inline]
    fn touch(&mut self, place: usize) {
        let mut newer = place as u8;
        for recent in &mut self.recent {
            std::mem::swap(recent, &mut newer);
            if usize::from(newer) == place {
                return;
            }
        }
    }

    fn put(&mut self, index: usize, hash: Hash, count: C) {
        if let Some(place) = self.places.get_mut(index) {
            *place = Way { hash, count };
            self.touch(index);
        }
    }

    /// The place that a new subject may take; `None` where everybody is at their limit.
    fn victim(&self, params: &WindowParams, now: u64) -> Option<usize> {
        let mut least = None;
        for &recent in self.recent.iter().rev() {
            let index = usize::from(recent);
            let Some(place) = self.places.get(index) else { continue };
            if place.hash == FREE {
                return Some(index);
            }
            let mut count = place.count.clone();
            count.settle(&params.with_limit(count.limit()), now);
            let (used, limit) = (u64::from(count.used()), u64::from(count.limit()));
            if used == 0 {
                return Some(index);
            }
            // Fractions are compared by their cross products.
            let is_less = least.is_into_result(|(_, other, of)| used * of < other * limit);
            if used < limit && is_less {
                least = Some((index, used, limit));
            }
        }
        least.map(|(index, ..)| index)
    }
}

impl<C: Counter + Clone + Default> Table<C> {
    #[inline]
    fn show(&self, hash: u64, params: &WindowParams, clock: &dyn Fn() -> u64, visitor: impl FnOnce(&mut C, u64)) {
        let hash = hash.max(1);
        let Some((mut lines, index)) = self.shard(hash) else { return };
        let Some(line) = lines.get_mut(index) else { return };
        let now = clock();
        if let Some((place, count)) = line.find(Hash::of(hash)) {
            count.settle(params, now);
            visitor(count, now);
            line.touch(place);
            return;
        }
        match line.victim(params, now) {
            Some(place) => {
                let mut count = C::default();
                count.settle(params, now);
                visitor(&mut count, now);
                if count.used() > 0 {
                    line.put(place, Hash::of(hash), count);
                }
            }
            None => {
                let mut unkept = C::default();
                let mut shared = self.overflow.get(hash as usize % OVERFLOWS).map(lock);
                let count = shared.as_deref_mut().unwrap_or(&mut unkept);
                let now = clock();
                count.settle(params, now);
                visitor(count, now);
            }
        }
    }
}

#[inline]
fn judge(count: &impl Counter, params: &WindowParams, now: u64, charge: &Charge) -> Outcome {
    if charge.cost == 0 || count.used().checked_add(charge.cost).is_some_and(|used| used <= charge.limit) {
        return Outcome::Fits;
    }
    Outcome::Exceeds((charge.cost <= charge.limit).then(|| count.wait(params, now, charge.cost)))
}

impl<C: Counter + Clone + Default + Send> CounterTable for Table<C> {
    fn decide_alone(&self, charge: &Charge, clock: &dyn Fn() -> u64) -> SingleDecision {
        let params = self.params.with_limit(charge.limit);
        let mut decision = SingleDecision { outcome: Outcome::Exceeds(Some(0)), now: 0, usage: Usage::default() };
        self.show(charge.hash, &params, clock, |count, now| {
            let outcome = judge(count, &params, now, charge);
            if outcome == Outcome::Fits {
                count.charge(&params, now, charge.cost);
            }
            decision =
                SingleDecision { outcome, now, usage: Usage { used: count.used(), reset: count.reset(&params, now) } };
        });
        decision
    }

    fn decide(
        &self,
        charge: &Charge,
        clock: &dyn Fn() -> u64,
        may_charge: &mut dyn FnMut(Outcome, u64) -> Option<u64>,
    ) -> Usage {
        let params = self.params.with_limit(charge.limit);
        let mut usage = Usage::default();
        self.show(charge.hash, &params, clock, |count, now| {
            let charged = may_charge(judge(count, &params, now, charge), now);
            if let Some(then) = charged {
                if then != now {
                    count.settle(&params, then);
                }
                count.charge(&params, then, charge.cost);
            }
            usage = Usage { used: count.used(), reset: count.reset(&params, charged.unwrap_or(now)) };
        });
        usage
    }

    fn visit(&self, hash: u64, limit: u32, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Counter, u64)) {
        self.show(hash, &self.params.with_limit(limit), clock, |count, now| visitor(count, now));
    }

    fn revisit(&self, hash: u64, clock: &dyn Fn() -> u64, visitor: &mut dyn FnMut(&mut dyn Counter, u64)) {
        let hash = hash.max(1);
        if let Some((mut lines, index)) = self.shard(hash)
            && let Some((_, count)) = lines.get_mut(index).and_then(|line| line.find(Hash::of(hash)))
        {
            let now = clock();
            count.settle(&self.params.with_limit(count.limit()), now);
            visitor(count, now);
        }
    }

    fn forget(&self, hash: u64) {
        let hash = hash.max(1);
        if let Some((mut lines, index)) = self.shard(hash)
            && let Some(line) = lines.get_mut(index)
            && let Some((place, _)) = line.find(Hash::of(hash))
        {
            line.put(place, FREE, C::default());
        }
    }

    fn params(&self) -> WindowParams {
        self.params
    }
}

impl<C> fmt::Debug for Table<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
