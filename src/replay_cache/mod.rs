//! Values that can be used once: a [`ReplayCache`] remembers what was consumed, until it has expired.
//!
//! One-time tokens ([`OneTimeTokens`](crate::one_time_tokens)) need it, and it is there for tokens of the app's own, for
//! example the `jti` of a client assertion (RFC 7523), or the time step of a one-time password (RFC 6238 §5.2).
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use portcullis::replay_cache::{MemoryReplays, ReplayCache};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::StoreError> {
//! // One process. `RedisReplays` is for several.
//! let replays = ReplayCache::new(MemoryReplays::new());
//! let expiry = SystemTime::now() + Duration::from_secs(60);
//! assert!(replays.consume("client 7, assertion 1", expiry).await?);
//! assert!(!replays.consume("client 7, assertion 1", expiry).await?);
//! # Ok(())
//! # }
//! ```
//!
//! Verify a value before it is consumed, so that only what you have issued takes space. If the store is unavailable, or a
//! store in memory is full, the call fails, and the value is neither consumed nor accepted: an entry is never removed to
//! make room before its time.

mod cache;
mod digest;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;

pub use cache::ReplayCache;
pub use digest::ReplayDigest;
pub use memory::MemoryReplays;
#[cfg(feature = "redis")]
pub use redis::RedisReplays;
pub use store::ReplayStore;
