//! `Attempt`: a handler's report of whether a request failed, for limits that charge only failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Reports from a handler whether the request failed, for limits that
/// [charge only failures](crate::rate_limit::Limit::only_failures).
///
/// By default, such a limit looks at the response's status. A handler needs an `Attempt` if the status does not show
/// the failure, for example if it renders the login form again with 200. The report takes precedence over the status.
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
#[derive(Clone, Debug, Default)]
pub struct Attempt(Arc<AtomicU8>);

impl Attempt {
    /// Reports that the request failed: its units stay charged.
    pub fn failed(&self) {
        self.0.store(FAILED, Ordering::Relaxed);
    }

    /// Reports that the request succeeded: its units are refunded when the response is sent.
    pub fn succeeded(&self) {
        self.0.store(SUCCEEDED, Ordering::Relaxed);
    }

    /// Returns the last report; `None` if the handler reported nothing.
    pub(crate) fn has_failed(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            FAILED => Some(true),
            SUCCEEDED => Some(false),
            _ => None,
        }
    }
}

const FAILED: u8 = 1;
const SUCCEEDED: u8 = 2;
