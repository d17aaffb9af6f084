//! What the stores in Redis share: connections, circuit breakers, and the texts about failures.

// A store defines its commands as a `Call`, and the names of its settings as `SettingNames`. Everything here is the
// same for all stores: when a connection is opened and replaced, when calls stop during an outage, and what the log
// advises.

#[cfg(feature = "rate_limit")]
pub(crate) mod batch;
#[cfg(feature = "rate_limit")]
pub(crate) mod breaker;
pub(crate) mod client;
#[cfg(feature = "rate_limit")]
pub(crate) mod connection;
pub(crate) mod failure;
#[cfg(feature = "rate_limit")]
pub(crate) mod hash_slot;
#[cfg(feature = "rate_limit")]
pub(crate) mod own_connection;
pub(crate) mod setting_names;
