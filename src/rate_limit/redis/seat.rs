//! `RedisSeat`: how the rules of one limiter are asked of the server, and what is done without it.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::clock::SteadyClock;
use crate::rate_limit::count::Terms;
use crate::rate_limit::limit::OutagePolicy;
use crate::rate_limit::memory::{self, Seat};
use crate::rate_limit::operator::{Intervention, StoreUnavailable};
use crate::rate_limit::policy::Asks;
use crate::rate_limit::quota::micros;
use crate::rate_limit::redis::flight::Flights;
use crate::rate_limit::redis::note::Note;
use crate::rate_limit::redis::wire::{Answer, Job, Operation, Part};
use crate::rate_limit::table::Shelf;
use crate::rate_limit::verdict::{Ask, Tally, Verdict};

/// The rules of one limiter, as they are asked of the server.
pub(in crate::rate_limit) struct RedisSeat {
    flights: Arc<Flights>,
    prefix: Arc<str>,
    rules: Box<[RedisRule]>,
}

/// What the server and this process need to know of one limit.
pub(in crate::rate_limit) struct RedisRule {
    /// As the script reads it, by grade.
    pub(in crate::rate_limit) grades: Box<[Arc<[u8]>]>,
    pub(in crate::rate_limit) outage: OutagePolicy,
    /// Whether units may come back before their time, so that a denial says nothing of the next request.
    pub(in crate::rate_limit) may_be_refunded: bool,
    pub(in crate::rate_limit) notes: Arc<dyn Shelf>,
}

impl RedisSeat {
    pub(super) fn new(flights: Arc<Flights>, prefix: Arc<str>, rules: Vec<RedisRule>) -> Self {
        Self { flights, prefix, rules: rules.into() }
    }

    /// Whether to ask the server now.
    pub(in crate::rate_limit) fn is_worth_asking(&self, asks: &[Ask]) -> bool {
        let now = Instant::now();
        let asks = if self.flights.is_cluster() { asks } else { asks.get(..1).unwrap_or_default() };
        asks.iter().all(|ask| self.flights.breakers.admits(ask.digest, now))
    }

    /// The refusal that the server would give, where this process knows, and the asks that it refuses: what the others
    /// have left is not known here.
    pub(in crate::rate_limit) fn noted(&self, asks: &[Ask], now: u64) -> Option<(Asks, Verdict)> {
        let waits = |ask: &Ask| {
            let (mut block, mut wait, mut reset) = (0, 0, 0);
            if let Some(rule) = self.rule(ask).filter(|_| !ask.is_shadow && ask.cost > 0) {
                let terms = rule.notes.terms().with_limit(mark(asks, ask));
                rule.notes.revisit(ask.hash, &|| now, &mut |note, _| {
                    // A block is noted under the limit zero, which is nobody's.
                    block = note.wait(&terms.with_limit(0), now, 0);
                    wait = note.wait(&terms, now, 0);
                    reset = note.reset(&terms, now);
                });
            }
            (block, wait, reset)
        };
        let is_refused = |ask: &&Ask| matches!(waits(ask), (1.., _, _) | (_, 1.., _));
        let refused = Asks::of(asks.iter().filter(is_refused).copied());
        let mut verdict = Verdict::new(refused.as_slice().len());
        for (index, ask) in refused.as_slice().iter().enumerate() {
            match waits(ask) {
                (0, wait, reset) => {
                    verdict.set(index, Tally { used: u32::MAX, reset });
                    verdict.refuse(index, ask, (ask.cost <= ask.limit).then_some(wait));
                }
                (block, _, reset) => {
                    verdict.set(index, Tally { used: u32::MAX, reset });
                    verdict.block(index, block);
                }
            }
        }
        verdict.is_refused.then_some((refused, verdict))
    }

    /// Asks the server, in one call or one for each subject; `sent` is this process's time. The asks with the times of
    /// their charges, the verdict, and the latest of the times. `None` where a part was not answered and no other refused.
    pub(in crate::rate_limit) async fn decide(
        &self,
        asks: &[Ask],
        sent: u64,
        clock: &SteadyClock,
    ) -> Option<(Asks, Verdict, u64)> {
        let answers = self.ask_all(Operation::Decide, asks, 0).await;
        let trip = clock.micros().saturating_sub(sent);
        let has_refusal = answers.iter().any(|(_, answer)| answer.as_ref().is_none_or(Answer::is_refused));
        let mut verdict = Verdict::new(asks.len());
        let (mut latest, mut is_whole) = (0, true);
        let mut charged = asks.to_vec();
        for (places, answer) in &answers {
            let Some(answer) = answer else {
                is_whole = false;
                continue;
            };
            latest = latest.max(answer.now);
            for place in places {
                if let Some(ask) = charged.get_mut(*place) {
                    // The clocks of two nodes differ.
                    ask.then = answer.now;
                }
            }
            answer.add_to(&mut verdict, asks, places);
            if has_refusal && !answer.is_refused() {
                // An exceeded shadow was not charged.
                let charged = places.iter().enumerate().filter(|(index, _)| !answer.has_exceeded(*index));
                charged.filter_map(|(_, place)| asks.get(*place)).for_each(|ask| self.refund(ask, answer.now));
            } else {
                self.note(asks, places, answer, sent, trip);
            }
        }
        if !verdict.is_refused {
            // What was charged makes the wait of what costs more longer than was noted.
            let charged = asks.iter().filter(|ask| ask.cost > 0 && !ask.is_shadow);
            charged.filter_map(|ask| Some((self.rule(ask)?, ask))).for_each(|(rule, ask)| rule.notes.forget(ask.hash));
        }
        // A refusal is one whatever the others would have said.
        (is_whole || verdict.is_refused).then(|| (Asks::of(charged.into_iter()), verdict, latest))
    }

