//! A decision without a request: for the messages of a connection, or the items of a queue.

use crate::context::{RateLimitStatus, Realm};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::memory;
use crate::rate_limit::subject::Subject;

impl RateLimit {
    /// Charges a subject with so many units, of every limit of the layer or of none: for what is no request of its own, as
    /// a message on a WebSocket.
    ///
    /// Every limit that counts subjects of this kind is judged, whatever requests it
    /// [applies to](crate::rate_limit::Limit::on_routes). Of one that counts failures, the units stay used unless they are given
    /// [back](Self::refund).
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, UserContext, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let messages = RateLimit::builder().quota(Quota::per_minute(2)?).key(Key::user()).build()?;
    /// let user = UserContext::new("ann");
    /// let ann = Subject::of_user(&user);
    /// assert_eq!(messages.check(&ann, 2).await.unwrap().tightest().unwrap().remaining(), 0);
    /// assert_eq!(messages.check(&ann, 1).await.unwrap_err().status(), 429);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where a limit refuses, or the store cannot be asked and a limit is [`Closed`](crate::rate_limit::OutagePolicy::FailClosed); and
    /// where no limit counts subjects of this kind, [`RateLimitKeyMissing`](DenialKind::RateLimitKeyMissing).
    pub async fn check(&self, subject: &Subject<'_>, units: u32) -> Result<RateLimitStatus, Denial> {
        let policy = &*self.0;
        if let Some((rule, seat)) = self.plain() {
            return self.check_plain(rule, seat, subject, units);
        }
        let charges = policy.asks_for(subject, units);
        if charges.as_slice().is_empty() {
            return Err(Denial::new(DenialKind::RateLimitKeyMissing, Realm::default()));
        }
        #[cfg(feature = "redis")]
        if let Some(redis) = &policy.redis {
            let judged = match self.judge_at_once(redis, &charges) {
                Ok(judged) => judged,
                Err(sent) => self.charge(redis, &charges, sent).await,
            };
            return self.outcome(&judged.charges, &judged.decision).map(|snapshots| policy.allowance(snapshots));
        }
        let decision = memory::decide(&policy.seats, charges.as_slice(), &|| policy.clock.micros());
        self.outcome(&charges, &decision).map(|snapshots| policy.allowance(snapshots))
    }
}
