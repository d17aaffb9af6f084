//! What a limit does once it is exceeded or its store is unavailable: blocks, the shadow mode, the outage policy.

use std::time::Duration;

use crate::rate_limit::limit::outage_policy::OutagePolicy;
use crate::rate_limit::limit::{BlockDurations, Limit};

impl Limit {
    /// Blocks a subject that exceeds the limit (default: no block; at most 366 days).
    ///
    /// Its requests are rejected for this long. With a limit of five, the sixth request starts the block. Requests
    /// during a block do not extend it. Only requests that this limit applies to are blocked. A [shadow](Self::shadow)
    /// limit cannot block.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Limit, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hour = Duration::from_secs(3600);
    /// let limit = Limit::new("api", Quota::per_hour(1)?).block_for(hour);
    /// let limit = RateLimit::builder().limit(limit).key(Key::user()).build()?;
    ///
    /// let ann = Subject::user(None, "ann");
    /// limit.check(&ann, 1).await?;
    /// let denial = limit.check(&ann, 1).await.unwrap_err();
    /// assert_eq!(denial.retry_after(), Some(hour));
    /// # Ok(())
    /// # }
    /// ```
    pub fn block_for(mut self, duration: Duration) -> Self {
        self.block = Some(BlockDurations { first: duration, longest: self.block.and_then(|block| block.longest) });
        self
    }

    /// Doubles each further block, up to this length (default: all blocks have the same length).
    ///
    /// With `block_for` a minute and `escalate_to` five minutes, blocks last 1, 2, 4, 5, 5, ... minutes. Past blocks
    /// are forgotten once the subject has not been blocked for as long as the longest block. Requires
    /// [`block_for`](Self::block_for).
    ///
    /// If the longest block is longer than the first and at least as long as the window, blocks take the place of the
    /// wait for the quota: the first request after a block is admitted even if the quota is still used up, and the next
    /// one starts a longer block. So a limit of 10 failed logins an hour with blocks of 30 seconds up to an hour delays
    /// the owner of an account by 30 seconds and not by an hour, and someone who guesses the password by 30 seconds,
    /// then 60, and so on. With a shorter longest block, requests after a block wait for the quota too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{Quota, RateLimit, testing::FakeClock};
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let minutes = |n: u64| Duration::from_secs(60 * n);
    /// let limit = Limit::new("api", Quota::per_second(1)?)
    ///     .block_for(minutes(1))
    ///     .escalate_to(minutes(5));
    /// # let clock = FakeClock::new();
    /// # let limit = RateLimit::builder().limit(limit).key(Key::user());
    /// # let limit = limit.clock(clock.clock()).build()?;
    /// # let ann = Subject::user(None, "ann");
    ///
    /// let mut blocks = Vec::new();
    /// for _ in 0..4 {
    ///     limit.check(&ann, 1).await?;
    ///     let denial = limit.check(&ann, 1).await.unwrap_err();
    ///     let block = denial.retry_after().unwrap();
    ///     blocks.push(block);
    ///     clock.advance(block);
    /// }
    /// assert_eq!(blocks, [1, 2, 4, 5].map(minutes));
    /// # Ok(())
    /// # }
    /// ```
    pub fn escalate_to(mut self, longest: Duration) -> Self {
        let first = self.block.map_or(Duration::ZERO, |block| block.first);
        self.block = Some(BlockDurations { first, longest: Some(longest) });
        self
    }

    /// Turns the limit into a shadow limit: it counts, but never rejects a request (default: off).
    ///
    /// Requests that would be rejected are logged at `info`, and are not charged. A shadow limit cannot
    /// [block](Self::block_for). Response headers and
    /// [`RateLimitStatus`](crate::rate_limit::RateLimitStatus) omit the limit. Use it to try out a quota on real
    /// traffic.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, Limit, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let planned = Limit::new("planned", Quota::per_minute(1)?).shadow();
    /// let limit = RateLimit::builder().limit(planned).key(Key::user()).build()?;
    ///
    /// let ann = Subject::user(None, "ann");
    /// for _ in 0..10 {
    ///     assert!(limit.check(&ann, 1).await.is_ok());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn shadow(mut self) -> Self {
        self.is_shadow = true;
        self
    }

    /// Sets what the limit does while the store is unavailable.
    ///
    /// The default is [`FailClosed`](OutagePolicy::FailClosed) for a limit that counts failures or blocks, and
    /// [`local(0.5)`](OutagePolicy::local) for any other. Only a store in Redis can become unavailable.
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Limit, OutagePolicy};
    /// use portcullis::{Quota, RateLimit};
    ///
    /// // Four instances of the app share the limit. During an outage of Redis,
    /// // each admits a quarter of it.
    /// let limit = Limit::new("api", Quota::per_minute(600)?)
    ///     .on_outage(OutagePolicy::local(0.25));
    /// let builder = RateLimit::builder().limit(limit).key(Key::user());
    /// assert!(builder.build().is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn on_outage(mut self, outage: OutagePolicy) -> Self {
        self.outage = Some(outage);
        self
    }

    #[cfg(feature = "redis")]
    pub(in crate::rate_limit) fn outage_policy(&self) -> OutagePolicy {
        let protects_accounts = self.failure.is_some() || self.block.is_some();
        self.outage.unwrap_or_else(|| OutagePolicy::default_for(protects_accounts))
    }
}
