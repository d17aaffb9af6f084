//! `Attempt`: what a handler says of a request that counts only where it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A request that is counted only where it fails, and the handler's word on whether it did: it outweighs the status.
///
/// ```
/// use axum::http::StatusCode;
/// use portcullis::{Extractor, context::Attempt};
///
/// async fn login(Extractor(attempt): Extractor<Attempt>) -> (StatusCode, &'static str) {
///     attempt.failed();
///     (StatusCode::OK, "the form again, with a word of regret")
/// }
/// # let _ = login;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attempt(Arc<AtomicU8>);

const FAILED: u8 = 1;
const SUCCEEDED: u8 = 2;

impl Attempt {
    /// It failed, and counts.
    pub fn failed(&self) {
        self.0.store(FAILED, Ordering::Relaxed);
    }

    /// It did not fail, and its unit is given back with the response.
    pub fn succeeded(&self) {
        self.0.store(SUCCEEDED, Ordering::Relaxed);
    }

    /// What was said of it last.
    pub(crate) fn has_failed(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            FAILED => Some(true),
            SUCCEEDED => Some(false),
            _ => None,
        }
    }
}
