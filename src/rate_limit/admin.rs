//! What an operator does with the limits of one subject: look, give back, forget, lift a block.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::rate_limit::decision::{Charge, Usage};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::memory;
use crate::rate_limit::subject::Subject;

/// What a subject has used of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUsage {
    name: Arc<str>,
    limit: u32,
    used: u32,
    reset: Duration,
    blocked_for: Option<Duration>,
}

impl LimitUsage {
    /// The limit's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The units of a window, of the subject's tier where that is known.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The units in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    /// How long until none is.
    #[must_use]
    pub fn reset(&self) -> Duration {
        self.reset
    }

    /// For how long the subject is still blocked.
    #[must_use]
    pub fn blocked_for(&self) -> Option<Duration> {
        self.blocked_for
    }
}

/// The store could not be asked; what was to be done is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreUnavailable;

impl fmt::Display for StoreUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store of the limits did not answer; try again")
    }
}

impl Error for StoreUnavailable {}

/// What is done to the counts of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intervention {
    Forgive,
    Reset,
    Unblock,
}

/// For an operator: none of it counts as a request. It applies to those of the layer's limits that count subjects of this
/// kind; to one by route on the route that the subject [names](Subject::on_route), route by route.
impl RateLimit {
    /// What the subject has used of each limit.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
    pub async fn peek(&self, subject: &Subject<'_>) -> Result<Vec<LimitUsage>, StoreUnavailable> {
        let policy = &*self.0;
        let charges = policy.asks_for(subject, 0);
        let charges = charges.as_slice();
        #[cfg(feature = "redis")]
        let usages = match &policy.redis {
            Some(redis) => redis.peek(charges).await?,
            None => self.peek_here(charges),
        };
        #[cfg(not(feature = "redis"))]
        let usages = self.peek_here(charges);
        let usage = |(charge, (usage, blocked)): (&Charge, (Usage, u64))| LimitUsage {
            name: policy.names.get(usize::from(charge.rule)).cloned().unwrap_or_default(),
            limit: charge.limit,
            used: usage.used,
            reset: Duration::from_micros(usage.reset),
            blocked_for: (blocked > 0).then(|| Duration::from_micros(blocked)),
        };
        Ok(charges.iter().zip(usages).map(usage).collect())
    }

    /// Gives back the units that were charged last, of each limit.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
    pub async fn refund(&self, subject: &Subject<'_>, units: u32) -> Result<(), StoreUnavailable> {
        self.intervene(subject, Intervention::Forgive, units).await
    }

    /// Forgets what the subject used of each limit, and its blocks.
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
    pub async fn reset(&self, subject: &Subject<'_>) -> Result<(), StoreUnavailable> {
        self.intervene(subject, Intervention::Reset, 0).await
    }

    /// Lifts the subject's blocks and forgets them. What it used stays used: at the limit, the next request starts a block
    /// anew. To let it in at once, [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// Where the store cannot be asked.
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
        let charges = policy.asks_for(subject, units);
        #[cfg(feature = "redis")]
        if let Some(redis) = &policy.redis {
            redis.intervene(charges.as_slice(), intervention).await?;
        }
        for charge in charges.as_slice() {
            if let Some(seat) = policy.seats.get(usize::from(charge.rule)) {
                memory::intervene(seat, charge, intervention, &|| policy.clock.micros());
            }
        }
        Ok(())
    }

    fn peek_here(&self, charges: &[Charge]) -> Vec<(Usage, u64)> {
        let policy = &*self.0;
        let seats = charges.iter().filter_map(|charge| Some((charge, policy.seats.get(usize::from(charge.rule))?)));
        seats.map(|(charge, seat)| memory::peek(seat, charge, &|| policy.clock.micros())).collect()
    }
}
