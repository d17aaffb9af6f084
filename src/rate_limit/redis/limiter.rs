//! `RedisLimiter`: decides with Redis about the charges of one layer, and without it during an outage.

// On one server, one job decides about all charges of a request, so they are applied or not as a whole. In a cluster,
// charges with different subjects may be on different nodes, and no script can see both. Then each subject is a job of
// its own, all are sent at once, and if one of them rejects the request, the charges of the others are refunded. For
// that moment, other requests of these subjects may be rejected too early; none is admitted that should not be.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::clock::SteadyClock;
use crate::context::quota::micros;
use crate::rate_limit::algorithm::cached_denial::{CachedDenial, DenialInForce, DenialParams};
use crate::rate_limit::decision::{Charge, ChargedAt, Charges, Decision, Intervention, StoreUnavailable, Usage};
use crate::rate_limit::limit::OutagePolicy;
use crate::rate_limit::memory::decide;
use crate::rate_limit::memory::limit_tables::LimitTables;
use crate::rate_limit::memory::table::Table;
use crate::rate_limit::redis::protocol::{Job, JobCharge, JobResponse, Operation, RuleParams, hash_tag};
use crate::store::batch::Batcher;

/// The rules of one layer and the connection that decides about them.
pub(in crate::rate_limit) struct RedisLimiter {
    batcher: Arc<Batcher<Job>>,
    prefix: Arc<str>,
    rules: Box<[RedisRule]>,
}

/// What is needed of one limit to decide with Redis and without it.
pub(in crate::rate_limit) struct RedisRule {
    /// The rule in the script's encoding, for each quota.
    pub(in crate::rate_limit) quotas: Box<[Arc<[u8]>]>,
    /// The step of the quota of a credential.
    pub(in crate::rate_limit) credential_step: u64,
    pub(in crate::rate_limit) outage: OutagePolicy,
    /// Whether units may be refunded, so that a denial does not predict the next one.
    pub(in crate::rate_limit) may_be_refunded: bool,
    pub(in crate::rate_limit) denials: Arc<Table<CachedDenial>>,
}

/// The positions of the charges that one job asked about, and the response.
struct PartialResponse {
    positions: Vec<usize>,
    /// `None` if there was no response in time.
    response: Option<JobResponse>,
}

impl RedisLimiter {
    pub(super) fn new(batcher: Arc<Batcher<Job>>, prefix: Arc<str>, rules: Vec<RedisRule>) -> Self {
        Self { batcher, prefix, rules: rules.into() }
    }

    /// Whether the circuit breaker allows a call now. In a cluster, all nodes that the request needs must be available.
    pub(in crate::rate_limit) fn is_available(&self, charges: &[Charge]) -> bool {
        let now = Instant::now();
        let charges = if self.batcher.is_cluster() { charges } else { charges.get(..1).unwrap_or_default() };
        charges.iter().all(|charge| {
            self.batcher.outages.breakers.allows_call(self.batcher.hash_slot(|| hash_tag(charge.digest)), now)
        })
    }

    /// Returns the denied charges and the decision, if a denial by Redis is cached and still in force.
    ///
    /// The other charges are left out: their usage is not known here.
    pub(in crate::rate_limit) fn cached_denial(&self, charges: &[Charge], now: u64) -> Option<(Charges, Decision)> {
        let mut denied = Charges::default();
        let mut denials: Vec<DenialInForce> = Vec::new();
        for charge in charges {
            if let Some(denial) = self.denial_of(charges, charge, now) {
                denied.push(*charge);
                denials.push(denial);
            }
        }
        if denied.is_empty() {
            return None;
        }
        let mut decision = Decision::admit(denied.len());
        for (index, (charge, denial)) in denied.iter().zip(denials).enumerate() {
            decision.set_usage(index, Usage { used: u32::MAX, more: denial.more, reset: denial.reset });
            if denial.is_block {
                decision.block(index, charge, denial.wait);
            } else {
                decision.exceed(index, charge, (charge.cost <= charge.limit).then_some(denial.wait));
            }
        }
        Some((denied, decision))
    }

    /// Returns the cached denial of one charge, if it applies to a request with these charges.
    fn denial_of(&self, charges: &[Charge], charge: &Charge, now: u64) -> Option<DenialInForce> {
        let rule = self.rule(charge).filter(|_| !charge.is_shadow && charge.cost > 0)?;
        let mut denial = None;
        rule.denials.access_existing(charge.hash, &|| now, |cached, now| {
            denial = cached.in_force(fingerprint(charges, charge), now);
        });
        denial
    }

