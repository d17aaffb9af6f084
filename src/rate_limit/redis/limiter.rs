//! `RedisLimiter`: how the rules of one limiter are asked of the server, and what is done without it.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::clock::SteadyClock;
use crate::rate_limit::admin::{Intervention, StoreUnavailable};
use crate::rate_limit::algorithm::CachedDenial;
use crate::rate_limit::algorithm::WindowParams;
use crate::rate_limit::decision::{Charge, Decision, Usage};
use crate::rate_limit::limit::OutagePolicy;
use crate::rate_limit::memory::table::CounterTable;
use crate::rate_limit::memory::{self, LimitTables};
use crate::rate_limit::policy::Charges;
use crate::rate_limit::quota::micros;
use crate::rate_limit::redis::batch::Batcher;
use crate::rate_limit::redis::protocol::{Answer, Job, Operation, Part};

/// The rules of one limiter, as they are asked of the server.
pub(in crate::rate_limit) struct RedisLimiter {
    batcher: Arc<Batcher>,
    prefix: Arc<str>,
    rules: Box<[RedisRule]>,
}

/// What the server and this process need to know of one limit.
pub(in crate::rate_limit) struct RedisRule {
    /// As the script reads it, by grade.
    pub(in crate::rate_limit) tier_quotas: Box<[Arc<[u8]>]>,
    pub(in crate::rate_limit) outage: OutagePolicy,
    /// Whether units may come back before their time, so that a denial says nothing of the next request.
    pub(in crate::rate_limit) may_be_refunded: bool,
    pub(in crate::rate_limit) notes: Arc<dyn CounterTable>,
}

impl RedisLimiter {
    pub(super) fn new(batcher: Arc<Batcher>, prefix: Arc<str>, rules: Vec<RedisRule>) -> Self {
        Self { batcher, prefix, rules: rules.into() }
    }

    /// Whether to charge the server now.
    pub(in crate::rate_limit) fn is_worth_asking(&self, charges: &[Charge]) -> bool {
        let now = Instant::now();
        let charges = if self.batcher.is_cluster() { charges } else { charges.get(..1).unwrap_or_default() };
        charges.iter().all(|charge| self.batcher.breakers.admits(charge.digest, now))
    }

    /// The refusal that the server would give, where this process knows, and the charges that it refuses: what the others
    /// have left is not known here.
    pub(in crate::rate_limit) fn noted(&self, charges: &[Charge], now: u64) -> Option<(Charges, Decision)> {
        let waits = |charge: &Charge| {
            let (mut block, mut wait, mut reset) = (0, 0, 0);
            if let Some(rule) = self.rule(charge).filter(|_| !charge.is_shadow && charge.cost > 0) {
                let params = rule.notes.params().with_limit(fingerprint(charges, charge));
                rule.notes.revisit(charge.hash, &|| now, &mut |note, _| {
                    // A block is noted under the limit zero, which is nobody's.
                    block = note.wait(&params.with_limit(0), now, 0);
                    wait = note.wait(&params, now, 0);
                    reset = note.reset(&params, now);
                });
            }
            (block, wait, reset)
        };
        let is_refused = |charge: &&Charge| matches!(waits(charge), (1.., _, _) | (_, 1.., _));
        let refused = Charges::of(charges.iter().filter(is_refused).copied());
        let mut decision = Decision::new(refused.as_slice().len());
        for (index, charge) in refused.as_slice().iter().enumerate() {
            match waits(charge) {
                (0, wait, reset) => {
                    decision.set(index, Usage { used: u32::MAX, reset });
                    decision.refuse(index, charge, (charge.cost <= charge.limit).then_some(wait));
                }
                (block, _, reset) => {
                    decision.set(index, Usage { used: u32::MAX, reset });
                    decision.block(index, block);
                }
            }
        }
        decision.is_refused.then_some((refused, decision))
    }

