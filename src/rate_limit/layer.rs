//! `RateLimit`: the layer, and what it says of a request.

use std::fmt;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, request};
use tower_layer::Layer;

use crate::context::{Attempt, Few, LimitSnapshot, LimitStatus, RateLimitStatus, Realm};
use crate::field::grpc;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders, Violation};
use crate::rate_limit::builder::RateLimitBuilder;
use crate::rate_limit::decision::{Charge, Decision};
use crate::rate_limit::policy::{Charges, Policy};
use crate::rate_limit::{memory, response_headers};

/// Limits how often a subject may charge; see the [module](crate::rate_limit).
///
/// Clones are one limiter: they count together.
#[derive(Clone)]
#[must_use]
pub struct RateLimit(pub(super) Arc<Policy>);

impl RateLimit {
    /// Starts a configuration.
    pub fn builder() -> RateLimitBuilder {
        RateLimitBuilder::default()
    }

    /// Whether a limit looks for a verified user or their tier, and so for a gate that authenticates outside of it.
    pub(crate) fn asks_for_a_user(&self) -> bool {
        self.0.rules.iter().any(|rule| rule.key.asks_for_a_user() || rule.tier_quotas.len() > 1)
    }

    /// A handler that says whether the request failed must not be refused where nothing counts it.
    fn hear(&self, head: &mut request::Parts) {
        if self.0.rules.iter().any(|rule| rule.failure.is_some()) && head.extensions.get::<Attempt>().is_none() {
            head.extensions.insert(Attempt::default());
        }
    }

    pub(super) fn unjudged(&self, head: &request::Parts, denial: Denial) -> Reply {
        if matches!(denial.kind(), DenialKind::RateLimitKeyMissing) {
            self.0.diagnostics.subject_missing();
        }
        if matches!(denial.kind(), DenialKind::AddressUnknown) && !self.0.diagnostics.is_first_unknown_address() {
            return Reply::logged_denial(head, denial);
        }
        Reply::denial(head, denial)
    }

    /// What the decision means for the request.
    #[inline]
    pub(super) fn conclude(
        &self,
        head: &mut request::Parts,
        charges: &Charges,
        decision: &Decision,
        charged: Charged,
    ) -> Result<Pass, Reply> {
        let policy = &*self.0;
        if charges.as_slice().is_empty() {
            if head.extensions.get::<RateLimitStatus>().is_none() {
                head.extensions.insert(policy.allowance(Few::none()));
            }
            self.hear(head);
            return Ok(Pass::uncounted());
        }
        let snapshots = match self.outcome(charges, decision) {
            Ok(snapshots) => snapshots,
            Err(denial) => {
                let mut reply = Reply::denial(head, denial);
                let snapshots = policy.snapshots(charges, decision);
                policy.fields.write(&policy.rules, snapshots.as_slice(), charged.now, reply.headers_mut());
                return Err(reply);
            }
        };
        let is_reserved = |charge| policy.rule(charge).is_some_and(|rule| rule.failure.is_some());
        let reserved = charges.as_slice().iter().any(is_reserved).then(|| {
            // One word for all layers that count failures.
            let attempt = head.extensions.get::<Attempt>().cloned().unwrap_or_default();
            head.extensions.insert(attempt.clone());
            // A shadow that was exceeded was not charged.
            let charged = charges.as_slice().iter().enumerate().filter(|(index, _)| !decision.has_exceeded(*index));
            Box::new(Reserved { attempt, charges: Charges::of(charged.map(|(_, charge)| *charge)) })
        });
        let is_done = reserved.is_none() && !policy.fields.are_sent();
        let counted = (!is_done).then(|| Box::new(Counted { snapshots: snapshots.clone(), reserved, charged }));
        self.tell(head, snapshots);
        Ok(Pass(counted.map_or(Kept::Nothing, Kept::Counted)))
    }

    /// Puts what is left where handlers find it.
    #[inline]
    pub(super) fn tell(&self, head: &mut request::Parts, snapshots: Few<LimitSnapshot>) {
        // What a layer outside put there comes back without another look-up.
        if let Some(outer) = head.extensions.insert(self.0.allowance(snapshots))
            && let Some(own) = head.extensions.get::<RateLimitStatus>()
        {
            self.compare(&outer, own);
        }
    }

    /// What is left, or why not. Shadows are told to the log alone.
    #[inline]
    pub(super) fn outcome(&self, charges: &Charges, decision: &Decision) -> Result<Few<LimitSnapshot>, Denial> {
        let policy = &*self.0;
        for (index, charge) in charges.as_slice().iter().enumerate() {
            if charge.is_shadow && decision.has_exceeded(index) {
                tracing::info!(limit = policy.name(charge), "a shadow limit would have refused this request");
            }
        }
        if decision.is_refused { Err(self.denial(charges, decision)) } else { Ok(policy.snapshots(charges, decision)) }
    }

    fn denial(&self, charges: &Charges, decision: &Decision) -> Denial {
        let charges = charges.as_slice().iter().enumerate();
        let refusing = charges.filter(|(index, charge)| decision.is_refused_by(*index, charge));
        let policies = refusing.map(|(_, charge)| self.0.name(charge));
        let violation = Violation::new(policies, decision.wait().map(Duration::from_micros));
        let kind = if decision.is_blocked {
            DenialKind::AbnormalUsage(violation)
        } else if decision.is_reduced {
            DenialKind::ReducedCapacity(violation)
        } else {
            DenialKind::QuotaExceeded(violation)
        };
        Denial::new(kind, Realm::default())
    }

