//! `RateLimit`: the layer. It reads what a request is charged, decides once, and reports the decision.

// `enter` reads the charges, asks the store and concludes: the request is admitted with a pass, or rejected with a
// reply that has the rate-limit headers. `leave` adds those headers to the handler's response, after it has refunded
// limits that count only failures. A store in memory decides at once; only Redis makes a request wait.

use std::fmt;
use std::sync::Arc;

use http::{Response, request};
use tower_layer::Layer;

use crate::context::attempt::{Outcome, Reservation};
use crate::context::{Attempt, LimitSnapshot, LimitSnapshots, LimitStatus, RateLimitStatus, RoutePattern};
use crate::field::grpc;
use crate::field::header_map::mark_sensitive;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
#[cfg(feature = "redis")]
use crate::rate_limit::decision::Charges;
use crate::rate_limit::decision::{Charge, Decision};
use crate::rate_limit::policy::{Policy, Ruling};
use crate::rate_limit::reservation::{Reserved, outcome};
use crate::rate_limit::response_headers::{self, TightestLimit};

/// A layer that limits how often a subject may send requests; see the [module](crate::rate_limit).
///
/// Clones share their counters. To give two routers counters of their own, build two layers.
///
/// Besides its use as a layer, it has methods for other code: [`check`](Self::check) charges a subject outside a
/// request, and [`peek`](Self::peek), [`refund`](Self::refund), [`reset`](Self::reset) and [`unblock`](Self::unblock)
/// are for administrators.
#[derive(Clone)]
#[must_use]
pub struct RateLimit(pub(super) Arc<Policy>);

impl RateLimit {
    /// Whether a limit needs the client's address, and so an outer layer that finds it.
    pub(crate) fn needs_address(&self) -> bool {
        self.0.rules.iter().any(|rule| rule.key.needs_address())
    }

    /// Whether a limit needs a verified user, and so an outer layer that authenticates.
    pub(crate) fn needs_user(&self) -> bool {
        self.0.rules.iter().any(|rule| rule.key.needs_user() || rule.depends_on_user())
    }

    /// Whether a limit rejects every anonymous request for one of these routes: its key needs a user, and it neither
    /// exempts the route nor names only others.
    pub(crate) fn requires_user_on(&self, routes: &[RoutePattern]) -> bool {
        let mut counted = routes.iter().filter(|route| !self.0.exempt.iter().any(|exempt| exempt.covers(route)));
        counted.any(|route| self.0.rules.iter().any(|rule| rule.key.requires_user() && rule.may_apply_to_route(route)))
    }

    /// Reports the decision: to the handler if the request is admitted, else to the caller.
    #[inline]
    fn conclude(
        &self,
        head: &mut request::Parts,
        charges: &[Charge],
        decision: &Decision,
    ) -> Result<RateLimitPass, Reply> {
        // Charges that were not considered were removed, so none is left if all limits fail open.
        if charges.is_empty() {
            return Ok(self.admit_failed_open(head));
        }
        let policy = &*self.0;
        let snapshots = policy.snapshots(charges, decision);
        let now = policy.wall_clock(decision.charged_at);
        if let Some(denial) = policy.denial(charges, decision, Some(head)) {
            let mut reply = Reply::denial(head, denial);
            policy.headers.write(&policy.rules, &snapshots, now, reply.headers_mut());
            return Err(reply);
        }
        // The smallest pass that `leave` can work with, because it is moved with the response future.
        let pass = match self.refundable(head, charges, decision) {
            Some(refundable) => RateLimitPass::full(snapshots.clone(), now, Some(refundable)),
            None if policy.headers.ietf_draft => RateLimitPass::full(snapshots.clone(), now, None),
            None if policy.headers.legacy.is_some() => RateLimitPass::legacy(&snapshots, now),
            None => RateLimitPass::uncounted(),
        };
        self.publish_status(head, snapshots);
        Ok(pass)
    }