    /// Charges the server, in one call or one for each subject; `sent` is this process's time. The charges with the times of
    /// their charges, the decision, and the latest of the times. `None` where a part was not answered and no other refused.
    pub(in crate::rate_limit) async fn decide(
        &self,
        charges: &[Charge],
        sent: u64,
        clock: &SteadyClock,
    ) -> Option<(Charges, Decision, u64)> {
        let answers = self.ask_all(Operation::Decide, charges, 0).await;
        let trip = clock.micros().saturating_sub(sent);
        let has_refusal = answers.iter().any(|(_, answer)| answer.as_ref().is_into_result(Answer::is_refused));
        let mut decision = Decision::new(charges.len());
        let (mut latest, mut is_whole) = (0, true);
        let mut charged = charges.to_vec();
        for (places, answer) in &answers {
            let Some(answer) = answer else {
                is_whole = false;
                continue;
            };
            latest = latest.max(answer.now);
            for place in places {
                if let Some(charge) = charged.get_mut(*place) {
                    // The clocks of two nodes differ.
                    charge.then = answer.now;
                }
            }
            answer.add_to(&mut decision, charges, places);
            if has_refusal && !answer.is_refused() {
                // An exceeded shadow was not charged.
                let charged = places.iter().enumerate().filter(|(index, _)| !answer.has_exceeded(*index));
                charged.filter_map(|(_, place)| charges.get(*place)).for_each(|charge| self.refund(charge, answer.now));
            } else {
                self.note(charges, places, answer, sent, trip);
            }
        }
        if !decision.is_refused {
            // What was charged makes the wait of what costs more longer than was noted.
            let charged = charges.iter().filter(|charge| charge.cost > 0 && !charge.is_shadow);
            charged
                .filter_map(|charge| Some((self.rule(charge)?, charge)))
                .for_each(|(rule, charge)| rule.notes.forget(charge.hash));
        }
        // A refusal is one whatever the others would have said.
        (is_whole || decision.is_refused).then(|| (Charges::of(charged.into_iter()), decision, latest))
    }

    /// Gives back what was charged at `then`, without waiting for it.
    pub(in crate::rate_limit) fn refund(&self, charge: &Charge, then: u64) {
        let job = Job { operation: Operation::Refund, parts: self.parts(&[*charge], &[0], then) };
        if self.batcher.send(job).is_none() {
            tracing::warn!("a unit could not be given back: no runtime drives the call, or too many wait");
        }
    }

    /// Remembers a refusal. Only where one limit refused: how long each of several will is not told.
    fn note(&self, charges: &[Charge], places: &[usize], answer: &Answer, sent: u64, trip: u64) {
        // What other requests were charged here may be given back at once, since another node refuses them.
        let may_be_given_back = places.len() < charges.len();
        let mut exceeded = places.iter().enumerate().filter(|(index, _)| answer.has_exceeded(*index));
        let (Some((index, place)), None) = (exceeded.next(), exceeded.next()) else { return };
        let (Some(charge), Some((usage, blocked))) = (charges.get(*place), answer.usages.get(index)) else { return };
        let Some(rule) = self.rule(charge).filter(|_| !charge.is_shadow) else { return };
        let (limit, wait) = match (blocked, answer.wait()) {
            (1.., _) => (0, *blocked),
            (0, Some(wait)) if !rule.may_be_refunded && !may_be_given_back => (fingerprint(charges, charge), wait),
            _ => return,
        };
        let params = WindowParams { limit, window: wait, step: usage.reset.max(wait).saturating_add(trip) };
        let late = answer.wait().unwrap_or(wait).saturating_sub(wait).saturating_add(trip).div_ceil(CachedDenial::LATE);
        let late = u32::try_from(late).unwrap_or(u32::MAX);
        rule.notes.visit(charge.hash, limit, &|| sent, &mut |note, _| note.charge(&params, sent, late));
    }

    /// Counts along in this process, for the case of an outage.
    pub(in crate::rate_limit) fn mirror_locally(&self, seats: &[LimitTables], charges: &[Charge], now: u64) {
        for charge in charges {
            if let Some(seat) = self.local(seats, charge) {
                let params = seat.counts.params().with_limit(charge.limit);
                seat.counts
                    .visit(charge.hash, charge.limit, &|| now, &mut |count, _| count.charge(&params, now, charge.cost));
            }
        }
    }