    /// Gives back what an charge was charged.
    fn give_back(&self, charge: &Charge, charged: Charged) {
        let policy = &*self.0;
        #[cfg(feature = "redis")]
        let seat = match &policy.redis {
            Some(redis) => {
                if charged.is_remote {
                    redis.refund(charge, charge.then);
                }
                redis.local(&policy.seats, charge)
            }
            None => policy.seats.get(usize::from(charge.rule)),
        };
        #[cfg(not(feature = "redis"))]
        let seat = policy.seats.get(usize::from(charge.rule));
        if let Some(seat) = seat {
            memory::refund(seat, charge, &|| policy.clock.micros(), charged.local);
        }
    }

    /// Looks whether a layer outside has charged the same limit of the same subject.
    fn compare(&self, outer: &RateLimitStatus, own: &RateLimitStatus) {
        let is_charged = |own: &&LimitStatus<'_>| outer.limits().any(|outer| outer.counts_with(own));
        if let Some(twice) = own.limits().find(|own| is_charged(&own)) {
            self.0.diagnostics.charged_twice(twice.name());
        }
    }
}

pub(super) fn entry(concluded: Result<Pass, Reply>) -> Entry<Pass> {
    match concluded {
        Ok(pass) => Entry::Admit(pass),
        Err(reply) => Entry::Refuse(reply),
    }
}

/// What a [`RateLimit`] remembers of a request until its response.
#[derive(Debug)]
pub struct Pass(Kept);

/// It is moved with the future of the response: so it is small where there is one limit.
#[derive(Debug)]
enum Kept {
    Nothing,
    /// What the one limit has left, and as of when.
    One {
        remaining: u32,
        reset: u32,
        grade: u8,
        now: u64,
    },
    Counted(Box<Counted>),
}

impl Pass {
    /// Of a request that no limit counted, or of which nothing is told.
    #[inline]
    pub(super) fn uncounted() -> Self {
        Self(Kept::Nothing)
    }

    /// Of a request that one limit counted at this time.
    #[inline]
    pub(super) fn of_one(snapshot: &LimitSnapshot, now: u64) -> Self {
        let LimitSnapshot { remaining, reset, grade, .. } = *snapshot;
        Self(Kept::One { remaining, reset, grade, now })
    }
}

#[derive(Debug)]
struct Counted {
    snapshots: Few<LimitSnapshot>,
    reserved: Option<Box<Reserved>>,
    charged: Charged,
}

/// When and where units were charged; times in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charged {
    /// By the clock of the store that decided.
    pub(super) now: u64,
    /// By this process's.
    pub(super) local: u64,
    /// Whether a store beyond a network decided.
    #[cfg(feature = "redis")]
    pub(super) is_remote: bool,
}

impl Charged {
    /// In this process.
    pub(super) fn here(now: u64) -> Self {
        Self {
            now,
            local: now,
            #[cfg(feature = "redis")]
            is_remote: false,
        }
    }
}

/// Units that are given back unless the request fails.
#[derive(Debug)]
struct Reserved {
    attempt: Attempt,
    charges: Charges,
}

impl Gate for RateLimit {
    type Pass = Pass;

    fn enter(&self, head: &mut request::Parts) -> Entry<Pass> {
        let policy = &*self.0;
        if policy.exempts(head) {
            self.hear(head);
            return Entry::Admit(Pass::uncounted());
        }
        if let Some((rule, seat)) = self.plain() {
            return self.enter_plain(rule, seat, head);
        }
        let charges = match policy.charges(head) {
            Ok(charges) if charges.as_slice().is_empty() => {
                self.hear(head);
                return Entry::Admit(Pass::uncounted());
            }
            Ok(charges) => charges,
            Err(denial) => return Entry::Refuse(self.unjudged(head, denial)),
        };
        #[cfg(feature = "redis")]
        if let Some(redis) = &policy.redis {
            return self.enter_remote(redis, head, charges);
        }
        let decision = memory::decide(&policy.seats, charges.as_slice(), &|| policy.clock.micros());
        entry(self.conclude(head, &charges, &decision, Charged::here(decision.now)))
    }

    fn leave<B>(&self, pass: Pass, response: &mut Response<B>) {
        let policy = &*self.0;
        let counted = match pass.0 {
            Kept::Nothing => return,
            Kept::One { remaining, reset, grade, now } => {
                let snapshot = LimitSnapshot { remaining, reset, grade, ..LimitSnapshot::default() };
                return policy.fields.write(&policy.rules, slice::from_ref(&snapshot), now, response.headers_mut());
            }
            Kept::Counted(counted) => *counted,
        };
        let mut snapshots = counted.snapshots;
        if let Some(reserved) = counted.reserved {
            let said = reserved.attempt.has_failed();
            let status = grpc::http_status(response.headers()).unwrap_or(response.status());
            for charge in reserved.charges.as_slice() {
                let failure = policy.rule(charge).and_then(|rule| rule.failure.as_ref());
                if failure.is_some_and(|failure| !said.unwrap_or_else(|| failure.is(status))) {
                    self.give_back(charge, counted.charged);
                    let snapshot = snapshots.as_mut_slice().iter_mut().find(|snapshot| snapshot.index == charge.rule);
                    snapshot.into_iter().for_each(|snapshot| snapshot.give_back(charge.cost));
                }
            }
        }
        policy.fields.write(&policy.rules, snapshots.as_slice(), counted.charged.now, response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only(response_headers::NAMES.into_iter().chain([grpc::GRPC_STATUS]))
    }
}

impl<S> Layer<S> for RateLimit {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("limits", &self.0.names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
