//! What the stores of API keys and of sessions share: their error, their timeout, and times in whole seconds.

pub(crate) mod error;
pub(crate) mod time;
mod timeout;

pub(crate) use error::StoreError;
pub(crate) use timeout::{StoreCall, within_timeout};