    /// The local counts of a limit that goes by them in an outage.
    pub(in crate::rate_limit) fn local<'a>(
        &self,
        seats: &'a [LimitTables],
        charge: &Charge,
    ) -> Option<&'a LimitTables> {
        self.rule(charge).filter(|rule| matches!(rule.outage, OutagePolicy::Local(_)))?;
        seats.get(usize::from(charge.rule))
    }

    /// Decides without the server, each limit by its policy: the charges that were judged, and how.
    pub(in crate::rate_limit) fn decide_locally(
        &self,
        seats: &[LimitTables],
        charges: &[Charge],
        clock: &dyn Fn() -> u64,
    ) -> (Charges, Decision) {
        let outage = |charge: &Charge| self.rule(charge).map_or(OutagePolicy::FailClosed, |rule| rule.outage);
        let then = Instant::now();
        let rest = micros(
            charges.iter().map(|charge| self.batcher.breakers.rest(charge.digest, then)).max().unwrap_or_default(),
        );
        let is_closed = |charge: &Charge| outage(charge) == OutagePolicy::FailClosed && !charge.is_shadow;
        if charges.iter().any(is_closed) {
            let closed = Charges::of(charges.iter().filter(|charge| is_closed(charge)).copied());
            let mut decision = Decision::new(closed.as_slice().len());
            closed.as_slice().iter().enumerate().for_each(|(index, charge)| decision.refuse(index, charge, None));
            decision.reduce(rest);
            decision.now = clock();
            return (closed, decision);
        }
        let shared = charges.iter().filter_map(|charge| match outage(charge) {
            OutagePolicy::Local(share) => {
                Some(Charge { limit: (f64::from(charge.limit) * share).ceil() as u32, ..*charge })
            }
            OutagePolicy::FailClosed | OutagePolicy::FailOpen => None,
        });
        let shared = Charges::of(shared);
        let mut decision = memory::decide(seats, shared.as_slice(), clock);
        let over = shared.as_slice().iter().zip(decision.usages()).enumerate();
        let is_over = |(index, (charge, usage)): (usize, (&Charge, &Option<Usage>))| {
            let Some(usage) = usage else { return false };
            decision.is_refused_by(index, charge) && usage.used.saturating_add(charge.cost) > charge.whole
        };
        let is_over_the_whole = { over }.any(is_over);
        if decision.is_refused && !is_over_the_whole {
            decision.reduce(rest);
        }
        (shared, decision)
    }

    /// Charges one operation of each limit; in a cluster, of each subject on its own. With the places of the charges, the
    /// answers.
    async fn ask_all(&self, operation: Operation, charges: &[Charge], then: u64) -> Vec<(Vec<usize>, Option<Answer>)> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (place, charge) in charges.iter().enumerate() {
            let is_of_group = |group: &&mut Vec<usize>| {
                let first = group.first().and_then(|first| charges.get(*first));
                !self.batcher.is_cluster() || first.is_some_and(|first| first.digest == charge.digest)
            };
            match groups.iter_mut().find(is_of_group) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        let mut sent = Vec::with_capacity(groups.len());
        for places in groups {
            let job = Job { operation, parts: self.parts(charges, &places, then) };
            sent.push((places, self.batcher.send(job)));
        }
        let deadline = self.batcher.deadline();
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

    fn parts(&self, charges: &[Charge], places: &[usize], then: u64) -> Vec<Part> {
        let charges = places.iter().filter_map(|place| charges.get(*place));
        let part = |charge: &Charge| {
            let rule = self.rule(charge)?.tier_quotas.get(usize::from(charge.grade))?;
            Some(Part {
                prefix: Arc::clone(&self.prefix),
                digest: charge.digest,
                rule: Arc::clone(rule),
                cost: charge.cost,
                then,
            })
        };
        charges.filter_map(part).collect()
    }

    /// What is in use of each limit, and for how long its subject is blocked.
    pub(in crate::rate_limit) async fn peek(&self, charges: &[Charge]) -> Result<Vec<(Usage, u64)>, StoreUnavailable> {
        let mut usages = vec![(Usage::default(), 0); charges.len()];
        for (places, answer) in self.ask_all(Operation::Peek, charges, 0).await {
            let answer = answer.ok_or(StoreUnavailable)?;
            for (place, usage) in places.into_iter().zip(answer.usages) {
                if let Some(known) = usages.get_mut(place) {
                    *known = usage;
                }
            }
        }
        Ok(usages)
    }

    /// Does it on the server; this process forgets what it knew of the subject.
    pub(in crate::rate_limit) async fn intervene(
        &self,
        charges: &[Charge],
        intervention: Intervention,
    ) -> Result<(), StoreUnavailable> {
        let operation = match intervention {
            Intervention::Forgive => Operation::Forgive,
            Intervention::Reset => Operation::Reset,
            Intervention::Unblock => Operation::Unblock,
        };
        let answers = self.ask_all(operation, charges, 0).await;
        for charge in charges {
            if let Some(rule) = self.rule(charge) {
                rule.notes.forget(charge.hash);
            }
        }
        if answers.iter().all(|(_, answer)| answer.is_some()) { Ok(()) } else { Err(StoreUnavailable) }
    }

    fn rule(&self, charge: &Charge) -> Option<&RedisRule> {
        self.rules.get(usize::from(charge.rule))
    }
}

/// What a note says of: the limit, the cost, and all that the request charges beside it. A greater cost waits longer, and
/// beside others, another limit may refuse for longer. Never zero.
fn fingerprint(charges: &[Charge], of: &Charge) -> u32 {
    let others = charges.iter().filter(|charge| charge.rule != of.rule && !charge.is_shadow);
    let mixed = others.fold(u64::from(of.cost).wrapping_mul(ODD), |mixed, charge| {
        let asked = u64::from(charge.limit) << 32 | u64::from(charge.cost);
        (mixed.rotate_left(21) ^ charge.hash ^ asked ^ u64::from(charge.rule)).wrapping_mul(ODD)
    });
    ((mixed >> 32) as u32 ^ of.limit).max(1)
}

/// Two to the 64th by the golden ratio: spreads what is multiplied by it.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
