//! What the stores in Redis share: connections, circuit breakers, and the texts about failures.

// A store defines its commands as a `Call`, and the names of its settings as `SettingNames`. Everything here is the
// same for all stores: when a connection is opened and replaced, when calls stop during an outage, and what the log
// advises.

#[cfg(feature = "rate_limit")]
pub(crate) mod batch;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod breaker;
#[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
pub(crate) mod caller;
pub(crate) mod client;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod connection;
#[cfg(any(feature = "replay_cache", feature = "revocation"))]
pub(crate) mod eviction;
pub(crate) mod failure;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod hash_slot;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod outage;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod own_connection;
#[cfg(any(feature = "api_key", feature = "session"))]
pub(crate) mod owner_digest;
#[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
pub(crate) mod record_call;
#[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
pub(crate) mod record_server;
#[cfg(any(feature = "api_key", feature = "rate_limit", feature = "replay_cache", feature = "session"))]
pub(crate) mod script;
pub(crate) mod setting_names;
