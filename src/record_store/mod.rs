//! What stores of API keys and sessions share: errors, timeouts, and times in whole seconds.

pub(crate) mod error;
#[cfg(any(feature = "api_key", feature = "session"))]
pub(crate) mod time;
mod timeout;

pub(crate) use error::StoreError;
pub(crate) use timeout::{StoreCall, within_timeout};
