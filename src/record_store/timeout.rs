//! The timeout of each call to a store.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::record_store::error::StoreError;
use crate::runtime;

/// A call to a store. It is boxed, because a trait object cannot have methods that return `impl Future`.
pub(crate) type StoreCall<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Awaits a call to a store for at most this time.
///
/// # Errors
///
/// Returns the error of the store, and [`StoreError::Unavailable`] if it takes longer.
pub(crate) async fn within_timeout<T>(timeout: Duration, call: StoreCall<'_, T>) -> Result<T, StoreError> {
    // Tokio's timer panics without a runtime that has timers, and a request must not panic.
    runtime::current().map_err(|fault| StoreError::unavailable(fault.to_string()))?;
    let result = tokio::time::timeout(timeout, call).await;
    result.unwrap_or_else(|_| Err(StoreError::unavailable(format!("the store took longer than {timeout:?}"))))
}
