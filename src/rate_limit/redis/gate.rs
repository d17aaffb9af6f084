//! How a `RateLimit` decides where its counts lie beyond a network.

use http::request;

use crate::gate::Entry;
use crate::rate_limit::gate::{Charged, Pass, RateLimit, entry};
use crate::rate_limit::policy::Asks;
use crate::rate_limit::redis::seat::RedisSeat;
use crate::rate_limit::verdict::Verdict;

/// What was judged in the end, and how.
pub(in crate::rate_limit) struct Judged {
    pub(in crate::rate_limit) asks: Asks,
    pub(in crate::rate_limit) verdict: Verdict,
    charged: Charged,
}

impl RateLimit {
    pub(in crate::rate_limit) fn enter_remote(
        &self,
        redis: &RedisSeat,
        head: &mut request::Parts,
        asks: Asks,
    ) -> Entry<Pass> {
        let sent = match self.judge_at_once(redis, &asks) {
            Ok(judged) => return entry(self.conclude(head, &judged.asks, &judged.verdict, judged.charged)),
            Err(sent) => sent,
        };
        let limiter = self.clone();
        Entry::wait(move |mut head| async move {
            let Some(redis) = &limiter.0.redis else { return Ok((head, Pass::uncounted())) };
            let judged = limiter.ask(redis, &asks, sent).await;
            let pass = limiter.conclude(&mut head, &judged.asks, &judged.verdict, judged.charged)?;
            Ok((head, pass))
        })
    }

    /// Refuses what is known to be refused, and decides where the server is given up. Where it is to be asked, the error
    /// is the time from which on the answer counts.
    pub(in crate::rate_limit) fn judge_at_once(&self, redis: &RedisSeat, asks: &Asks) -> Result<Judged, u64> {
        let now = self.0.clock.micros();
        if let Some((asks, verdict)) = redis.noted(asks.as_slice(), now) {
            return Ok(Judged { asks, verdict, charged: Charged::here(now) });
        }
        if redis.is_worth_asking(asks.as_slice()) { Err(now) } else { Ok(self.make_do(redis, asks)) }
    }

    /// Asks the server.
    pub(in crate::rate_limit) async fn ask(&self, redis: &RedisSeat, asks: &Asks, sent: u64) -> Judged {
        let policy = &*self.0;
        let Some((asks, verdict, now)) = redis.decide(asks.as_slice(), sent, &policy.clock).await else {
            return self.make_do(redis, asks);
        };
        let local = policy.clock.micros();
        if !verdict.is_refused {
            redis.count_along(&policy.seats, asks.as_slice(), local);
        }
        Judged { asks, verdict, charged: Charged { now, local, is_remote: true } }
    }

    fn make_do(&self, redis: &RedisSeat, asks: &Asks) -> Judged {
        let (asks, verdict) = redis.make_do(&self.0.seats, asks.as_slice(), &|| self.0.clock.micros());
        let charged = Charged::here(verdict.now);
        Judged { asks, verdict, charged }
    }
}