    /// Gives back what was charged at `then`, without waiting for it.
    pub(in crate::rate_limit) fn refund(&self, ask: &Ask, then: u64) {
        let job = Job { operation: Operation::Refund, parts: self.parts(&[*ask], &[0], then) };
        if self.flights.send(job).is_none() {
            tracing::warn!("a unit could not be given back: no runtime drives the call, or too many wait");
        }
    }

    /// Remembers a refusal. Only where one limit refused: how long each of several will is not told.
    fn note(&self, asks: &[Ask], places: &[usize], answer: &Answer, sent: u64, trip: u64) {
        // What other requests were charged here may be given back at once, since another node refuses them.
        let may_be_given_back = places.len() < asks.len();
        let mut exceeded = places.iter().enumerate().filter(|(index, _)| answer.has_exceeded(*index));
        let (Some((index, place)), None) = (exceeded.next(), exceeded.next()) else { return };
        let (Some(ask), Some((tally, blocked))) = (asks.get(*place), answer.tallies.get(index)) else { return };
        let Some(rule) = self.rule(ask).filter(|_| !ask.is_shadow) else { return };
        let (limit, wait) = match (blocked, answer.wait()) {
            (1.., _) => (0, *blocked),
            (0, Some(wait)) if !rule.may_be_refunded && !may_be_given_back => (mark(asks, ask), wait),
            _ => return,
        };
        let terms = Terms { limit, window: wait, step: tally.reset.max(wait).saturating_add(trip) };
        let late = answer.wait().unwrap_or(wait).saturating_sub(wait).saturating_add(trip).div_ceil(Note::LATE);
        let late = u32::try_from(late).unwrap_or(u32::MAX);
        rule.notes.visit(ask.hash, limit, &|| sent, &mut |note, _| note.charge(&terms, sent, late));
    }

    /// Counts along in this process, for the case of an outage.
    pub(in crate::rate_limit) fn count_along(&self, seats: &[Seat], asks: &[Ask], now: u64) {
        for ask in asks {
            if let Some(seat) = self.local(seats, ask) {
                let terms = seat.counts.terms().with_limit(ask.limit);
                seat.counts.visit(ask.hash, ask.limit, &|| now, &mut |count, _| count.charge(&terms, now, ask.cost));
            }
        }
    }

