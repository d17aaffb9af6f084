//! `Policy`: a built `RateLimit`, what it charges a request, and what a decision means.

// Nothing here is validated again: the builder has done that. Indexes are read with `get` all the same, because library
// code must not panic; the fallbacks are never reached.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, request};

use crate::clock::SteadyClock;
use crate::context::route::{matched_path, method_name};
use crate::context::{
    LimitSnapshot, LimitSnapshots, RateLimitStatus, Realm, RequestRoute, RoutePattern, UserContext, Visitor,
};
use crate::gate::{Denial, DenialKind, Violation};
use crate::rate_limit::decision::{Charge, ChargedAt, Charges, Decision, Intervention, Usage};
use crate::rate_limit::diagnostics::Diagnostics;
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::memory::decide;
use crate::rate_limit::memory::limit_tables::LimitTables;
#[cfg(feature = "redis")]
use crate::rate_limit::redis::limiter::RedisLimiter;
use crate::rate_limit::response_headers::RateLimitHeaders;
use crate::rate_limit::rule::Rule;
use crate::rate_limit::subject::Subject;

/// The limits of a layer, immutable after `build()`. All clones of a `RateLimit` share one.
pub(super) struct Policy {
    /// In the order in which their tables are locked.
    pub(super) rules: Box<[Rule]>,
    /// The names of the rules.
    pub(super) names: Arc<[Arc<str>]>,
    pub(super) exempt: Box<[RoutePattern]>,
    pub(super) headers: RateLimitHeaders,
    pub(super) clock: SteadyClock,
    /// The counters of this process. With a store in Redis, they serve while it is unavailable.
    pub(super) memory: MemoryStore,
    /// The tables of each rule, in the order in which they are locked.
    pub(super) tables: Box<[Arc<LimitTables>]>,
    #[cfg(feature = "redis")]
    pub(super) redis: Option<RedisLimiter>,
    pub(super) diagnostics: Diagnostics,
    /// Whether the exemptions or a rule look at the route. Otherwise it is not looked up.
    pub(super) needs_route: bool,
    /// Whether a setting has no effect on requests that have not passed a router.
    pub(super) needs_match: bool,
    /// The headers with API keys by which a rule counts.
    pub(super) api_key_headers: Box<[HeaderName]>,
    /// Whether a rule counts only failures, so that requests may be refunded.
    pub(super) refunds: bool,
}

/// The decision about a request, or the need to ask Redis for it.
pub(super) enum Ruling {
    Decided(Decision),
    #[cfg(feature = "redis")]
    AskRedis,
}

