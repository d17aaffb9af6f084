//! How a layer decides with a store in Redis.

// Without a call, if a cached denial applies (the caller is over its limit) or the circuit breaker is open (the server
// does not respond). Otherwise with one call, and without its result if the deadline passes.

use crate::rate_limit::decision::{ChargedAt, Charges, Decision};
use crate::rate_limit::policy::{Policy, Ruling};
use crate::rate_limit::redis::limiter::RedisLimiter;

impl Policy {
    /// Decides without a call to Redis, if a cached denial applies or Redis is unavailable.
    pub(super) fn decide_without_redis(&self, redis: &RedisLimiter, charges: &mut Charges) -> Ruling {
        let now = self.clock.micros();
        if let Some((denied, mut decision)) = redis.cached_denial(charges, now) {
            decision.charged_at = ChargedAt::in_memory(now);
            *charges = denied;
            return Ruling::Decided(decision);
        }
        if redis.is_available(charges) {
            return Ruling::AskRedis;
        }
        Ruling::Decided(self.decide_locally(redis, charges))
    }

    /// Asks Redis for the decision. If it does not respond in time, this process decides.
    pub(super) async fn ask_redis(&self, charges: &mut Charges) -> Decision {
        let Some(redis) = &self.redis else { return self.decide_in_memory(charges) };
        let Some((charged, mut decision, now)) = redis.decide(charges, &self.clock).await else {
            return self.decide_locally(redis, charges);
        };
        // Refunds need both times: one for the server's counters, one for the mirrored counters of this process.
        let local = self.clock.micros();
        decision.charged_at = ChargedAt { store: now, local, is_remote: true };
        if !decision.is_rejected {
            redis.mirror_locally(&self.tables, &charged, local);
        }
        *charges = charged;
        decision
    }

    /// Decides by the outage policy of each limit, and keeps the charges that it considered.
    fn decide_locally(&self, redis: &RedisLimiter, charges: &mut Charges) -> Decision {
        let (considered, decision) = redis.decide_locally(&self.tables, charges, &|| self.clock.micros());
        *charges = considered;
        decision
    }
}
