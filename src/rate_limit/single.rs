//! The way of most layers: one limit, in this process, that does nothing but count and refuse.

use std::slice;
use std::time::Duration;

use http::request;

use crate::context::{Few, RateLimitStatus, Realm};
use crate::gate::{Denial, DenialKind, Entry, Reply, Violation};
use crate::rate_limit::decision::Charge;
use crate::rate_limit::layer::{Pass, RateLimit};
use crate::rate_limit::memory::LimitTables;
use crate::rate_limit::memory::table::Outcome;
use crate::rate_limit::policy::{Rule, snapshot};
use crate::rate_limit::subject::Subject;

/// A layer of one such limit needs no lists, and no lock that is held while another is waited for. What it answers is what
/// the way of several limits would.
impl RateLimit {
    /// The one limit, where it is such a one.
    #[inline]
    pub(super) fn plain(&self) -> Option<(&Rule, &LimitTables)> {
        if self.0.is_plain { self.0.rules.first().zip(self.0.seats.first()) } else { None }
    }

    #[inline]
    pub(super) fn enter_plain(&self, rule: &Rule, seat: &LimitTables, head: &mut request::Parts) -> Entry<Pass> {
        let charge = match self.0.charge(0, rule, head, &mut false) {
            Ok(Some(charge)) => charge,
            Ok(None) => return Entry::Admit(Pass::uncounted()),
            Err(denial) => return Entry::Refuse(self.unjudged(head, denial)),
        };
        let decision = seat.counts.decide_alone(&charge, &|| self.0.clock.micros());
        let snapshot = snapshot(&charge, decision.usage);
        if let Outcome::Exceeds(wait) = decision.outcome {
            let mut reply = Reply::denial(head, self.exceeded(&charge, wait));
            self.0.fields.write(&self.0.rules, slice::from_ref(&snapshot), decision.now, reply.headers_mut());
            return Entry::Refuse(reply);
        }
        let pass = if self.0.fields.are_sent() { Pass::of_one(&snapshot, decision.now) } else { Pass::uncounted() };
        self.tell(head, Few::one(snapshot));
        Entry::Admit(pass)
    }

    pub(super) fn check_plain(
        &self,
        rule: &Rule,
        seat: &LimitTables,
        subject: &Subject<'_>,
        units: u32,
    ) -> Result<RateLimitStatus, Denial> {
        if !rule.key.counts(subject) {
            return Err(Denial::new(DenialKind::RateLimitKeyMissing, Realm::default()));
        }
        let charge = self.0.ask_of(0, rule, rule.grade(|| subject.context()), units, subject);
        let decision = seat.counts.decide_alone(&charge, &|| self.0.clock.micros());
        if let Outcome::Exceeds(wait) = decision.outcome {
            return Err(self.exceeded(&charge, wait));
        }
        Ok(self.0.allowance(Few::one(snapshot(&charge, decision.usage))))
    }

    #[cold]
    fn exceeded(&self, charge: &Charge, wait: Option<u64>) -> Denial {
        let violation = Violation::new([self.0.name(charge)], wait.map(Duration::from_micros));
        Denial::new(DenialKind::QuotaExceeded(violation), Realm::default())
    }
}
