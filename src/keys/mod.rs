//! Keys that an app keeps: a [`KeyRing`](crate::KeyRing), from which every use of a secret derives a key of its own.
//!
//! One secret in the configuration of the app is enough for peppers, one-time tokens, device cookies and sealed values:
//! each use derives its key by HKDF (RFC 5869) with a label of its own, so that what was signed for one use is worthless
//! for another one.
//!
//! ```
//! use portcullis::{ConfigError, KeyRing};
//!
//! fn keys() -> Result<KeyRing, Box<dyn std::error::Error>> {
//!     // Created with: openssl rand -base64 32
//!     let secret = std::env::var("APP_SECRET")?;
//!     let keys = KeyRing::new(secret)?;
//!     // After a rotation, until nothing of the old secret is in use.
//!     Ok(match std::env::var("APP_SECRET_PREVIOUS") {
//!         Ok(previous) => keys.previous(previous)?,
//!         Err(_) => keys,
//!     })
//! }
//! # let _ = keys;
//! # Ok::<(), ConfigError>(())
//! ```
//!
//! A [`Sealer`] encrypts values that the app stores.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod key_id;
pub(crate) mod key_use;
#[cfg(any(test, feature = "login_protection", feature = "one_time_tokens", feature = "passwords"))]
pub(crate) mod mac;
pub(crate) mod ring;
mod sealer;

pub use sealer::{Opened, SealError, Sealer};
