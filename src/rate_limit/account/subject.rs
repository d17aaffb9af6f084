//! `Subject::account` and `Key::account`.

use std::sync::Arc;

use crate::context::account_name::fold;
use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;
use crate::rate_limit::key::Key;
use crate::rate_limit::subject::Subject;

impl Subject<'_> {
    /// An account, by the name that the user typed: a user name or an email address.
    ///
    /// All spellings that a user table could take for one name are one subject: the name is normalized to NFKC
    /// (UAX #15), its case is folded, and control characters, invisible characters and white space around it are
    /// removed. Names that no account has are counted alike, so that a 429 does not reveal which accounts exist. Only
    /// the first 256 characters count.
    ///
    /// It is counted by limits whose key is [`Key::account`], and not by [`Key::custom`].
    ///
    /// ```
    /// use portcullis::{KeyRing, Quota, RateLimit, rate_limit::{Key, Subject}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret: Vec<u8> = (0..32).collect();
    /// let by_account = RateLimit::builder()
    ///     .quota(Quota::per_hour(10)?)
    ///     .key(Key::account(&KeyRing::new(secret)?))
    ///     .build()?;
    ///
    /// by_account.check(&Subject::account("Ann@Example.com"), 1).await?;
    /// let ann = Subject::account(" ann@example.com\u{200b}");
    /// assert_eq!(by_account.peek(&ann).await?[0].used(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "login_protection")))]
    #[must_use]
    pub fn account(name: &str) -> Subject<'static> {
        Subject::of_folded(fold(name), None)
    }
}

impl Key {
    /// Counts by account, as [`Attempt::charge`](crate::rate_limit::Attempt::charge) charges it.
    ///
    /// No request has this key, because the name of the account is in the body: use the limit in handlers, and not as a
    /// layer. In Redis, an HMAC with a key of the ring stands for the name. A new secret of the ring starts new
    /// counters.
    ///
    /// Devices that have logged in to the account before, as [`DeviceCookies`](crate::rate_limit::DeviceCookies) know
    /// them, are counted apart: each may fail 10 times, and is an unknown device then until the next login. So others
    /// who fail on purpose cannot lock the owner out.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::{KeyRing, Quota, RateLimit, rate_limit::{Key, Limit}};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let secret: Vec<u8> = (0..32).collect();
    /// // Ten failures an hour, then waits of 30 s, 60 s and so on.
    /// let limit = Limit::new("account", Quota::per_hour(10)?)
    ///     .only_failures()
    ///     .block_for(Duration::from_secs(30))
    ///     .escalate_to(Duration::from_secs(3600));
    /// let key = Key::account(&KeyRing::new(secret)?);
    /// let by_account = RateLimit::builder().limit(limit).key(key).build()?;
    /// # let _ = by_account;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "login_protection")))]
    pub fn account(keys: &KeyRing) -> Self {
        let (_, names) = keys.mac_keys(KeyUse::AccountName).current().clone();
        Self::of_accounts(Arc::new(names))
    }
}
