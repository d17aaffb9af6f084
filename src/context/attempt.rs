//! `Attempt`: a handler's report of whether a request failed, for limits that charge only failures.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

/// Charges limits that count only failures, and reports whether the request failed.
///
/// By default, a limit that [charges only failures](crate::rate_limit::Limit::only_failures) looks at the response's
/// status. A handler needs to report if the status does not show the failure, for example if it renders the login form
/// again with 200. The report takes precedence over the status.
///
/// ```
/// use axum::http::StatusCode;
/// use portcullis::rate_limit::Attempt;
///
/// async fn login(attempt: Attempt) -> (StatusCode, &'static str) {
///     attempt.failed();
///     (StatusCode::OK, "<form>...</form> wrong password")
/// }
/// # let _ = login;
/// ```
///
/// A handler that counts by a value in the body, such as the account of a login, [charges](Self::charge) further limits.
/// They are refunded together with those of the route's layer.
#[derive(Clone, Default)]
pub struct Attempt(Arc<State>);

#[derive(Default)]
struct State {
    report: AtomicU8,
    /// What the handler has charged.
    reservations: Mutex<Reservations>,
}

type Reservations = Vec<Box<dyn Reservation>>;

/// Units that are charged before it is known whether the request fails.
///
/// The rate limits, which are on a higher level, implement it.
pub(crate) trait Reservation: Send + Sync {
    /// Refunds the units, unless the request failed. Called at most once.
    fn settle(&self, outcome: &Outcome);
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Whether the request failed, if the handler or the reason of a rejection says so.
    pub(crate) reported: Option<bool>,
    /// The status of the response, which decides otherwise.
    pub(crate) status: StatusCode,
    /// Whether the request succeeded. One that was rejected before anything was tried neither failed nor succeeded.
    pub(crate) is_success: bool,
}

impl Outcome {
    /// The client has disconnected after the handler had reported a success.
    pub(crate) const SUCCESS: Self = Self { reported: Some(false), status: StatusCode::OK, is_success: true };
}

impl Attempt {
    /// Reports that the request failed: its units stay charged.
    pub fn failed(&self) {
        self.0.report.store(FAILED, Ordering::Relaxed);
    }

    /// Reports that the request succeeded: its units are refunded when the response is sent, or when the client
    /// disconnects before that.
    pub fn succeeded(&self) {
        self.0.report.store(SUCCEEDED, Ordering::Relaxed);
    }

    /// Returns the last report; `None` if the handler reported nothing.
    pub(crate) fn has_failed(&self) -> Option<bool> {
        self.0.has_failed()
    }

    /// Adds units that are refunded unless the request fails.
    pub(crate) fn reserve(&self, reservation: Box<dyn Reservation>) {
        self.0.reservations().push(reservation);
    }

    /// Refunds what the handler has charged, unless the request failed.
    pub(crate) fn settle(&self, outcome: &Outcome) {
        let reservations = std::mem::take(&mut *self.0.reservations());
        reservations.iter().for_each(|reservation| reservation.settle(outcome));
    }
}

impl State {
    fn has_failed(&self) -> Option<bool> {
        match self.report.load(Ordering::Relaxed) {
            FAILED => Some(true),
            SUCCEEDED => Some(false),
            _ => None,
        }
    }

    fn reservations(&self) -> std::sync::MutexGuard<'_, Reservations> {
        // Pushing and taking leave the list whole, so a panic elsewhere does not matter.
        self.reservations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refunds what was charged for a request whose client disconnected after the handler had reported a success.
///
/// Without a report, the units stay charged: otherwise an attacker could disconnect to have each failed attempt
/// refunded.
impl Drop for State {
    fn drop(&mut self) {
        if self.has_failed() == Some(false) {
            let reservations = self.reservations.get_mut().unwrap_or_else(PoisonError::into_inner);
            reservations.iter().for_each(|reservation| reservation.settle(&Outcome::SUCCESS));
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("has_failed", &self.has_failed()).finish_non_exhaustive()
    }
}

const FAILED: u8 = 1;
const SUCCEEDED: u8 = 2;
