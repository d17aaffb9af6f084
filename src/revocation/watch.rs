//! `Watch`: a future that resolves when a credential is revoked or expires.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::{RevocationIds, UserContext};
use crate::revocation::expiries::Expiries;
use crate::revocation::handle::Revocations;
use crate::revocation::watchers::Place;

/// A future for the end of a credential.
impl Revocations {
    /// Returns a future that resolves when the credential of a custom gate's user expires or is revoked.
    ///
    /// It resolves at once if the credential is revoked already, otherwise within 1 s of the revocation, in any process,
    /// and at [`UserContext::expires_at`]. For the users of this crate's layers, use [`UserContext::ended`], which also
    /// uses their leeway and clock. For streams, use [`EndStreams`](crate::EndStreams).
    ///
    /// ```
    /// use portcullis::context::Credential;
    /// use portcullis::revocation::{Ended, Revocation};
    /// use portcullis::{Revocations, UserContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let revocations = Revocations::builder().build()?;
    /// let user = UserContext::new("ann")
    ///     .with_credential(Credential::ApiKey)
    ///     .with_token_id("key-7");
    /// let ended = revocations.watch(&user);
    ///
    /// revocations.revoke_by(Revocation::api_key("key-7")).await?;
    /// assert_eq!(ended.await, Ended::Revoked);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The future sees what this process knows. While the stream in Redis is unavailable, it resolves only at the
    /// expiry or if this process revokes the credential. What other processes have revoked meanwhile resolves it when
    /// the stream is available again. A user without an issuer, for example one that a test created, can only be
    /// revoked by the id of an API key, so its future resolves only at the expiry. If the user does not expire either,
    /// it never resolves.
    ///
    /// The time is that of the [`clock`](crate::revocation::RevocationsBuilder::clock), which is read at each poll. To
    /// be polled at the expiry, the future needs a Tokio runtime with timers. Without one, a revocation still wakes it.
    ///
    /// A watched credential takes less than 200 bytes until the future resolves or is dropped, and 240 for its ids,
    /// unless a cache or other users share them.
    pub fn watch(&self, user: &UserContext) -> Watch {
        self.watch_with_leeway(user, Duration::ZERO)
    }

    /// The same for a credential that is accepted for the leeway after its expiry.
    pub(super) fn watch_with_leeway(&self, user: &UserContext, leeway: Duration) -> Watch {
        let ids = user.revocation_ids().map_or_else(|| Arc::new(user.new_revocation_ids()), Arc::clone);
        let expires_at = user.expires_at_since_epoch().map(|time| time.saturating_add(leeway));
        Watch::new(Some(self.clone()), Arc::clone(self.0.expiries()), ids, expires_at)
    }
}

/// Resolves when the credential of a user ends; from [`UserContext::ended`] or [`Revocations::watch`].
///
/// It is [`Unpin`], so that `select!` takes `&mut watch`. Dropping it costs nothing and ends nothing. Polled after it
/// has resolved, it returns the same result.
#[must_use = "a future does nothing unless it is awaited or polled"]
pub struct Watch {
    revocations: Option<Revocations>,
    ids: Arc<RevocationIds>,
    /// By which clock the credential expires, and the watchers among which this one is.
    expiries: Arc<Expiries>,
    expires_at: Option<SystemTime>,
    /// The addresses of the waker that is stored, which lives at least until `wakes` changes.
    waker: (usize, usize),
    /// The number of wake-ups before the waker was stored.
    wakes: u32,
    /// Where the ids of the user are watched, until this future resolves.
    place: Option<Place>,
    /// Whether the waker is stored, and is woken at the expiry.
    is_stored: bool,
    ended: Option<Ended>,
}

/// Why a credential ended; the result of a [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was revoked, or its session, subject, client or issuer was.
    Revoked,
    /// It has expired: [`UserContext::expires_at`] and the leeway have passed.
    Expired,
}

impl Future for Watch {
    type Output = Ended;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        if let Some(ended) = self.check() {
            return Poll::Ready(self.finish(ended));
        }
        let waker = context.waker();
        if self.is_stored && self.waker == addresses(waker) && self.wakes == self.expiries.watchers().wakes() {
            return Poll::Pending;
        }
        if self.store(waker) { Poll::Ready(self.finish(Ended::Revoked)) } else { Poll::Pending }
    }
}

impl Watch {
    pub(super) fn new(
        revocations: Option<Revocations>,
        expiries: Arc<Expiries>,
        ids: Arc<RevocationIds>,
        expires_at: Option<Duration>,
    ) -> Self {
        let place = Some(expiries.watchers().insert(Arc::clone(&ids)));
        let expires_at = expires_at.and_then(|time| UNIX_EPOCH.checked_add(time));
        let waker = (0, 0);
        Self { revocations, ids, expiries, expires_at, waker, wakes: 0, place, is_stored: false, ended: None }
    }

    /// Returns whether the credential has ended by now, without waiting for it. It takes no lock unless something was
    /// revoked since the last call.
    #[inline]
    pub(crate) fn check(&self) -> Option<Ended> {
        if self.ended.is_some() {
            return self.ended;
        }
        if self.revocations.as_ref().is_some_and(|revocations| revocations.0.is_revoked(&self.ids)) {
            return Some(Ended::Revoked);
        }
        let is_expired = self.expires_at.is_some_and(|time| self.expiries.has_reached(time));
        is_expired.then_some(Ended::Expired)
    }

    /// Stores the waker of the task. Returns whether the credential is revoked; if not, the waker is woken when it is.
    #[cold]
    fn store(&mut self, waker: &Waker) -> bool {
        let Some(place) = &self.place else { return false };
        let watchers = self.expiries.watchers();
        // Before the waker is stored. If wakers are taken in between, the next poll stores it again.
        let wakes = watchers.wakes();
        let revocations = self.revocations.as_ref();
        let is_revoked =
            watchers.poll(place, waker, |ids| revocations.is_some_and(|revocations| revocations.0.is_revoked(ids)));
        self.is_stored = self.expires_at.is_none_or(|time| self.expiries.insert(whole_micros(time), place.slot()));
        self.waker = addresses(waker);
        self.wakes = wakes;
        is_revoked
    }

    fn finish(&mut self, ended: Ended) -> Ended {
        self.ended = Some(ended);
        self.stop_watching();
        ended
    }

    fn stop_watching(&mut self) {
        let Some(place) = self.place.take() else { return };
        if self.expires_at.is_some() {
            self.expiries.remove(place.slot());
        }
        self.expiries.watchers().remove(&place);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop_watching();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Returns what identifies a waker, as long as it lives.
#[inline]
fn addresses(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), ptr::from_ref(waker.vtable()).addr())
}

/// Returns the microseconds since 1970, rounded up, so that nothing is woken before this time.
fn whole_micros(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let rounded = since_epoch.saturating_add(Duration::from_nanos(999)).as_micros();
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
