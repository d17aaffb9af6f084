//! Administrative calls: inspect, refund, reset and unblock the limits of one subject.

use std::sync::Arc;
use std::time::Duration;

use crate::rate_limit::decision::{Charge, Intervention, StoreUnavailable, Usage};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::memory::decide;
use crate::rate_limit::subject::Subject;

/// What a subject has used of one limit; see [`RateLimit::peek`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    name: Arc<str>,
    limit: u32,
    used: u32,
    reset: Duration,
    blocked_for: Option<Duration>,
}

impl LimitUsage {
    /// Returns the limit's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of units per window; by tier, that of the subject's tier if it is known.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns the number of units in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Returns the time until no units are in use.
    #[must_use]
    pub fn reset(&self) -> Duration {
        self.reset
    }

    /// Returns the time until the subject's block ends; `None` if it is not blocked.
    #[must_use]
    pub fn blocked_for(&self) -> Option<Duration> {
        self.blocked_for
    }
}

/// Administrative calls, for example for an endpoint that unlocks an account. They are not counted as requests.
///
/// They apply to those limits of the layer whose key can yield such a subject. For a limit that counts by route, name
/// the route with [`Subject::on_route`].
///
/// With a [`MemoryStore`](crate::rate_limit::MemoryStore), they see and change only the counters of this process. With
/// a `RedisStore`, they change the counters on the server. Another process may repeat a cached denial for up to ten
/// seconds.
impl RateLimit {
    /// Returns what the subject has used of each limit, without charging it.
    ///
    /// The result is empty if no key of the layer can yield such a subject.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quota = Quota::per_hour(100)?;
    /// # let limit = RateLimit::builder().quota(quota).key(Key::user()).build()?;
    /// let ann = Subject::user(Some("https://auth.example.com"), "ann");
    /// limit.check(&ann, 3).await?;
    ///
    /// let usages = limit.peek(&ann).await?;
    /// assert_eq!((usages[0].used(), usages[0].limit()), (3, 100));
    /// assert_eq!(usages[0].blocked_for(), None);
    /// // This layer counts no API keys.
    /// assert!(limit.peek(&Subject::api_key(b"abc")).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StoreUnavailable`] if a store in Redis does not respond in time. A store in memory never fails.
    pub async fn peek(&self, subject: &Subject<'_>) -> Result<Vec<LimitUsage>, StoreUnavailable> {
        let policy = &*self.0;
        let charges = policy.charges_for(subject, 0);
        #[cfg(feature = "redis")]
        let usages = match &policy.redis {
            Some(redis) => redis.peek(&charges).await?,
            None => self.peek_in_memory(&charges),
        };
        #[cfg(not(feature = "redis"))]
        let usages = self.peek_in_memory(&charges);
        let limit_usage = |(charge, (usage, blocked)): (&Charge, (Usage, u64))| LimitUsage {
            name: policy.names.get(usize::from(charge.rule_index)).cloned().unwrap_or_default(),
            limit: charge.limit,
            used: usage.used,
            reset: Duration::from_micros(usage.reset),
            blocked_for: (blocked > 0).then(|| Duration::from_micros(blocked)),
        };
        Ok(charges.iter().zip(usages).map(limit_usage).collect())
    }

    /// Refunds the units that were charged last, under each limit, as far as they are still in use.
    ///
    /// Use it after a [`check`](Self::check) for work that was not done after all.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quota = Quota::per_hour(100)?;
    /// # let limit = RateLimit::builder().quota(quota).key(Key::user()).build()?;
    /// let ann = Subject::user(None, "ann");
    /// limit.check(&ann, 10).await?;
    /// // Only four of ten messages were sent.
    /// limit.refund(&ann, 6).await?;
    /// assert_eq!(limit.peek(&ann).await?[0].used(), 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StoreUnavailable`] if a store in Redis does not respond in time. A store in memory never fails.
    pub async fn refund(&self, subject: &Subject<'_>, units: u32) -> Result<(), StoreUnavailable> {
        self.intervene(subject, Intervention::Refund, units).await
    }

    /// Resets what the subject has used of each limit, and removes its blocks.
    ///
    /// Its next request is admitted.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let quota = Quota::per_hour(1)?;
    /// # let limit = RateLimit::builder().quota(quota).key(Key::user()).build()?;
    /// let ann = Subject::user(None, "ann");
    /// limit.check(&ann, 1).await?;
    /// assert!(limit.check(&ann, 1).await.is_err());
    /// limit.reset(&ann).await?;
    /// assert!(limit.check(&ann, 1).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StoreUnavailable`] if a store in Redis does not respond in time. A store in memory never fails.
    pub async fn reset(&self, subject: &Subject<'_>) -> Result<(), StoreUnavailable> {
        self.intervene(subject, Intervention::Reset, 0).await
    }

    /// Removes the subject's current and past blocks.
    ///
    /// The units that it used stay in use. If it is still at its limit, its next request starts a block again; to admit
    /// it at once, call [`reset`](Self::reset).
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{Quota, RateLimit, testing::FakeClock};
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let day = Duration::from_secs(86_400);
    /// let limit = Limit::new("login", Quota::per_minute(1)?).block_for(day);
    /// # let clock = FakeClock::new();
    /// # let limit = RateLimit::builder().limit(limit).key(Key::user());
    /// # let limit = limit.clock(clock.clock()).build()?;
    /// # let ann = Subject::user(None, "ann");
    /// # limit.check(&ann, 1).await?;
    /// # assert!(limit.check(&ann, 1).await.is_err());
    /// # clock.advance(Duration::from_secs(60));
    /// // Ann was blocked a minute ago, and her units are available again.
    /// assert!(limit.peek(&ann).await?[0].blocked_for().is_some());
    /// limit.unblock(&ann).await?;
    /// assert!(limit.check(&ann, 1).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StoreUnavailable`] if a store in Redis does not respond in time. A store in memory never fails.
    pub async fn unblock(&self, subject: &Subject<'_>) -> Result<(), StoreUnavailable> {
        self.intervene(subject, Intervention::Unblock, 0).await
    }

    async fn intervene(
        &self,
        subject: &Subject<'_>,
        intervention: Intervention,
        units: u32,
    ) -> Result<(), StoreUnavailable> {
        let policy = &*self.0;
        let charges = policy.charges_for(subject, units);
        // The server first: if it does not respond, nothing has changed in this process either. The tables of this
        // process mirror its counters for outages, so they change with it.
        #[cfg(feature = "redis")]
        if let Some(redis) = &policy.redis {
            redis.intervene(&charges, intervention).await?;
        }
        for charge in charges.iter() {
            if let Some(tables) = policy.tables_of(charge) {
                decide::intervene(tables, charge, intervention, &|| policy.clock.micros());
            }
        }
        Ok(())
    }

    fn peek_in_memory(&self, charges: &[Charge]) -> Vec<(Usage, u64)> {
        let policy = &*self.0;
        let tables = charges.iter().filter_map(|charge| Some((charge, policy.tables_of(charge)?)));
        tables.map(|(charge, tables)| decide::peek(tables, charge, &|| policy.clock.micros())).collect()
    }
}
