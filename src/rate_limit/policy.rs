//! What is true of a `RateLimit` once it is built: its rules, and what a request charges of them.

use std::sync::Arc;

use http::{HeaderValue, request};

use crate::clock::SteadyClock;
use crate::context::route::{matched_path, nested_path};
use crate::context::{Few, LimitSnapshot, RateLimitStatus, Tier, UserContext, Visitor};
use crate::gate::Denial;
use crate::rate_limit::decision::{Charge, Decision, Usage};
use crate::rate_limit::diagnostics::Diagnostics;
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::{Applies, Cost, Failure};
use crate::rate_limit::memory::{LimitTables, MemoryStore};
#[cfg(feature = "redis")]
use crate::rate_limit::redis::{RedisLimiter, digest};
use crate::rate_limit::response_headers::ResponseHeaders;
use crate::rate_limit::subject::Subject;

pub(super) struct Policy {
    pub(super) rules: Box<[Rule]>,
    pub(super) names: Arc<[Arc<str>]>,
    pub(super) exempt: Box<[Box<str>]>,
    pub(super) fields: ResponseHeaders,
    pub(super) clock: SteadyClock,
    /// The counts of this process; beside a store, those that serve while it cannot be asked.
    pub(super) memory: MemoryStore,
    /// The shelves of each rule.
    pub(super) seats: Box<[LimitTables]>,
    #[cfg(feature = "redis")]
    pub(super) redis: Option<RedisLimiter>,
    pub(super) diagnostics: Diagnostics,
    /// Whether there is one limit, kept in this process, that does nothing but count and refuse.
    pub(super) is_plain: bool,
}

/// One limit.
pub(super) struct Rule {
    pub(super) key: Key,
    /// The quota of each tier, the lowest first; the first is for everybody else too.
    pub(super) tier_quotas: Box<[TierQuota]>,
    pub(super) cost: Cost,
    pub(super) applies: Applies,
    pub(super) failure: Option<Failure>,
    pub(super) by_route: bool,
    pub(super) is_shadow: bool,
}

/// A quota, and how it is told.
pub(super) struct TierQuota {
    pub(super) tier: Option<Tier>,
    pub(super) limit: u32,
    /// `X-RateLimit-Limit`.
    pub(super) limit_field: HeaderValue,
    /// `RateLimit-Policy`.
    pub(super) policy_field: HeaderValue,
    /// The name as `RateLimit` tells it.
    pub(super) item: String,
}

/// What a request charges of the limits that apply to it.
#[derive(Clone, Debug)]
pub(super) struct Charges(Few<Charge>);

impl Policy {
    /// Whether the request's route is exempt; a path that only resembles one is not.
    #[inline]
    pub(super) fn exempts(&self, head: &request::Parts) -> bool {
        !self.exempt.is_empty() && stands_in(&self.exempt, head)
    }

