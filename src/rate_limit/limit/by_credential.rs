//! `Limit::by_credential`: the quota in the record of a credential.

use crate::rate_limit::limit::Limit;

impl Limit {
    /// Applies the quota of the credential, if it has one (default: the quota of the limit, or of the user's tier).
    ///
    /// The quota is [`UserContext::quota`](crate::UserContext::quota), which a gate reads from the record of an API key,
    /// for example. Requests with such a credential are counted by the credential and not by the limit's
    /// [key](Self::key), so two keys of one user each have their own quota. All other requests are counted as without
    /// this setting. Put the layer inside the one that authenticates.
    ///
    /// A token or a session with a quota is counted by the limit's key: its user can get another one at any time, whose
    /// counter would be at zero.
    ///
    /// The quota must have the window of the limit. One with another window does not apply, which is logged once. For
    /// credentials with several windows, add a limit for each. The algorithm is that of the limit, and cannot be
    /// [`SlidingLog`](crate::rate_limit::Algorithm::SlidingLog), because a credential may have any number of units.
    ///
    /// ```
    /// use portcullis::rate_limit::{Key, Limit, Subject};
    /// use portcullis::{Quota, RateLimit, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = Limit::new("api", Quota::per_hour(100)?).by_credential();
    /// let limit = RateLimit::builder().limit(limit).key(Key::user()).build()?;
    ///
    /// let ann = UserContext::new("ann").with_token_id("key-7");
    /// let status = limit.check(&Subject::of_user(&ann), 1).await?;
    /// assert_eq!(status.tightest().unwrap().limit(), 100);
    ///
    /// let ann = ann.with_quota(Quota::per_hour(1000)?);
    /// let status = limit.check(&Subject::of_user(&ann), 1).await?;
    /// assert_eq!(status.tightest().unwrap().limit(), 1000);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("api key", "per-key quota"))]
    pub fn by_credential(mut self) -> Self {
        self.by_credential = true;
        self
    }
}
