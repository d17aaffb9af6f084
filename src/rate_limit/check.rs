//! `RateLimit::check`: charges a subject outside of a request.

use crate::context::{RateLimitStatus, Realm};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::policy::Ruling;
use crate::rate_limit::subject::Subject;

impl RateLimit {
    /// Charges a subject this many units, under all limits of the layer or under none.
    ///
    /// Use it for work that is not a request of its own, such as a message on a WebSocket or an item of a queue.
    ///
    /// Every limit whose [`Key`](crate::rate_limit::Key) can yield such a subject is charged, whatever requests it is
    /// [restricted to](crate::rate_limit::Limit::on_routes). Under a limit that counts only failures, the units stay
    /// charged until you [refund](Self::refund) them.
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
    /// Returns [`Denial`] if a limit is exceeded, if the store is unavailable and a limit
    /// [fails closed](crate::rate_limit::OutagePolicy::FailClosed), or if no limit counts subjects of this kind
    /// ([`RateLimitKeyMissing`](DenialKind::RateLimitKeyMissing)).
    pub async fn check(&self, subject: &Subject<'_>, units: u32) -> Result<RateLimitStatus, Denial> {
        let policy = &*self.0;
        let mut charges = policy.charges_for(subject, units);
        if charges.is_empty() {
            return Err(Denial::new(DenialKind::RateLimitKeyMissing, Realm::default()));
        }
        #[cfg_attr(
            not(feature = "redis"),
            expect(
                clippy::infallible_destructuring_match,
                reason = "there are more variants with the feature `redis`"
            )
        )]
        let decision = match policy.decide(&mut charges) {
            Ruling::Decided(decision) => decision,
            #[cfg(feature = "redis")]
            Ruling::AskRedis => policy.ask_redis(&mut charges).await,
        };
        match policy.denial(&charges, &decision) {
            Some(denial) => Err(denial),
            None => Ok(policy.status(policy.snapshots(&charges, &decision))),
        }
    }
}
