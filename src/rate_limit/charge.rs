//! `Attempt::charge`: charges a limit from a handler, to be refunded unless the request fails.

use crate::context::{Attempt, RateLimitStatus};
use crate::gate::Denial;
#[cfg(feature = "login_protection")]
use crate::gate::{DenialKind, Violation};
use crate::rate_limit::layer::RateLimit;
use crate::rate_limit::reservation::Reserved;
use crate::rate_limit::subject::Subject;
#[cfg(feature = "login_protection")]
use crate::security_event::{EventKind, Reason, SecurityEvent};

impl Attempt {
    /// Charges a subject one unit under all limits of `limit`, to be refunded if the request succeeds.
    ///
    /// Call it before any work that depends on the subject, such as looking up the user or hashing the password: of any
    /// number of concurrent attempts, no more than the quota get past it. Limits that count
    /// [only failures](crate::rate_limit::Limit::only_failures) are refunded as those of the route's layer: if the
    /// handler reports a [success](Self::succeeded), even if the client has disconnected, or else if the status of the
    /// response is no failure. A success refunds only its own unit; earlier failures stay charged until their window
    /// ends or the app [resets](RateLimit::reset) the subject.
    ///
    /// The subject's [`Key`](crate::rate_limit::Key) needs no function that reads a request. For accounts, use
    /// `Key::account` and `DeviceCookies`; see [login limits](crate::_guide::recipes::login_limits).
    ///
    /// ```
    /// use axum::{Router, extract::{Path, State}, routing::post};
    /// # use axum::{body::Body, http::{Request, StatusCode}};
    /// use portcullis::gate::Denial;
    /// use portcullis::rate_limit::{Attempt, Key, Limit, Subject};
    /// use portcullis::{ConfigError, Quota, RateLimit};
    /// # use tower::ServiceExt;
    ///
    /// // Two wrong guesses a minute for each coupon.
    /// async fn redeem(
    ///     State(by_coupon): State<RateLimit>,
    ///     attempt: Attempt,
    ///     Path((coupon, pin)): Path<(String, u32)>,
    /// ) -> Result<&'static str, Denial> {
    ///     attempt.charge(&by_coupon, Subject::custom(&*coupon)).await?;
    ///     if pin != 1234 {
    ///         attempt.failed();
    ///         return Ok("wrong");
    ///     }
    ///     Ok("redeemed")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), ConfigError> {
    /// let limit = |units| -> Result<_, ConfigError> {
    ///     Ok(Limit::new("guesses", Quota::per_minute(units)?).only_failures())
    /// };
    /// let by_coupon = RateLimit::builder().limit(limit(2)?);
    /// let by_coupon = by_coupon.key(Key::custom(|_| None)).build()?;
    /// let all = RateLimit::builder().limit(limit(50)?).key(Key::global()).build()?;
    /// let app = Router::new()
    ///     .route("/{coupon}/{pin}", post(redeem).layer(all))
    ///     .with_state(by_coupon);
    /// # let send = async |path: &str| {
    /// #     let request = Request::post(path).body(Body::empty()).unwrap();
    /// #     app.clone().oneshot(request).await.unwrap().status()
    /// # };
    /// for pin in [1234, 1234, 1234, 1, 2] {
    ///     assert_eq!(send(&format!("/a/{pin}")).await, 200);
    /// }
    /// assert_eq!(send("/a/1234").await, 429);
    /// assert_eq!(send("/b/1234").await, 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the [`Denial`] of [`RateLimit::check`]. Nothing is charged then.
    pub async fn charge<'a>(&self, limit: &RateLimit, subject: Subject<'a>) -> Result<Charged<'a>, Denial> {
        #[cfg(feature = "login_protection")]
        if subject.device().is_some() {
            return self.charge_device(limit, subject).await.inspect_err(log_throttled);
        }
        let status = self.charge_once(limit, &subject).await;
        #[cfg(feature = "login_protection")]
        let status = if subject.is_account() { status.inspect_err(log_throttled) } else { status };
        Ok(Charged::new(self, limit, subject, status?))
    }

    /// Charges a known device of an account. One that has failed too often is any other client.
    #[cfg(feature = "login_protection")]
    async fn charge_device<'a>(&self, limit: &RateLimit, device: Subject<'a>) -> Result<Charged<'a>, Denial> {
        match self.charge_once(limit, &device).await {
            Err(denial) if is_exhausted(&denial) => {
                let account = device.without_device();
                let status = self.charge_once(limit, &account).await?;
                Ok(Charged::new(self, limit, account, status))
            }
            Ok(status) => Ok(Charged::new(self, limit, device, status)),
            Err(denial) => Err(denial),
        }
    }

    async fn charge_once(&self, limit: &RateLimit, subject: &Subject<'_>) -> Result<RateLimitStatus, Denial> {
        let (charges, decision) = limit.decide_outside_request(subject, 1).await?;
        let reserved = Reserved::new(&limit.0, &charges, &decision);
        // A success of a known device ends the row of failures of its account.
        #[cfg(feature = "login_protection")]
        let reserved = match subject.device() {
            Some(_) => reserved.with_failures_in_a_row(limit.0.failures_in_a_row(&subject.without_device())),
            None => reserved,
        };
        if !reserved.is_empty() {
            self.reserve(Box::new(reserved));
        }
        Ok(limit.0.status(limit.0.snapshots(&charges, &decision)))
    }
}