    /// Asks Redis, in one call or in a cluster in one for each subject.
    ///
    /// Returns the charges with the times at which they were applied, the decision, and the latest of these times.
    /// Returns `None` if a response is missing and no other rejects the request.
    pub(in crate::rate_limit) async fn decide(
        &self,
        charges: &[Charge],
        clock: &SteadyClock,
    ) -> Option<(Charges, Decision, u64)> {
        let sent_at = clock.micros();
        let responses = self.ask(Operation::Decide, charges, 0).await;
        let round_trip = clock.micros().saturating_sub(sent_at);
        let is_complete = responses.iter().all(|partial| partial.response.is_some());
        let is_rejected = |partial: &PartialResponse| partial.response.as_ref().is_none_or(JobResponse::is_rejected);
        // One rejection or one missing response is enough: a request is charged everywhere or nowhere.
        let must_undo = responses.iter().any(is_rejected);
        let mut decision = Decision::admit(charges.len());
        let mut latest = 0;
        let mut charged = charges.to_vec();
        for PartialResponse { positions, response } in &responses {
            let Some(response) = response else { continue };
            latest = latest.max(response.now);
            for position in positions {
                if let Some(charge) = charged.get_mut(*position) {
                    // Each node has its own clock.
                    charge.redis_charged_at = response.now;
                }
            }
            response.add_to(&mut decision, charges, positions);
            if must_undo && !response.is_rejected() {
                self.undo(charges, positions, response);
            } else {
                self.cache_denial(charges, positions, response, sent_at, round_trip);
            }
        }
        if !decision.is_rejected {
            self.forget_denials(charges);
        }
        // If one response rejects the request, the missing ones cannot change that.
        (is_complete || decision.is_rejected).then(|| (charged.into_iter().collect(), decision, latest))
    }

    /// Refunds what one node charged, because another one rejects the request or did not respond.
    fn undo(&self, charges: &[Charge], positions: &[usize], response: &JobResponse) {
        // A shadow limit that was exceeded was not charged.
        let charged = positions.iter().enumerate().filter(|(index, _)| !response.has_exceeded(*index));
        for charge in charged.filter_map(|(_, position)| charges.get(*position)) {
            self.refund(charge, response.now);
        }
    }

    /// Refunds a charge that was applied at `charged_at`, without waiting for the response.
    pub(in crate::rate_limit) fn refund(&self, charge: &Charge, charged_at: u64) {
        self.send(Operation::Refund, charge, charged_at);
    }

    /// Resets what a subject used of a limit, without waiting for the response.
    pub(in crate::rate_limit) fn forget_usage(&self, charge: &Charge) {
        self.send(Operation::Reset, charge, 0);
    }

    fn send(&self, operation: Operation, charge: &Charge, charged_at: u64) {
        let charges = self.job_charges(&[*charge], &[0], charged_at);
        if self.batcher.send(Job { operation, charges }).is_none() {
            tracing::warn!("a refund was not sent to Redis: no Tokio runtime with timers, or the queue is full");
        }
    }

    /// Caches a denial, if one limit alone denied: the script reports only one wait for several limits.
    ///
    /// A block denies every request of the subject until it ends, so it is always cached. Otherwise the wait is that of
    /// this request: it is cached only if no refund can shorten it, and for requests with the same fingerprint.
    fn cache_denial(
        &self,
        charges: &[Charge],
        positions: &[usize],
        response: &JobResponse,
        sent_at: u64,
        round_trip: u64,
    ) {
        let mut exceeded = positions.iter().enumerate().filter(|(index, _)| response.has_exceeded(*index));
        let (Some((index, position)), None) = (exceeded.next(), exceeded.next()) else { return };
        let Some((usage, blocked)) = response.usages.get(index) else { return };
        let Some(charge) = charges.get(*position).filter(|charge| !charge.is_shadow) else { return };
        let Some(rule) = self.rule(charge) else { return };
        // Units that other requests were charged on this node may be refunded at once, if another node rejects them.
        let may_be_refunded = rule.may_be_refunded || positions.len() < charges.len();
        let (fingerprint, wait) = match (*blocked, response.wait()) {
            (1.., _) => (None, *blocked),
            (0, Some(wait)) if !may_be_refunded => (Some(fingerprint(charges, charge)), wait),
            _ => return,
        };
        let denial = DenialParams {
            fingerprint,
            wait,
            more: usage.more.saturating_add(round_trip),
            reset: usage.reset.max(wait).saturating_add(round_trip),
            // Another limit may reject for longer than the block lasts.
            slack: response.wait().unwrap_or(wait).saturating_sub(wait).saturating_add(round_trip),
        };
        rule.denials.access(charge.hash, &|| sent_at, |cached, _| *cached = CachedDenial::new(&denial, sent_at));
    }