    /// Returns what to refund unless the request fails; `None` if the layer counts no failures.
    #[inline]
    fn refundable(&self, head: &mut request::Parts, charges: &[Charge], decision: &Decision) -> Option<Refundable> {
        if !self.0.refunds {
            return None;
        }
        // All layers that count failures share one report of the handler.
        let attempt = head.extensions.get_or_insert_default::<Attempt>().clone();
        Some(Refundable { attempt, reserved: Some(Reserved::new(&self.0, charges, decision)) })
    }

    /// Makes the status available to handlers, and checks whether an outer layer charged the same limit: for example if
    /// a router and a router nested in it both have the layer, so that each request costs two units.
    #[inline]
    fn publish_status(&self, head: &mut request::Parts, snapshots: LimitSnapshots) {
        // `insert` returns the outer layer's status, which saves a lookup.
        if let Some(outer) = head.extensions.insert(self.0.status(snapshots))
            && let Some(inner) = head.extensions.get::<RateLimitStatus>()
        {
            self.warn_if_charged_twice(&outer, inner);
        }
    }

    fn warn_if_charged_twice(&self, outer: &RateLimitStatus, inner: &RateLimitStatus) {
        let is_charged = |inner: &LimitStatus<'_>| outer.limits().any(|outer| outer.is_same_counter(inner));
        if let Some(twice) = inner.limits().find(is_charged) {
            self.0.diagnostics.charged_twice(twice.name());
        }
    }

    /// Admits a request that no limit counts. If a limit of this layer counts failures, the handler may still expect an
    /// [`Attempt`] to report to, and to charge limits with.
    fn admit_uncounted(&self, head: &mut request::Parts) -> RateLimitPass {
        if !self.0.refunds {
            return RateLimitPass::uncounted();
        }
        let attempt = head.extensions.get_or_insert_default::<Attempt>().clone();
        RateLimitPass::full(LimitSnapshots::default(), 0, Some(Refundable { attempt, reserved: None }))
    }

    /// Admits a request whose limits all fail open during an outage. Handlers find an empty status.
    fn admit_failed_open(&self, head: &mut request::Parts) -> RateLimitPass {
        if head.extensions.get::<RateLimitStatus>().is_none() {
            head.extensions.insert(self.0.status(LimitSnapshots::default()));
        }
        self.admit_uncounted(head)
    }

    /// Rejects a request that cannot be counted, and logs the remedy once.
    #[cold]
    fn reject_uncountable(&self, head: &request::Parts, denial: Denial) -> Reply {
        match denial.kind() {
            DenialKind::RateLimitKeyMissing => self.0.diagnostics.subject_missing(),
            // This is logged once, and not for each request.
            DenialKind::AddressNotForwarded | DenialKind::AddressUnknown | DenialKind::TrustedProxiesMissing { .. }
                if !self.0.diagnostics.is_first_unknown_address() =>
            {
                return Reply::logged_denial(head, denial);
            }
            _ => {}
        }
        Reply::denial(head, denial)
    }

    /// Decides once Redis has responded. The clone of the layer is one reference count.
    #[cfg(feature = "redis")]
    fn wait_for_redis(&self, mut charges: Charges) -> Entry<RateLimitPass> {
        let limiter = self.clone();
        Entry::wait(move |mut head| async move {
            let decision = limiter.0.ask_redis(&mut charges).await;
            let pass = limiter.conclude(&mut head, &charges, &decision)?;
            Ok((head, pass))
        })
    }
}