/// Whether the subject is over a limit, and not the store unavailable.
#[cfg(feature = "login_protection")]
fn is_exhausted(denial: &Denial) -> bool {
    matches!(denial.kind(), DenialKind::QuotaExceeded(_) | DenialKind::AbnormalUsage(_))
}

/// Emits the event of a login that is rejected because the account is over a limit.
#[cfg(feature = "login_protection")]
#[cold]
fn log_throttled(denial: &Denial) {
    if is_exhausted(denial)
        && let Some(event) = SecurityEvent::counted(EventKind::LoginThrottled)
    {
        let limits = denial.violation().map(Violation::names).unwrap_or_default();
        event.with_reason(Reason::FailedAttempts).with_limit(&limits).write();
    }
}

/// What [`Attempt::charge`] has charged.
#[derive(Clone, Debug)]
pub struct Charged<'a> {
    status: RateLimitStatus,
    #[cfg(feature = "login_protection")]
    attempt: Attempt,
    #[cfg(feature = "login_protection")]
    limit: RateLimit,
    #[cfg(feature = "login_protection")]
    subject: Subject<'a>,
    #[cfg(not(feature = "login_protection"))]
    subject: std::marker::PhantomData<Subject<'a>>,
}

impl<'a> Charged<'a> {
    #[cfg(feature = "login_protection")]
    fn new(attempt: &Attempt, limit: &RateLimit, subject: Subject<'a>, status: RateLimitStatus) -> Self {
        Self { status, attempt: attempt.clone(), limit: limit.clone(), subject }
    }

    #[cfg(not(feature = "login_protection"))]
    fn new(_: &Attempt, _: &RateLimit, _: Subject<'a>, status: RateLimitStatus) -> Self {
        Self { status, subject: std::marker::PhantomData }
    }

    /// Returns how much is left of each limit.
    #[must_use]
    pub fn status(&self) -> &RateLimitStatus {
        &self.status
    }

    /// Compares the epoch of the device's cookie with that of the account, once the user was looked up.
    ///
    /// A [device cookie](crate::rate_limit::DeviceCookies) of another epoch counts as none: the account is charged too,
    /// as for an unknown device. Call it before the password is hashed, with `None` if there is no such account. It does
    /// nothing if there was no valid cookie.
    ///
    /// # Errors
    ///
    /// Returns the [`Denial`] of [`RateLimit::check`] if the account is over its limit.
    #[cfg(feature = "login_protection")]
    #[cfg_attr(docsrs, doc(cfg(feature = "login_protection")))]
    pub async fn check_epoch(&self, epoch: impl Into<Option<u64>>) -> Result<(), Denial> {
        let Some(device) = self.subject.device() else { return Ok(()) };
        if epoch.into() != Some(device.epoch) {
            self.attempt.charge_once(&self.limit, &self.subject.without_device()).await?;
        }
        Ok(())
    }
}
