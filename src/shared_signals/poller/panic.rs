//! `without_panic`: runs code of the app whose panic must not end the poller.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs a future. Returns `None` if it panics; the panic hook reports where.
///
/// The poller runs in a task of its own, which a panic would end: no event would revoke anything until the next start.
pub(super) async fn without_panic<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // What it may have left half done is dropped with it, and it is not polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
