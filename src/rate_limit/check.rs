//! `RateLimit::check`: charges a subject outside a request.

use crate::context::{RateLimitStatus, Realm};
use crate::gate::{Denial, DenialKind};
use crate::rate_limit::decision::{Charges, Decision};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::policy::Ruling;
use crate::rate_limit::subject::Subject;

impl RateLimit {
    /// Charges a subject this many units, under all limits of the layer or under none.
    ///
    /// Use it for work that is not a request of its own, such as a message on a WebSocket or an item of a queue, and in
    /// handlers for limits by a value in the body.
    ///
    /// Every limit whose [`Key`](crate::rate_limit::Key) can yield such a subject is charged, whatever requests it is
    /// [restricted to](crate::rate_limit::Limit::on_routes). Under a limit that counts only failures, the units stay
    /// charged until you [refund](Self::refund) them.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, UserContext};
    /// use portcullis::rate_limit::{Key, Subject};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let messages = RateLimit::builder()
    ///     .quota(Quota::per_minute(2)?)
    ///     .key(Key::user())
    ///     .build()?;
    ///
    /// let user = UserContext::new("ann");
    /// let ann = Subject::of_user(&user);
    /// let status = messages.check(&ann, 2).await?;
    /// assert_eq!(status.tightest().unwrap().remaining(), 0);
    /// assert_eq!(messages.check(&ann, 1).await.unwrap_err().status(), 429);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A handler may return the [`Denial`] as its error. To limit failures by a value in the body, such as the account of
    /// a login, use [`Attempt::charge`](crate::rate_limit::Attempt::charge), which refunds successes.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] whose kind is
    ///
    /// - [`QuotaExceeded`](DenialKind::QuotaExceeded) if a limit is exceeded, or
    ///   [`AbnormalUsage`](DenialKind::AbnormalUsage) if the subject is blocked;
    /// - [`ReducedCapacity`](DenialKind::ReducedCapacity) if the store is unavailable, and a limit
    ///   [fails closed](crate::rate_limit::OutagePolicy::FailClosed) or its local share is used up;
    /// - [`RateLimitKeyMissing`](DenialKind::RateLimitKeyMissing) if no limit of the layer counts subjects of this
    ///   kind.
    pub async fn check(&self, subject: &Subject<'_>, units: u32) -> Result<RateLimitStatus, Denial> {
        let (charges, decision) = self.decide_outside_request(subject, units).await?;
        Ok(self.0.status(self.0.snapshots(&charges, &decision)))
    }

    /// Charges a subject this many units, and returns what was charged.
    pub(super) async fn decide_outside_request(
        &self,
        subject: &Subject<'_>,
        units: u32,
    ) -> Result<(Charges, Decision), Denial> {
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
        match policy.denial(&charges, &decision, None) {
            Some(denial) => Err(denial),
            None => Ok((charges, decision)),
        }
    }
}