    pub(super) fn charges(&self, head: &request::Parts) -> Result<Charges, Denial> {
        let (mut charges, mut is_looked_at) = (Few::none(), false);
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(charge) = self.charge(index, rule, head, &mut is_looked_at)? {
                charges.push(charge);
            }
        }
        Ok(Charges(charges))
    }

    /// What the request charges of one limit; `None` where that does not apply to it.
    #[inline]
    pub(super) fn charge(
        &self,
        index: usize,
        rule: &Rule,
        head: &request::Parts,
        is_looked_at: &mut bool,
    ) -> Result<Option<Charge>, Denial> {
        if !rule.applies.to(head) {
            return Ok(None);
        }
        if rule.tier_quotas.len() > 1 && head.extensions.get::<Visitor>().is_none() {
            self.diagnostics.tiers_unknown(self.names.get(index).map_or("", |name| name));
        }
        let (grade, limit) = rule.grade(|| UserContext::from_extensions(&head.extensions));
        let mut subject = rule.key.subject(head)?;
        if rule.by_route {
            // A path that matched nothing is the caller's to invent: all of them are one route.
            subject = subject.on_route(matched_path(head).unwrap_or_default());
        }
        *is_looked_at = *is_looked_at || self.diagnostics.look(&subject, head);
        let cost = match &rule.cost {
            Cost::Fixed(units) => *units,
            Cost::Of(units) => units(head),
        };
        Ok(Some(self.ask_of(index, rule, (grade, limit), cost, &subject)))
    }

    /// What is asked of every limit that counts subjects of this kind, without a request.
    pub(super) fn asks_for(&self, subject: &Subject<'_>, units: u32) -> Charges {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.key.counts(subject));
        Charges::of(rules.map(|(index, rule)| {
            let grade = rule.grade(|| subject.context());
            self.ask_of(index, rule, grade, units, subject)
        }))
    }

    #[inline]
    pub(super) fn ask_of(
        &self,
        index: usize,
        rule: &Rule,
        (grade, limit): (u8, u32),
        cost: u32,
        subject: &Subject<'_>,
    ) -> Charge {
        let hash = self.memory.hash(subject, rule.key.ipv6_bits(), rule.by_route);
        Charge {
            rule: index as u8,
            grade,
            is_shadow: rule.is_shadow,
            limit,
            whole: limit,
            cost,
            hash,
            #[cfg(feature = "redis")]
            digest: self.redis.as_ref().map_or(0, |_| digest(subject, rule.key.ipv6_bits(), rule.by_route)),
            #[cfg(feature = "redis")]
            then: 0,
        }
    }

    /// What the decision leaves, for fields and handlers. Shadows are not told.
    #[inline]
    pub(super) fn snapshots(&self, charges: &Charges, decision: &Decision) -> Few<LimitSnapshot> {
        let told = charges.as_slice().iter().zip(decision.usages()).filter(|(charge, _)| !charge.is_shadow);
        let snapshot = |(charge, usage): (&Charge, &Option<Usage>)| Some(snapshot(charge, (*usage)?));
        told.filter_map(snapshot).collect()
    }

    #[inline]
    pub(super) fn allowance(&self, snapshots: Few<LimitSnapshot>) -> RateLimitStatus {
        RateLimitStatus::new(Arc::clone(&self.names), snapshots)
    }

    #[inline]
    pub(super) fn rule(&self, charge: &Charge) -> Option<&Rule> {
        self.rules.get(usize::from(charge.rule))
    }

    pub(super) fn name(&self, charge: &Charge) -> &str {
        self.names.get(usize::from(charge.rule)).map_or("", |name| name)
    }
}

/// What one limit has left.
#[inline]
pub(super) fn snapshot(charge: &Charge, usage: Usage) -> LimitSnapshot {
    LimitSnapshot {
        limit: charge.limit,
        remaining: charge.limit.saturating_sub(usage.used),
        reset: u32::try_from(usage.reset.div_ceil(1_000_000)).unwrap_or(u32::MAX),
        index: charge.rule,
        grade: charge.grade,
        subject: charge.subject(),
    }
}

impl Rule {
    /// The quota of the highest tier that the user has, else the first.
    #[inline]
    pub(super) fn grade<'a>(&self, user: impl FnOnce() -> Option<&'a UserContext>) -> (u8, u32) {
        let user = if self.tier_quotas.len() > 1 { user() } else { None };
        let has = |grade: &TierQuota| match (&grade.tier, user) {
            (Some(tier), Some(user)) => user.is_at_least(tier),
            _ => false,
        };
        let index = if self.tier_quotas.len() > 1 { self.tier_quotas.iter().rposition(has).unwrap_or(0) } else { 0 };
        (index as u8, self.tier_quotas.get(index).map_or(1, |grade| grade.limit))
    }
}

impl Applies {
    #[inline]
    fn to(&self, head: &request::Parts) -> bool {
        self.routes.as_ref().is_into_result(|routes| stands_in(routes, head) || is_sent(routes, head))
            && self.condition.as_ref().is_into_result(|condition| condition(head))
    }
}

/// Whether the path that was sent is one of these: a limit on a route that a wildcard matched must not be passed by.
/// Below a nested path, the router took that off the path.
fn is_sent(routes: &[Box<str>], head: &request::Parts) -> bool {
    routes.iter().any(|known| known.strip_prefix(nested_path(head)) == Some(head.uri.path()))
}

fn stands_in(routes: &[Box<str>], head: &request::Parts) -> bool {
    match matched_path(head) {
        Some(route) => routes.iter().any(|known| **known == *route),
        None => is_sent(routes, head),
    }
}

impl Charges {
    pub(super) fn of(charges: impl Iterator<Item = Charge>) -> Self {
        Self(charges.collect())
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Charge] {
        self.0.as_slice()
    }
}

#[cfg(test)]
mod tests;