    /// Removes cached denials after a request was admitted: its charge lengthens the wait of more expensive requests.
    fn forget_denials(&self, charges: &[Charge]) {
        for charge in charges.iter().filter(|charge| charge.cost > 0 && !charge.is_shadow) {
            if let Some(rule) = self.rule(charge) {
                rule.denials.remove(charge.hash);
            }
        }
    }

    /// Applies charges that Redis admitted to the counters of this process, so that they are current in an outage.
    ///
    /// They count only what this process admitted. During an outage, each process continues from there, with its share
    /// of the limit.
    pub(in crate::rate_limit) fn mirror_locally(&self, tables: &[Arc<LimitTables>], charges: &[Charge], now: u64) {
        for charge in charges.iter().filter(|charge| self.is_mirrored(charge)) {
            if let Some(tables) = tables.get(usize::from(charge.rule_index)) {
                tables.counters.apply(charge, now);
            }
        }
    }

    /// Whether the limit counts in this process during an outage.
    pub(in crate::rate_limit) fn is_mirrored(&self, charge: &Charge) -> bool {
        matches!(self.outage_policy(charge), OutagePolicy::Local { .. })
    }

    /// Returns the outage policy of a charge's limit; the strictest if the limit is unknown.
    fn outage_policy(&self, charge: &Charge) -> OutagePolicy {
        self.rule(charge).map_or(OutagePolicy::FailClosed, |rule| rule.outage)
    }

    /// Decides during an outage, each limit by its policy. Returns the charges that were considered, and the decision.
    pub(in crate::rate_limit) fn decide_locally(
        &self,
        tables: &[Arc<LimitTables>],
        charges: &[Charge],
        clock: &dyn Fn() -> u64,
    ) -> (Charges, Decision) {
        let retry_after = self.retry_after(charges);
        let fails_closed =
            |charge: &&Charge| self.outage_policy(charge) == OutagePolicy::FailClosed && !charge.is_shadow;
        // If any limit fails closed, the request is rejected, and the other limits need not be looked at.
        let closed: Charges = charges.iter().filter(fails_closed).copied().collect();
        if !closed.is_empty() {
            let mut decision = Decision::admit(closed.len());
            closed.iter().enumerate().for_each(|(index, charge)| decision.exceed(index, charge, None));
            decision.blame_outage(retry_after);
            decision.charged_at = ChargedAt::in_memory(clock());
            return (closed, decision);
        }
        let share = |charge: &Charge| match self.outage_policy(charge) {
            OutagePolicy::Local { share } => {
                Some(Charge { limit: (f64::from(charge.limit) * share).ceil() as u32, ..*charge })
            }
            OutagePolicy::FailClosed | OutagePolicy::FailOpen => None,
        };
        // Limits that fail open are left out: their requests are neither counted nor rejected.
        let shared: Charges = charges.iter().filter_map(share).collect();
        let mut decision = decide::decide(tables, &shared, clock);
        if decision.is_rejected && !exceeds_full_limit(&shared, &decision) {
            decision.blame_outage(retry_after);
        }
        (shared, decision)
    }

    /// Returns the microseconds until the next call to Redis.
    fn retry_after(&self, charges: &[Charge]) -> u64 {
        let now = Instant::now();
        let slots = charges.iter().map(|charge| self.batcher.hash_slot(|| hash_tag(charge.digest)));
        let longest = slots.map(|slot| self.batcher.outages.breakers.retry_after(slot, now)).max();
        micros(longest.unwrap_or_default())
    }

    /// Asks for one operation on all charges; in a cluster, in one job for each subject.
    async fn ask(&self, operation: Operation, charges: &[Charge], charged_at: u64) -> Vec<PartialResponse> {
        let jobs = self.positions_by_node(charges).into_iter().map(|positions| {
            let job = Job { operation, charges: self.job_charges(charges, &positions, charged_at) };
            (positions, self.batcher.send(job))
        });
        // All jobs are sent before the first response is awaited.
        let sent: Vec<_> = jobs.collect();
        let deadline = self.batcher.deadline();
        let mut responses = Vec::with_capacity(sent.len());
        for (positions, receiver) in sent {
            let response = match receiver {
                Some(receiver) => timeout_at(deadline, receiver).await.ok().and_then(Result::ok),
                None => None,
            };
            responses.push(PartialResponse { positions, response });
        }
        responses
    }