    /// The local counts of a limit that goes by them in an outage.
    pub(in crate::rate_limit) fn local<'a>(&self, seats: &'a [Seat], ask: &Ask) -> Option<&'a Seat> {
        self.rule(ask).filter(|rule| matches!(rule.outage, OutagePolicy::Local(_)))?;
        seats.get(usize::from(ask.rule))
    }

    /// Decides without the server, each limit by its policy: the asks that were judged, and how.
    pub(in crate::rate_limit) fn make_do(
        &self,
        seats: &[Seat],
        asks: &[Ask],
        clock: &dyn Fn() -> u64,
    ) -> (Asks, Verdict) {
        let outage = |ask: &Ask| self.rule(ask).map_or(OutagePolicy::FailClosed, |rule| rule.outage);
        let then = Instant::now();
        let rest =
            micros(asks.iter().map(|ask| self.flights.breakers.rest(ask.digest, then)).max().unwrap_or_default());
        let is_closed = |ask: &Ask| outage(ask) == OutagePolicy::FailClosed && !ask.is_shadow;
        if asks.iter().any(is_closed) {
            let closed = Asks::of(asks.iter().filter(|ask| is_closed(ask)).copied());
            let mut verdict = Verdict::new(closed.as_slice().len());
            closed.as_slice().iter().enumerate().for_each(|(index, ask)| verdict.refuse(index, ask, None));
            verdict.reduce(rest);
            verdict.now = clock();
            return (closed, verdict);
        }
        let shared = asks.iter().filter_map(|ask| match outage(ask) {
            OutagePolicy::Local(share) => Some(Ask { limit: (f64::from(ask.limit) * share).ceil() as u32, ..*ask }),
            OutagePolicy::FailClosed | OutagePolicy::FailOpen => None,
        });
        let shared = Asks::of(shared);
        let mut verdict = memory::decide(seats, shared.as_slice(), clock);
        let over = shared.as_slice().iter().zip(verdict.tallies()).enumerate();
        let is_over = |(index, (ask, tally)): (usize, (&Ask, &Option<Tally>))| {
            let Some(tally) = tally else { return false };
            verdict.is_refused_by(index, ask) && tally.used.saturating_add(ask.cost) > ask.whole
        };
        let is_over_the_whole = { over }.any(is_over);
        if verdict.is_refused && !is_over_the_whole {
            verdict.reduce(rest);
        }
        (shared, verdict)
    }

    /// Asks one operation of each limit; in a cluster, of each subject on its own. With the places of the asks, the
    /// answers.
    async fn ask_all(&self, operation: Operation, asks: &[Ask], then: u64) -> Vec<(Vec<usize>, Option<Answer>)> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (place, ask) in asks.iter().enumerate() {
            let is_of_group = |group: &&mut Vec<usize>| {
                let first = group.first().and_then(|first| asks.get(*first));
                !self.flights.is_cluster() || first.is_some_and(|first| first.digest == ask.digest)
            };
            match groups.iter_mut().find(is_of_group) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        let mut sent = Vec::with_capacity(groups.len());
        for places in groups {
            let job = Job { operation, parts: self.parts(asks, &places, then) };
            sent.push((places, self.flights.send(job)));
        }
        let deadline = self.flights.deadline();
        let mut answers = Vec::with_capacity(sent.len());
        for (places, receiver) in sent {
            let answer = match receiver {
                Some(receiver) => timeout_at(deadline, receiver).await.ok().and_then(Result::ok),
                None => None,
            };
            answers.push((places, answer));
        }
        answers
    }

    fn parts(&self, asks: &[Ask], places: &[usize], then: u64) -> Vec<Part> {
        let asks = places.iter().filter_map(|place| asks.get(*place));
        let part = |ask: &Ask| {
            let rule = self.rule(ask)?.grades.get(usize::from(ask.grade))?;
            Some(Part {
                prefix: Arc::clone(&self.prefix),
                digest: ask.digest,
                rule: Arc::clone(rule),
                cost: ask.cost,
                then,
            })
        };
        asks.filter_map(part).collect()
    }

    /// What is in use of each limit, and for how long its subject is blocked.
    pub(in crate::rate_limit) async fn peek(&self, asks: &[Ask]) -> Result<Vec<(Tally, u64)>, StoreUnavailable> {
        let mut tallies = vec![(Tally::default(), 0); asks.len()];
        for (places, answer) in self.ask_all(Operation::Peek, asks, 0).await {
            let answer = answer.ok_or(StoreUnavailable)?;
            for (place, tally) in places.into_iter().zip(answer.tallies) {
                if let Some(known) = tallies.get_mut(place) {
                    *known = tally;
                }
            }
        }
        Ok(tallies)
    }

    /// Does it on the server; this process forgets what it knew of the subject.
    pub(in crate::rate_limit) async fn intervene(
        &self,
        asks: &[Ask],
        intervention: Intervention,
    ) -> Result<(), StoreUnavailable> {
        let operation = match intervention {
            Intervention::Forgive => Operation::Forgive,
            Intervention::Reset => Operation::Reset,
            Intervention::Unblock => Operation::Unblock,
        };
        let answers = self.ask_all(operation, asks, 0).await;
        for ask in asks {
            if let Some(rule) = self.rule(ask) {
                rule.notes.forget(ask.hash);
            }
        }
        if answers.iter().all(|(_, answer)| answer.is_some()) { Ok(()) } else { Err(StoreUnavailable) }
    }

    fn rule(&self, ask: &Ask) -> Option<&RedisRule> {
        self.rules.get(usize::from(ask.rule))
    }
}

/// What a note says of: the limit, the cost, and all that the request asks beside it. A greater cost waits longer, and
/// beside others, another limit may refuse for longer. Never zero.
fn mark(asks: &[Ask], of: &Ask) -> u32 {
    let others = asks.iter().filter(|ask| ask.rule != of.rule && !ask.is_shadow);
    let mixed = others.fold(u64::from(of.cost).wrapping_mul(ODD), |mixed, ask| {
        let asked = u64::from(ask.limit) << 32 | u64::from(ask.cost);
        (mixed.rotate_left(21) ^ ask.hash ^ asked ^ u64::from(ask.rule)).wrapping_mul(ODD)
    });
    ((mixed >> 32) as u32 ^ of.limit).max(1)
}

/// Two to the 64th by the golden ratio: spreads what is multiplied by it.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
