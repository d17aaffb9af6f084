//! Tokens that can be redeemed once: for links that reset a password or verify an email address, magic links, the step
//! between password and second factor, and codes sent by SMS or email.
//!
//! A [`OneTimeToken`] is bound to a [`Purpose`], a user, a time and the state of the account, under a MAC. Nothing is
//! stored when it is issued. It is redeemed in one round trip to the [`ReplayCache`](crate::replay_cache::ReplayCache).
//!
//! ```
//! use portcullis::gate::Denial;
//! use portcullis::one_time_tokens::{OneTimeTokens, Purpose};
//! use portcullis::replay_cache::{MemoryReplays, ReplayCache};
//! use portcullis::KeyRing;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret: Vec<u8> = (0..32).collect();
//! let keys = KeyRing::new(secret)?;
//! let replays = ReplayCache::new(MemoryReplays::new());
//! let tokens = OneTimeTokens::new(&keys, &replays);
//!
//! // The app's user row has a number that increases with each change of the
//! // password, the email address or the second factor.
//! let state = 41_u64.to_be_bytes();
//! let token = tokens.issue(&Purpose::PASSWORD_RESET, "user-7", state)?;
//! let link = format!("https://example.com/reset?token={}", token.as_str());
//!
//! // The form with the new password was sent.
//! let verified = tokens.verify(&Purpose::PASSWORD_RESET, token.as_str())?;
//! assert_eq!(verified.user_id(), "user-7");
//! // Load the user, check the new password, then redeem the token last.
//! verified.redeem(state).await?;
//!
//! let again = tokens.verify(&Purpose::PASSWORD_RESET, token.as_str())?;
//! assert_eq!(again.redeem(state).await.unwrap_err().status(), 400);
//! # let _ = link;
//! # Ok(())
//! # }
//! ```
//!
//! - **The state** ends all tokens of an account at once: bind them to a number in the user's row, and increase it with
//!   each change of the password, the email address or the second factor. A token for a new email address is also bound
//!   to that address, so pass both: `[&epoch.to_be_bytes()[..], new_address.as_bytes()].concat()`.
//! - **Verify, load the user, redeem last.** An outage in between consumes no token, and a rejected password leaves the
//!   link valid.
//! - **Redeem after a POST, not a GET**: programs that scan mail open every link.
//! - All failures have the same response, a 400 with the code `one_time_token_invalid`. The reason is in the log, at
//!   `debug`.
//!
//! # Codes
//!
//! A code of six to eight digits belongs to a token, which stays with the browser, for example in a hidden field. Only
//! both together are redeemed, so a stolen code alone is useless.
//!
//! ```
//! use portcullis::one_time_tokens::{OneTimeTokens, Purpose};
//! # use portcullis::{KeyRing, replay_cache::{MemoryReplays, ReplayCache}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret: Vec<u8> = (0..32).collect();
//! # let (keys, state) = (KeyRing::new(secret)?, 41_u64.to_be_bytes());
//! # let tokens = OneTimeTokens::new(&keys, &ReplayCache::new(MemoryReplays::new()));
//! let token = tokens.issue(&Purpose::SENT_CODE, "user-7", state)?;
//! let message = format!("Your code is {}", tokens.code(&token)?);
//!
//! # let typed = tokens.code(&token)?;
//! let verified = tokens.verify(&Purpose::SENT_CODE, token.as_str())?;
//! verified.redeem_with_code(state, &typed).await?;
//! # let _ = message;
//! # Ok(())
//! # }
//! ```
//!
//! A wrong code consumes nothing, and there are only a million of them: charge each attempt to a
//! [rate limit](crate::_guide::recipes::login_limits) of the account, which a new token does not reset (NIST SP 800-63B-4 §3.1.3).

mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod policy;
mod purpose;
mod token;
mod tokens;
mod verified;

pub use purpose::Purpose;
pub use token::OneTimeToken;
pub use tokens::OneTimeTokens;
pub use verified::VerifiedToken;