impl Policy {
    /// Reads from the request head what the request is charged. No charges if it is exempt or no rule applies to it.
    #[inline]
    pub(super) fn charges(&self, head: &request::Parts) -> Result<Charges, Denial> {
        let mut charges = Charges::default();
        let route = if self.needs_route { Some(RequestRoute::of(head)) } else { None };
        if self.needs_match && route.is_some_and(|route| !route.has_passed_router()) {
            self.diagnostics.route_unknown();
        }
        if route.is_some_and(|route| route.is_any_of(&self.exempt)) {
            return Ok(charges);
        }
        // The peer is the same for all rules, so its check runs once for each request.
        let mut has_checked_peer = false;
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.applies_to(head, route) {
                let charge = self.charge_request(index, rule, head, route, &mut has_checked_peer)?;
                charges.push(charge);
            }
        }
        Ok(charges)
    }

    /// Returns what a rule charges the request.
    // This and `charge` are inlined by force: as calls they take some 40 instructions more.
    #[inline(always)]
    fn charge_request(
        &self,
        index: usize,
        rule: &Rule,
        head: &request::Parts,
        route: Option<RequestRoute<'_>>,
        has_checked_peer: &mut bool,
    ) -> Result<Charge, Denial> {
        if rule.depends_on_user() && head.extensions.get::<Visitor>().is_none() {
            self.diagnostics.tier_unknown(self.names.get(index).map_or("", |name| name));
        }
        let mut quota = rule.quota_for(|| UserContext::from_extensions(&head.extensions));
        // A request whose subject is unknown is rejected, and not admitted uncounted.
        let mut subject = rule.key.subject(head)?;
        if rule.by_credential
            && let Some(user) = UserContext::from_extensions(&head.extensions)
            && let Some(own) = self.quota_of_credential(index, rule, user)
        {
            quota = own;
            subject = subject.into_credential(user);
        }
        if rule.by_route {
            subject = subject.on_route(route.map_or("", |route| rule.route_to_count(route)));
        }
        if !*has_checked_peer {
            *has_checked_peer = self.diagnostics.check_peer(&subject, head);
        }
        Ok(self.charge(index, rule, quota, rule.cost.of(head), &subject))
    }

    /// Returns the charges of a subject outside a request, under every rule whose key matches it.
    pub(super) fn charges_for(&self, subject: &Subject<'_>, units: u32) -> Charges {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.key.matches(subject));
        let charge = |(index, rule): (usize, &Rule)| {
            let user = subject.user_context().filter(|_| rule.by_credential);
            match user.and_then(|user| Some((user, self.quota_of_credential(index, rule, user)?))) {
                Some((user, quota)) => self.charge(index, rule, quota, units, &subject.clone().into_credential(user)),
                None => self.charge(index, rule, rule.quota_for(|| subject.user_context()), units, subject),
            }
        };
        rules.map(charge).collect()
    }

    /// Returns the quota of the user's credential, in place of a position in the rule; `None` if the quotas of the rule
    /// apply.
    fn quota_of_credential(&self, index: usize, rule: &Rule, user: &UserContext) -> Option<(u8, u32)> {
        let quota = user.quota()?;
        if quota.window() != rule.window {
            self.diagnostics.quota_ignored(self.names.get(index).map_or("", |name| name), quota);
            return None;
        }
        Some((Charge::OF_CREDENTIAL, quota.units().get()))
    }

    /// Returns the charge of a subject. The hash for this process's tables is computed with a store in Redis too,
    /// because cached denials and mirrored counters are found by it.
    #[inline(always)]
    fn charge(
        &self,
        index: usize,
        rule: &Rule,
        (quota_index, limit): (u8, u32),
        cost: u32,
        subject: &Subject<'_>,
    ) -> Charge {
        let ipv6_prefix = rule.key.ipv6_prefix_bits();
        Charge {
            rule_index: index as u8,
            quota_index,
            is_shadow: rule.is_shadow,
            reports_more: self.headers.ietf_draft,
            readmits: rule.readmits,
            limit,
            full_limit: limit,
            cost,
            hash: self.memory.hash(subject, ipv6_prefix, rule.by_route),
            #[cfg(feature = "redis")]
            digest: self.redis.as_ref().map_or(0, |_| rule.digest(subject)),
            #[cfg(feature = "redis")]
            redis_charged_at: 0,
        }
    }

    /// Decides about the charges of a request, and keeps those that were considered.
    #[inline]
    pub(super) fn decide(&self, charges: &mut Charges) -> Ruling {
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.redis {
            return self.decide_without_redis(redis, charges);
        }
        Ruling::Decided(self.decide_in_memory(charges))
    }

    /// Decides by the tables of this process.
    #[inline]
    pub(super) fn decide_in_memory(&self, charges: &[Charge]) -> Decision {
        decide::decide(&self.tables, charges, &|| self.clock.micros())
    }

    /// Returns why the request is rejected; `None` if it is admitted. Logs the shadow limits that it exceeds, and the
    /// blocks that it starts. Units that are charged outside a request have no head.
    #[inline]
    pub(super) fn denial(
        &self,
        charges: &[Charge],
        decision: &Decision,
        head: Option<&request::Parts>,
    ) -> Option<Denial> {
        if !decision.has_any_exceeded() && !decision.is_rejected {
            return None;
        }
        for (index, charge) in charges.iter().enumerate() {
            if charge.is_shadow && decision.has_exceeded(index) && !self.counts_in_a_row(charge) {
                let (method, route) = (head.map(method_name), head.and_then(matched_path));
                let limit = self.name(charge);
                tracing::info!(method, route, limit, "a shadow limit would have rejected this request");
            }
        }
        decision.is_rejected.then(|| self.exceeded(charges, decision, head))
    }

    /// Returns the denial of a rejected request. A block is reported first, then an outage: its caller is not at fault.
    #[cold]
    fn exceeded(&self, charges: &[Charge], decision: &Decision, head: Option<&request::Parts>) -> Denial {
        let rejecting = charges.iter().enumerate().filter(|(index, charge)| decision.is_rejected_by(*index, charge));
        let names = rejecting.filter_map(|(_, charge)| self.names.get(usize::from(charge.rule_index)).map(Arc::clone));
        let violation = Violation::of_shared(names, decision.wait().map(Duration::from_micros));
        let kind = if decision.is_blocked {
            DenialKind::AbnormalUsage(violation)
        } else if decision.is_outage {
            DenialKind::ReducedCapacity(violation)
        } else {
            DenialKind::QuotaExceeded(violation)
        };
        let denial = Denial::new(kind, Realm::default());
        for (_, charge) in charges.iter().enumerate().filter(|(index, _)| decision.starts_block(*index)) {
            tracing::info!(
                kind = denial.code(),
                status = denial.status().as_u16(),
                method = head.map(method_name),
                route = head.and_then(matched_path),
                limit = self.name(charge),
                "exceeding the limit blocks the subject"
            );
        }
        denial
    }

    /// Returns how much is left of each limit after the decision, for headers and handlers. Shadow limits are left out.
    #[inline]
    pub(super) fn snapshots(&self, charges: &[Charge], decision: &Decision) -> LimitSnapshots {
        let mut snapshots = LimitSnapshots::default();
        for (index, charge) in charges.iter().enumerate().filter(|(_, charge)| !charge.is_shadow) {
            if let Some(usage) = decision.usage(index) {
                snapshots.push(snapshot(charge, usage));
            }
        }
        snapshots
    }

    #[inline]
    pub(super) fn status(&self, snapshots: LimitSnapshots) -> RateLimitStatus {
        RateLimitStatus::new(Arc::clone(&self.names), snapshots)
    }

    /// Returns the time of a decision for response headers, in microseconds since 1970.
    ///
    /// Clients compare it with their own clocks, so it is the time of the wall clock, however often that was set since
    /// the start. The clock of Redis is a wall clock too.
    #[inline]
    pub(super) fn wall_clock(&self, charged_at: ChargedAt) -> u64 {
        #[cfg(feature = "redis")]
        if charged_at.is_remote {
            return charged_at.store;
        }
        if self.headers.needs_time() { self.clock.wall_micros() } else { charged_at.store }
    }

    /// Refunds a charge that was applied at `charged_at`.
    pub(super) fn refund(&self, charge: &Charge, charged_at: ChargedAt) {
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.redis {
            // A charge that this process decided about in an outage is not known to Redis.
            if charged_at.is_remote {
                redis.refund(charge, charge.redis_charged_at);
            }
            // Only mirrored limits are counted in this process too.
            if !redis.is_mirrored(charge) {
                return;
            }
        }
        if let Some(tables) = self.tables_of(charge) {
            decide::refund(tables, charge, &|| self.clock.micros(), charged_at.local);
        }
    }

    /// Whether the limit of a charge counts failures in a row. It rejects nothing, and is reported when it is full.
    pub(super) fn counts_in_a_row(&self, charge: &Charge) -> bool {
        self.rule(charge).is_some_and(|rule| rule.counts_in_a_row)
    }

    /// Returns the charge of the count of failures in a row that belongs to an account; `None` if there is no such
    /// count.
    #[cfg(feature = "login_protection")]
    pub(super) fn failures_in_a_row(&self, account: &Subject<'_>) -> Option<Charge> {
        let charges = self.charges_for(account, 1);
        charges.iter().find(|charge| self.counts_in_a_row(charge)).copied()
    }

    /// Forgets what a subject used of a limit, without waiting for a response of Redis.
    pub(super) fn forget_usage(&self, charge: &Charge) {
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.redis {
            redis.forget_usage(charge);
        }
        if let Some(tables) = self.tables_of(charge) {
            decide::intervene(tables, charge, Intervention::Reset, &|| self.clock.micros());
        }
    }

    pub(super) fn tables_of(&self, charge: &Charge) -> Option<&LimitTables> {
        self.tables.get(usize::from(charge.rule_index)).map(|tables| &**tables)
    }

    #[inline]
    pub(super) fn rule(&self, charge: &Charge) -> Option<&Rule> {
        self.rules.get(usize::from(charge.rule_index))
    }

    pub(super) fn name(&self, charge: &Charge) -> &str {
        self.names.get(usize::from(charge.rule_index)).map_or("", |name| name)
    }
}

/// Returns the usage as callers see it: what remains, and seconds rounded up, so that no client returns too early.
#[inline]
fn snapshot(charge: &Charge, usage: Usage) -> LimitSnapshot {
    let seconds = |micros: u64| u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX);
    LimitSnapshot {
        limit: charge.limit,
        remaining: charge.limit.saturating_sub(usage.used),
        more: seconds(usage.more),
        reset: seconds(usage.reset),
        rule_index: charge.rule_index,
        quota_index: charge.quota_index,
        subject: charge.subject(),
    }
}

#[cfg(test)]
mod tests;
