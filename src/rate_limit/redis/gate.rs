//! How a `RateLimit` decides where its counts lie beyond a network.

use http::request;

use crate::gate::{Entry, Reply};
use crate::rate_limit::gate::{Charged, Pass, RateLimit, entry};
use crate::rate_limit::policy::Asks;
use crate::rate_limit::redis::seat::RedisSeat;

impl RateLimit {
    /// Refuses at once what is known to be refused, decides at once where the server is given up, and else asks it.
    pub(in crate::rate_limit) fn enter_remote(
        &self,
        redis: &RedisSeat,
        head: request::Parts,
        asks: Asks,
        now: u64,
    ) -> Entry<Pass> {
        if let Some(noted) = redis.noted(asks.as_slice(), now) {
            return entry(self.conclude(head, &asks, &noted, Charged::here(now)));
        }
        if !redis.is_worth_asking() {
            return entry(self.make_do(redis, head, &asks));
        }
        let limiter = self.clone();
        Entry::wait(async move { limiter.ask(head, &asks, now).await })
    }

    async fn ask(&self, head: request::Parts, asks: &Asks, sent: u64) -> Result<(request::Parts, Pass), Reply> {
        let policy = &*self.0;
        let Some(redis) = &policy.redis else { return Ok((head, Pass::uncounted())) };
        match redis.decide(asks.as_slice(), sent).await {
            Some((verdict, now)) => {
                let local = policy.clock.micros();
                if !verdict.is_refused {
                    redis.count_along(&policy.seats, asks.as_slice(), local);
                }
                self.conclude(head, asks, &verdict, Charged { now, local, is_remote: true })
            }
            None => self.make_do(redis, head, asks),
        }
    }

    fn make_do(&self, redis: &RedisSeat, head: request::Parts, asks: &Asks) -> Result<(request::Parts, Pass), Reply> {
        let now = self.0.clock.micros();
        let (asks, verdict) = redis.make_do(&self.0.seats, asks.as_slice(), now);
        if asks.as_slice().is_empty() {
            return Ok((head, Pass::uncounted()));
        }
        self.conclude(head, &asks, &verdict, Charged::here(now))
    }
}
