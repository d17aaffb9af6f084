//! Passwords: verifies them in logins, checks new ones, and hashes them with Argon2id (RFC 9106).
//!
//! [`Passwords`] computes hashes in a pool of threads, outside the async workers. The pool bounds how many hashes are
//! computed at once, their memory, and how many callers wait; all others get 503 at once. So a flood of logins does not
//! stop the rest of the app.
//!
//! Every login computes exactly one hash, whether or not the account exists, and every rejection is the same response. So
//! neither time nor text reveals which accounts exist. Limit how often a client may try with
//! [`RateLimit`](crate::RateLimit); a rejection by the pool does not count as a failed attempt.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::KeyRing;
//! use portcullis::password::{Password, Passwords};
//!
//! # let secret = "kM7w2QzR9cV4tY8uB1nX6eS3aD5fG0hJ";
//! let passwords = Passwords::builder().pepper(&KeyRing::new(secret)?).build()?;
//!
//! // The user chooses a password: store the hash.
//! let new = Password::new("zebras paint 7 quiet lanterns");
//! let hash = passwords.hash_new(new).context(["ann@example.com"]).await?;
//! assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="));
//!
//! // The user logs in.
//! let typed = Password::new("zebras paint 7 quiet lanterns");
//! let mut user = passwords.verify(typed, Some(hash), |hash| Some(hash)).await?;
//! assert!(!user.needs_rehash());
//! # Ok(())
//! # }
//! ```
//!
//! Stored hashes are not trusted to be cheap: one that costs more than 256 MiB, 16 passes or 16 lanes is not computed. A
//! login replaces a hash that is weaker than the settings; see [`Verified::rehash`].
//!
//! It does not store users, and it does not log anyone in: a handler does, with a session or tokens.

pub(crate) mod breach;
pub(crate) mod builder;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod hasher;
#[cfg(feature = "legacy_passwords")]
pub(crate) mod legacy;
mod new_password;
mod new_password_rules;
mod passwords;
mod pepper;
pub(crate) mod policy;
mod pool;
mod secret;
mod service;
mod stored;
mod verified;

pub use breach::have_i_been_pwned::HaveIBeenPwned;
pub use builder::PasswordsBuilder;
#[cfg(feature = "legacy_passwords")]
#[cfg_attr(docsrs, doc(cfg(feature = "legacy_passwords")))]
pub use legacy::format::LegacyHash;
pub use new_password::NewPassword;
pub use passwords::Passwords;
pub use policy::builder::PasswordPolicyBuilder;
pub use policy::rules::PasswordPolicy;
pub use pool::stats::PoolStats;
pub use secret::Password;
pub use verified::Verified;
