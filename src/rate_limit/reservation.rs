//! `Reserved`: units that are refunded unless the request fails.

use std::sync::Arc;

use http::Response;

use crate::context::Attempt;
use crate::context::attempt::{Outcome, Reservation};
use crate::field::grpc;
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::decision::{Charge, ChargedAt, Charges, Decision};
use crate::rate_limit::policy::Policy;
use crate::security_event::{EventKind, SecurityEvent};

/// Charges of limits that count only failures.
///
/// Such limits charge each request at first. If they charged it once the response is known, any number of concurrent
/// attempts would pass the check before the first of them fails.
pub(super) struct Reserved {
    policy: Arc<Policy>,
    charges: Charges,
    charged_at: ChargedAt,
    in_a_row: Option<FailuresInARow>,
}

/// The count of failures in a row of the account that was charged.
struct FailuresInARow {
    charge: Charge,
    /// Whether this attempt fills the count, if it fails.
    is_last: bool,
}

impl Reserved {
    /// Selects the charges of limits that count only failures.
    pub(super) fn new(policy: &Arc<Policy>, charges: &[Charge], decision: &Decision) -> Self {
        let mut reserved = Self {
            policy: Arc::clone(policy),
            charges: Charges::default(),
            charged_at: decision.charged_at,
            in_a_row: None,
        };
        for (index, charge) in charges.iter().enumerate() {
            // A shadow limit that was exceeded was not charged.
            let is_charged = !decision.has_exceeded(index);
            let Some(rule) = policy.rule(charge).filter(|rule| rule.failure.is_some()) else { continue };
            if rule.counts_in_a_row {
                let is_full = decision.usage(index).is_some_and(|usage| usage.used >= charge.limit);
                reserved.in_a_row = Some(FailuresInARow { charge: *charge, is_last: is_charged && is_full });
            }
            if is_charged {
                reserved.charges.push(*charge);
            }
        }
        reserved
    }

    /// Resets this count of failures in a row if the request succeeds, although it was not charged.
    #[cfg(feature = "login_protection")]
    pub(super) fn with_failures_in_a_row(mut self, count: Option<Charge>) -> Self {
        self.in_a_row = count.map(|charge| FailuresInARow { charge, is_last: false });
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.charges.is_empty() && self.in_a_row.is_none()
    }

    /// Refunds the charges under each limit for which the request did not fail, and reports them.
    pub(super) fn refund_unless_failed(&self, outcome: &Outcome, mut refunded: impl FnMut(&Charge)) {
        for charge in self.charges.iter() {
            if !self.has_failed(charge, outcome) {
                self.policy.refund(charge, self.charged_at);
                refunded(charge);
            }
        }
        let Some(FailuresInARow { charge, is_last }) = &self.in_a_row else { return };
        if self.has_failed(charge, outcome) {
            if *is_last {
                self.report_failures_in_a_row(charge);
            }
        } else if outcome.is_success {
            // A request that was not tried ends no row.
            self.policy.forget_usage(charge);
        }
    }

    fn has_failed(&self, charge: &Charge, outcome: &Outcome) -> bool {
        let failure = self.policy.rule(charge).and_then(|rule| rule.failure.as_ref());
        failure.is_some_and(|failure| outcome.reported.unwrap_or_else(|| failure.is_failure(outcome.status)))
    }

    /// Reports that an account has failed so often without a success in between. Of each row, it is called once.
    #[cold]
    fn report_failures_in_a_row(&self, charge: &Charge) {
        if let Some(event) = SecurityEvent::counted(EventKind::AccountFailureLimit) {
            event.with_limit(self.policy.name(charge)).write();
        }
    }
}

impl Reservation for Reserved {
    fn settle(&self, outcome: &Outcome) {
        self.refund_unless_failed(outcome, |_| {});
    }
}

/// Returns how the request ended. The report of the handler comes first, then the reason of a rejection that says that
/// nothing was tried, then the status.
pub(super) fn outcome<B>(attempt: &Attempt, response: &Response<B>) -> Outcome {
    let was_not_tried = || response.extensions().get::<Denial>().is_some_and(|denial| is_refunded(denial.kind()));
    // A gRPC response has HTTP status 200 even if it reports an error.
    let status = grpc::http_status(response.headers()).unwrap_or(response.status());
    let is_error = status.is_client_error() || status.is_server_error();
    let handler = attempt.has_failed();
    Outcome {
        reported: handler.or_else(|| was_not_tried().then_some(false)),
        status,
        is_success: !handler.unwrap_or(is_error),
    }
}

/// Whether a rejection for this reason is no failed attempt, whatever statuses a limit counts: the credential was not
/// looked at. Kinds of other modules that mean the same belong here.
fn is_refunded(kind: &DenialKind) -> bool {
    matches!(kind, DenialKind::Overloaded { .. } | DenialKind::ReducedCapacity(_))
}
