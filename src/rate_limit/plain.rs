//! The way of most layers: one limit, in this process, that does nothing but count and refuse.

use std::slice;
use std::time::Duration;

use http::request;

use crate::context::{Few, RateLimitStatus, Realm};
use crate::gate::{Denial, DenialKind, Entry, Reply, Violation};
use crate::rate_limit::gate::{Pass, RateLimit};
use crate::rate_limit::memory::Seat;
use crate::rate_limit::policy::{Rule, reading};
use crate::rate_limit::subject::Subject;
use crate::rate_limit::table::Judgement;
use crate::rate_limit::verdict::Ask;

/// A layer of one such limit needs no lists, and no lock that is held while another is waited for. What it answers is what
/// the way of several limits would.
impl RateLimit {
    /// The one limit, where it is such a one.
    #[inline]
    pub(super) fn plain(&self) -> Option<(&Rule, &Seat)> {
        if self.0.is_plain { self.0.rules.first().zip(self.0.seats.first()) } else { None }
    }

    #[inline]
    pub(super) fn enter_plain(&self, rule: &Rule, seat: &Seat, head: &mut request::Parts) -> Entry<Pass> {
        let ask = match self.0.ask(0, rule, head, &mut false) {
            Ok(Some(ask)) => ask,
            Ok(None) => return Entry::Admit(Pass::uncounted()),
            Err(denial) => return Entry::Refuse(self.unjudged(head, denial)),
        };
        let decision = seat.counts.decide_alone(&ask, &|| self.0.clock.micros());
        let reading = reading(&ask, decision.tally);
        if let Judgement::Exceeds(wait) = decision.judgement {
            let mut reply = Reply::denial(head, self.exceeded(&ask, wait));
            self.0.fields.write(&self.0.rules, slice::from_ref(&reading), decision.now, reply.headers_mut());
            return Entry::Refuse(reply);
        }
        let pass = if self.0.fields.are_sent() { Pass::of_one(&reading, decision.now) } else { Pass::uncounted() };
        self.tell(head, Few::one(reading));
        Entry::Admit(pass)
    }

    pub(super) fn check_plain(
        &self,
        rule: &Rule,
        seat: &Seat,
        subject: &Subject<'_>,
        units: u32,
    ) -> Result<RateLimitStatus, Denial> {
        if !rule.key.counts(subject) {
            return Err(Denial::new(DenialKind::RateLimitKeyMissing, Realm::default()));
        }
        let ask = self.0.ask_of(0, rule, rule.grade(|| subject.context()), units, subject);
        let decision = seat.counts.decide_alone(&ask, &|| self.0.clock.micros());
        if let Judgement::Exceeds(wait) = decision.judgement {
            return Err(self.exceeded(&ask, wait));
        }
        Ok(self.0.allowance(Few::one(reading(&ask, decision.tally))))
    }

    #[cold]
    fn exceeded(&self, ask: &Ask, wait: Option<u64>) -> Denial {
        let violation = Violation::new([self.0.name(ask)], wait.map(Duration::from_micros));
        Denial::new(DenialKind::QuotaExceeded(violation), Realm::default())
    }
}

#[cfg(test)]
mod tests;