impl Gate for RateLimit {
    type Pass = RateLimitPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<RateLimitPass> {
        // So that a handler that logs the headers of a request logs no API key.
        self.0.api_key_headers.iter().for_each(|name| mark_sensitive(&mut head.headers, name));
        let mut charges = match self.0.charges(head) {
            Ok(charges) if charges.is_empty() => return Entry::Admit(self.admit_uncounted(head)),
            Ok(charges) => charges,
            Err(denial) => return Entry::Refuse(self.reject_uncountable(head, denial)),
        };
        #[cfg_attr(
            not(feature = "redis"),
            expect(
                clippy::infallible_destructuring_match,
                reason = "there are more variants with the feature `redis`"
            )
        )]
        let decision = match self.0.decide(&mut charges) {
            Ruling::Decided(decision) => decision,
            #[cfg(feature = "redis")]
            Ruling::AskRedis => return self.wait_for_redis(charges),
        };
        match self.conclude(head, &charges, &decision) {
            Ok(pass) => Entry::Admit(pass),
            Err(reply) => Entry::Refuse(reply),
        }
    }

    fn leave<B>(&self, pass: RateLimitPass, response: &mut Response<B>) {
        let policy = &*self.0;
        match pass.0 {
            PassState::Uncounted => {}
            PassState::Legacy { tightest, now } => {
                policy.headers.write_legacy(&policy.rules, tightest, now, response.headers_mut());
            }
            PassState::Full(mut counted) => {
                let Counted { snapshots, refundable, .. } = &mut *counted;
                if let Some(refundable) = refundable {
                    refundable.settle(snapshots, response);
                }
                policy.headers.write(&policy.rules, &counted.snapshots, counted.now, response.headers_mut());
            }
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only(response_headers::NAMES.into_iter().chain([grpc::GRPC_STATUS]))
    }
}

/// What a [`RateLimit`] passes from the request to the response. It is opaque.
#[derive(Debug)]
pub struct RateLimitPass(PassState);

/// This is moved together with the response future. So it is small in the common case, and boxed otherwise.
#[derive(Debug)]
enum PassState {
    Uncounted,
    /// For the legacy headers alone.
    Legacy {
        tightest: TightestLimit,
        now: u64,
    },
    Full(Box<Counted>),
}

#[derive(Debug)]
struct Counted {
    snapshots: LimitSnapshots,
    now: u64,
    refundable: Option<Refundable>,
}

/// What is refunded unless the request fails: the charges of this layer and those of the handler.
struct Refundable {
    attempt: Attempt,
    /// `None` once it is settled.
    reserved: Option<Reserved>,
}

impl Refundable {
    /// Refunds the charges if the request did not fail. It runs when the response head is ready.
    fn settle<B>(&mut self, snapshots: &mut [LimitSnapshot], response: &Response<B>) {
        let outcome = outcome(&self.attempt, response);
        self.attempt.settle(&outcome);
        let Some(reserved) = self.reserved.take() else { return };
        reserved.refund_unless_failed(&outcome, |charge| {
            let mut snapshots = snapshots.iter_mut();
            if let Some(snapshot) = snapshots.find(|snapshot| snapshot.rule_index == charge.rule_index) {
                snapshot.refund(charge.cost);
            }
        });
    }
}

/// Refunds the charges if the client disconnected after the handler had reported a success.
///
/// Without a report, they stay: otherwise an attacker could disconnect to have each failed attempt refunded.
impl Drop for Refundable {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take()
            && self.attempt.has_failed() == Some(false)
        {
            reserved.settle(&Outcome::SUCCESS);
        }
    }
}

impl fmt::Debug for Refundable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refundable").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl RateLimitPass {
    #[inline]
    fn uncounted() -> Self {
        Self(PassState::Uncounted)
    }

    #[inline]
    fn legacy(snapshots: &[LimitSnapshot], now: u64) -> Self {
        match TightestLimit::of(snapshots) {
            Some(tightest) => Self(PassState::Legacy { tightest, now }),
            None => Self(PassState::Uncounted),
        }
    }

    fn full(snapshots: LimitSnapshots, now: u64, refundable: Option<Refundable>) -> Self {
        Self(PassState::Full(Box::new(Counted { snapshots, now, refundable })))
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