    /// Groups the positions of charges that one call can decide about: all of them, or in a cluster those of one
    /// subject.
    fn positions_by_node(&self, charges: &[Charge]) -> Vec<Vec<usize>> {
        if !self.batcher.is_cluster() {
            return if charges.is_empty() { Vec::new() } else { vec![(0..charges.len()).collect()] };
        }
        let mut groups: Vec<(u128, Vec<usize>)> = Vec::new();
        for (position, charge) in charges.iter().enumerate() {
            match groups.iter_mut().find(|(digest, _)| *digest == charge.digest) {
                Some((_, group)) => group.push(position),
                None => groups.push((charge.digest, vec![position])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Returns the charges at these positions in the form that the script reads.
    fn job_charges(&self, charges: &[Charge], positions: &[usize], charged_at: u64) -> Vec<JobCharge> {
        let charges = positions.iter().filter_map(|position| charges.get(*position));
        let job_charge = |charge: &Charge| {
            let rule = self.rule(charge)?;
            let rule = match charge.quota_index {
                Charge::OF_CREDENTIAL => {
                    RuleParams::with_limit(rule.quotas.first()?, charge.full_limit, rule.credential_step)?
                }
                index => Arc::clone(rule.quotas.get(usize::from(index))?),
            };
            Some(JobCharge {
                prefix: Arc::clone(&self.prefix),
                digest: charge.digest,
                rule,
                cost: charge.cost,
                charged_at,
            })
        };
        charges.filter_map(job_charge).collect()
    }

    /// Returns the usage under each limit, and the microseconds for which the subject is blocked.
    pub(in crate::rate_limit) async fn peek(&self, charges: &[Charge]) -> Result<Vec<(Usage, u64)>, StoreUnavailable> {
        let mut usages = vec![(Usage::default(), 0); charges.len()];
        for PartialResponse { positions, response } in self.ask(Operation::Peek, charges, 0).await {
            let response = response.ok_or(StoreUnavailable)?;
            for (position, usage) in positions.into_iter().zip(response.usages) {
                if let Some(known) = usages.get_mut(position) {
                    *known = usage;
                }
            }
        }
        Ok(usages)
    }

    /// Applies what an administrator asked for on the server, and removes cached denials of the subject.
    pub(in crate::rate_limit) async fn intervene(
        &self,
        charges: &[Charge],
        intervention: Intervention,
    ) -> Result<(), StoreUnavailable> {
        let operation = match intervention {
            Intervention::Refund => Operation::RefundLast,
            Intervention::Reset => Operation::Reset,
            Intervention::Unblock => Operation::Unblock,
        };
        let responses = self.ask(operation, charges, 0).await;
        // Even if a response is missing: the server may have carried out the call.
        for charge in charges {
            if let Some(rule) = self.rule(charge) {
                rule.denials.remove(charge.hash);
            }
        }
        let is_complete = responses.iter().all(|partial| partial.response.is_some());
        if is_complete { Ok(()) } else { Err(StoreUnavailable) }
    }

    fn rule(&self, charge: &Charge) -> Option<&RedisRule> {
        self.rules.get(usize::from(charge.rule_index))
    }
}

/// Whether the request exceeds a limit as a whole, and not only this process's share of it.
fn exceeds_full_limit(charges: &[Charge], decision: &Decision) -> bool {
    charges.iter().enumerate().any(|(index, charge)| {
        let used = decision.usage(index).map(|usage| usage.used.saturating_add(charge.cost));
        decision.is_rejected_by(index, charge) && used.is_some_and(|used| used > charge.full_limit)
    })
}

/// Identifies requests that Redis denies for equally long: those with the same limit, the same cost, and the same other
/// charges. A greater cost waits longer, and under other charges another limit may deny for longer.
///
/// It is a hash of 32 bits. A collision within the requests of one subject would deny a request until the wait of
/// another is over. The hash of the other subjects in it is keyed, so a caller cannot choose collisions.
fn fingerprint(charges: &[Charge], of: &Charge) -> NonZeroU32 {
    let mut mixed = u64::from(of.cost).wrapping_mul(MULTIPLIER);
    for charge in charges.iter().filter(|charge| charge.rule_index != of.rule_index && !charge.is_shadow) {
        let amount = u64::from(charge.limit) << 32 | u64::from(charge.cost);
        let combined = mixed.rotate_left(21) ^ charge.hash ^ amount ^ u64::from(charge.rule_index);
        mixed = combined.wrapping_mul(MULTIPLIER);
    }
    NonZeroU32::new((mixed >> 32) as u32 ^ of.limit).unwrap_or(NonZeroU32::MIN)
}

/// 2^64 divided by the golden ratio: multiplying by it spreads low bits over the high ones (Fibonacci hashing).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
