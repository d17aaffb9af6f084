//! `Watch`: a future that resolves when a credential is revoked or expires.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::{Instant, Sleep, sleep};

use crate::context::UserContext;
use crate::revocation::handle::Revocations;
use crate::revocation::watchers::Place;
use crate::runtime;

/// A future for the end of a credential.
impl Revocations {
    /// Returns a future that resolves when the user's credential is revoked or expires.
    ///
    /// Layers check a credential only when a request arrives. A WebSocket or an event stream outlives the request, so
    /// it must end when this future resolves: at once if the credential is revoked already, otherwise within 1 s of the
    /// revocation, in any process, and at [`UserContext::expires_at`], without leeway.
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
    /// use axum::response::Response;
    /// use portcullis::{Revocations, UserContext};
    ///
    /// async fn open_socket(
    ///     State(revocations): State<Revocations>,
    ///     user: UserContext,
    ///     upgrade: WebSocketUpgrade,
    /// ) -> Response {
    ///     let ended = revocations.watch(&user);
    ///     upgrade.on_upgrade(async |mut socket| {
    ///         tokio::select! {
    ///             // The socket is dropped, which closes the connection.
    ///             _ = ended => {}
    ///             () = serve(&mut socket) => {}
    ///         }
    ///     })
    /// }
    ///
    /// /// Returns each message to its sender.
    /// async fn serve(socket: &mut WebSocket) {
    ///     while let Some(Ok(message)) = socket.recv().await {
    ///         if socket.send(message).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    /// # let _: axum::Router<Revocations> = axum::Router::new().route("/socket", axum::routing::any(open_socket));
    /// ```
    ///
    /// Let it race with all that the socket does, as here, and not only with the next message: a client that does not
    /// read makes a send wait, and must not delay the end. To end a stream, use `StreamExt::take_until` of the crate
    /// `futures-util`.
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
    /// A watched credential takes less than 200 bytes, timer included, until the future resolves or is dropped.
    pub fn watch(&self, user: &UserContext) -> Watch {
        let ids = user.revocation_ids().map_or_else(|| Arc::new(user.new_revocation_ids()), Arc::clone);
        let place = self.0.watchers().insert(ids);
        let expires_at = user.expires_at().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let expires_at = expires_at.map_or(u64::MAX, whole_micros);
        Watch { revocations: self.clone(), timer: None, expires_at, place: Some(place), ended: None }
    }
}

/// Resolves when the credential of a user ends; from [`Revocations::watch`].
///
/// It is [`Unpin`], so that `select!` takes `&mut watch`. Dropping it costs nothing and ends nothing. Polled after it
/// has resolved, it returns the same result.
#[must_use = "a future does nothing unless it is awaited or polled"]
pub struct Watch {
    revocations: Revocations,
    /// Created at the first poll, if the credential expires. It takes most of the memory.
    timer: Option<Pin<Box<Sleep>>>,
    /// In microseconds since 1970, rounded up; `u64::MAX` if the credential does not expire.
    expires_at: u64,
    /// Where the ids of the user are watched, until this future resolves.
    place: Option<Place>,
    ended: Option<Ended>,
}

/// Why a credential ended; the result of a [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was revoked, or its session, subject, client or issuer was.
    Revoked,
    /// It has expired: [`UserContext::expires_at`] has passed.
    Expired,
}

impl Future for Watch {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        if let Some(ended) = self.ended {
            return Poll::Ready(ended);
        }
        let ended = if self.is_revoked(context.waker()) {
            Ended::Revoked
        } else {
            ready!(self.poll_expiry(context));
            Ended::Expired
        };
        self.ended = Some(ended);
        self.timer = None;
        self.stop_watching();
        Poll::Ready(ended)
    }
}

impl Watch {
    /// Returns whether the credential is revoked. If not, a revocation wakes the task.
    fn is_revoked(&self, waker: &Waker) -> bool {
        let Some(place) = &self.place else { return false };
        let shared = &self.revocations.0;
        shared.watchers().poll(place, waker, |ids| shared.is_revoked(ids))
    }

    /// Waits until the wall clock has passed the expiry.
    fn poll_expiry(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.expires_at == u64::MAX {
            return Poll::Pending;
        }
        loop {
            let remaining = self.expires_at.saturating_sub(self.revocations.0.now_micros());
            let remaining = Duration::from_micros(remaining);
            if remaining.is_zero() {
                return Poll::Ready(());
            }
            let wait = remaining.min(MAX_SLEEP);
            let is_new = self.timer.is_none();
            if is_new {
                self.timer = new_timer(wait);
            }
            // Without timers, the next poll tries again.
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            // Tokio panics if the runtime that the timer was created in was shut down.
            match catch_unwind(AssertUnwindSafe(|| timer.as_mut().poll(context))) {
                Ok(Poll::Pending) => return Poll::Pending,
                // The wall clock decides. It may have been set, and in a test it is a fake one.
                Ok(Poll::Ready(())) => timer.as_mut().reset(Instant::now() + wait),
                Err(_) => self.timer = None,
            }
            if is_new && self.timer.is_none() {
                return Poll::Pending;
            }
        }
    }

    fn stop_watching(&mut self) {
        if let Some(place) = self.place.take() {
            self.revocations.0.watchers().remove(&place);
        }
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

/// Returns a timer, or `None` outside a Tokio runtime with timers.
fn new_timer(wait: Duration) -> Option<Pin<Box<Sleep>>> {
    static LOGGED: Once = Once::new();
    match runtime::current() {
        Ok(_) => Some(Box::pin(sleep(wait))),
        Err(fault) => {
            LOGGED.call_once(|| tracing::warn!(%fault, "a watched credential is not polled when it expires"));
            None
        }
    }
}

fn whole_micros(time: Duration) -> u64 {
    let rounded = time.saturating_add(Duration::from_nanos(999)).as_micros();
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

/// How long a timer runs before the wall clock is read again, because the wall clock may be set forward meanwhile, for
/// example when a machine resumes.
const MAX_SLEEP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
