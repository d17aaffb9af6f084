//! Changes of the store that are made even if the client of the request disconnects.

use std::future::Future;

use crate::record_store::StoreError;
use crate::runtime;
use crate::session::error::SessionError;

/// Starts a change in a task of its own, and returns its result.
///
/// A client that disconnects cancels its request. Otherwise, a session that the user has ended would remain in the store,
/// and be valid in processes that do not share [`Revocations`](crate::Revocations), or after a restart.
pub(super) fn to_the_end<T, F>(change: F) -> impl Future<Output = Result<T, SessionError>> + Send + use<T, F>
where
    T: Send + 'static,
    F: Future<Output = Result<T, SessionError>> + Send + 'static,
{
    let started = runtime::current().map(|runtime| runtime.spawn(change));
    async move {
        let task = started.map_err(|fault| StoreError::unavailable(fault.to_string()))?;
        task.await.unwrap_or_else(|_| Err(StoreError::unavailable("the task of the change has ended early").into()))
    }
}
