//! `RateLimit`: the layer, and what it says of a request.

use std::fmt;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, request};
use tower_layer::Layer;

use crate::context::{Attempt, Few, LimitStatus, RateLimitStatus, Reading, Realm};
use crate::field::grpc;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders, Violation};
use crate::rate_limit::builder::RateLimitBuilder;
use crate::rate_limit::policy::{Asks, Policy};
use crate::rate_limit::verdict::{Ask, Verdict};
use crate::rate_limit::{fields, memory};

/// Limits how often a subject may ask; see the [module](crate::rate_limit).
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
        self.0.rules.iter().any(|rule| rule.key.asks_for_a_user() || rule.grades.len() > 1)
    }

    /// A handler that says whether the request failed must not be refused where nothing counts it.
    fn hear(&self, head: &mut request::Parts) {
        if self.0.rules.iter().any(|rule| rule.failure.is_some()) && head.extensions.get::<Attempt>().is_none() {
            head.extensions.insert(Attempt::default());
        }
    }

    pub(super) fn unjudged(&self, head: &request::Parts, denial: Denial) -> Reply {
        if matches!(denial.kind(), DenialKind::RateLimitKeyMissing) {
            self.0.notices.subject_missing();
        }
        if matches!(denial.kind(), DenialKind::AddressUnknown) && !self.0.notices.is_first_unknown_address() {
            return Reply::logged_denial(head, denial);
        }
        Reply::denial(head, denial)
    }

    /// What the verdict means for the request.
    #[inline]
    pub(super) fn conclude(
        &self,
        head: &mut request::Parts,
        asks: &Asks,
        verdict: &Verdict,
        charged: Charged,
    ) -> Result<Pass, Reply> {
        let policy = &*self.0;
        if asks.as_slice().is_empty() {
            if head.extensions.get::<RateLimitStatus>().is_none() {
                head.extensions.insert(policy.allowance(Few::none()));
            }
            self.hear(head);
            return Ok(Pass::uncounted());
        }
        let readings = match self.outcome(asks, verdict) {
            Ok(readings) => readings,
            Err(denial) => {
                let mut reply = Reply::denial(head, denial);
                let readings = policy.readings(asks, verdict);
                policy.fields.write(&policy.rules, readings.as_slice(), charged.now, reply.headers_mut());
                return Err(reply);
            }
        };
        let is_reserved = |ask| policy.rule(ask).is_some_and(|rule| rule.failure.is_some());
        let reserved = asks.as_slice().iter().any(is_reserved).then(|| {
            // One word for all layers that count failures.
            let attempt = head.extensions.get::<Attempt>().cloned().unwrap_or_default();
            head.extensions.insert(attempt.clone());
            // A shadow that was exceeded was not charged.
            let charged = asks.as_slice().iter().enumerate().filter(|(index, _)| !verdict.has_exceeded(*index));
            Box::new(Reserved { attempt, asks: Asks::of(charged.map(|(_, ask)| *ask)) })
        });
        let is_done = reserved.is_none() && !policy.fields.are_sent();
        let counted = (!is_done).then(|| Box::new(Counted { readings: readings.clone(), reserved, charged }));
        self.tell(head, readings);
        Ok(Pass(counted.map_or(Kept::Nothing, Kept::Counted)))
    }

    /// Puts what is left where handlers find it.
    #[inline]
    pub(super) fn tell(&self, head: &mut request::Parts, readings: Few<Reading>) {
        // What a layer outside put there comes back without another look-up.
        if let Some(outer) = head.extensions.insert(self.0.allowance(readings))
            && let Some(own) = head.extensions.get::<RateLimitStatus>()
        {
            self.compare(&outer, own);
        }
    }

    /// What is left, or why not. Shadows are told to the log alone.
    #[inline]
    pub(super) fn outcome(&self, asks: &Asks, verdict: &Verdict) -> Result<Few<Reading>, Denial> {
        let policy = &*self.0;
        for (index, ask) in asks.as_slice().iter().enumerate() {
            if ask.is_shadow && verdict.has_exceeded(index) {
                tracing::info!(limit = policy.name(ask), "a shadow limit would have refused this request");
            }
        }
        if verdict.is_refused { Err(self.denial(asks, verdict)) } else { Ok(policy.readings(asks, verdict)) }
    }

    fn denial(&self, asks: &Asks, verdict: &Verdict) -> Denial {
        let asks = asks.as_slice().iter().enumerate();
        let refusing = asks.filter(|(index, ask)| verdict.is_refused_by(*index, ask));
        let policies = refusing.map(|(_, ask)| self.0.name(ask));
        let violation = Violation::new(policies, verdict.wait().map(Duration::from_micros));
        let kind = if verdict.is_blocked {
            DenialKind::AbnormalUsage(violation)
        } else if verdict.is_reduced {
            DenialKind::ReducedCapacity(violation)
        } else {
            DenialKind::QuotaExceeded(violation)
        };
        Denial::new(kind, Realm::default())
    }

    /// Gives back what an ask was charged.
    fn give_back(&self, ask: &Ask, charged: Charged) {
        let policy = &*self.0;
        #[cfg(feature = "redis")]
        let seat = match &policy.redis {
            Some(redis) => {
                if charged.is_remote {
                    redis.refund(ask, ask.then);
                }
                redis.local(&policy.seats, ask)
            }
            None => policy.seats.get(usize::from(ask.rule)),
        };
        #[cfg(not(feature = "redis"))]
        let seat = policy.seats.get(usize::from(ask.rule));
        if let Some(seat) = seat {
            memory::refund(seat, ask, &|| policy.clock.micros(), charged.local);
        }
    }

    /// Looks whether a layer outside has charged the same limit of the same subject.
    fn compare(&self, outer: &RateLimitStatus, own: &RateLimitStatus) {
        let is_charged = |own: &&LimitStatus<'_>| outer.limits().any(|outer| outer.counts_with(own));
        if let Some(twice) = own.limits().find(|own| is_charged(&own)) {
            self.0.notices.charged_twice(twice.name());
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
    pub(super) fn of_one(reading: &Reading, now: u64) -> Self {
        let Reading { remaining, reset, grade, .. } = *reading;
        Self(Kept::One { remaining, reset, grade, now })
    }
}

#[derive(Debug)]
struct Counted {
    readings: Few<Reading>,
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
    asks: Asks,
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
        let asks = match policy.asks(head) {
            Ok(asks) if asks.as_slice().is_empty() => {
                self.hear(head);
                return Entry::Admit(Pass::uncounted());
            }
            Ok(asks) => asks,
            Err(denial) => return Entry::Refuse(self.unjudged(head, denial)),
        };
        #[cfg(feature = "redis")]
        if let Some(redis) = &policy.redis {
            return self.enter_remote(redis, head, asks);
        }
        let verdict = memory::decide(&policy.seats, asks.as_slice(), &|| policy.clock.micros());
        entry(self.conclude(head, &asks, &verdict, Charged::here(verdict.now)))
    }

    fn leave<B>(&self, pass: Pass, response: &mut Response<B>) {
        let policy = &*self.0;
        let counted = match pass.0 {
            Kept::Nothing => return,
            Kept::One { remaining, reset, grade, now } => {
                let reading = Reading { remaining, reset, grade, ..Reading::default() };
                return policy.fields.write(&policy.rules, slice::from_ref(&reading), now, response.headers_mut());
            }
            Kept::Counted(counted) => *counted,
        };
        let mut readings = counted.readings;
        if let Some(reserved) = counted.reserved {
            let said = reserved.attempt.has_failed();
            let status = grpc::http_status(response.headers()).unwrap_or(response.status());
            for ask in reserved.asks.as_slice() {
                let failure = policy.rule(ask).and_then(|rule| rule.failure.as_ref());
                if failure.is_some_and(|failure| !said.unwrap_or_else(|| failure.is(status))) {
                    self.give_back(ask, counted.charged);
                    let reading = readings.as_mut_slice().iter_mut().find(|reading| reading.index == ask.rule);
                    reading.into_iter().for_each(|reading| reading.give_back(ask.cost));
                }
            }
        }
        policy.fields.write(&policy.rules, readings.as_slice(), counted.charged.now, response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only(fields::NAMES.into_iter().chain([grpc::GRPC_STATUS]))
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
