//! How a `RateLimit` decides where its counts lie beyond a network.

use http::request;

use crate::gate::Entry;
use crate::rate_limit::decision::Decision;
use crate::rate_limit::layer::{Charged, Pass, RateLimit, entry};
use crate::rate_limit::policy::Charges;
use crate::rate_limit::redis::RedisLimiter;

/// What was judged in the end, and how.
pub(super) struct Judged {
    pub(super) charges: Charges,
    pub(super) decision: Decision,
    charged: Charged,
}

impl RateLimit {
    pub(super) fn enter_remote(
        &self,
        redis: &RedisLimiter,
        head: &mut request::Parts,
        charges: Charges,
    ) -> Entry<Pass> {
        let sent = match self.judge_at_once(redis, &charges) {
            Ok(judged) => return entry(self.conclude(head, &judged.charges, &judged.decision, judged.charged)),
            Err(sent) => sent,
        };
        let limiter = self.clone();
        Entry::wait(move |mut head| async move {
            let Some(redis) = &limiter.0.redis else { return Ok((head, Pass::uncounted())) };
            let judged = limiter.charge(redis, &charges, sent).await;
            let pass = limiter.conclude(&mut head, &judged.charges, &judged.decision, judged.charged)?;
            Ok((head, pass))
        })
    }

    /// Refuses what is known to be refused, and decides where the server is given up. Where it is to be asked, the error
    /// is the time from which on the answer counts.
    pub(super) fn judge_at_once(&self, redis: &RedisLimiter, charges: &Charges) -> Result<Judged, u64> {
        let now = self.0.clock.micros();
        if let Some((charges, decision)) = redis.noted(charges.as_slice(), now) {
            return Ok(Judged { charges, decision, charged: Charged::here(now) });
        }
        if redis.is_worth_asking(charges.as_slice()) { Err(now) } else { Ok(self.decide_locally(redis, charges)) }
    }

    /// Charges the server.
    pub(super) async fn charge(&self, redis: &RedisLimiter, charges: &Charges, sent: u64) -> Judged {
        let policy = &*self.0;
        let Some((charges, decision, now)) = redis.decide(charges.as_slice(), sent, &policy.clock).await else {
            return self.decide_locally(redis, charges);
        };
        let local = policy.clock.micros();
        if !decision.is_refused {
            redis.mirror_locally(&policy.seats, charges.as_slice(), local);
        }
        Judged { charges, decision, charged: Charged { now, local, is_remote: true } }
    }

    fn decide_locally(&self, redis: &RedisLimiter, charges: &Charges) -> Judged {
        let (charges, decision) = redis.decide_locally(&self.0.seats, charges.as_slice(), &|| self.0.clock.micros());
        let charged = Charged::here(decision.now);
        Judged { charges, decision, charged }
    }
}
