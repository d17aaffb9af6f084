//! `OneTimeTokens`: issues and verifies tokens.

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::gate::Denial;
use crate::keys::ring::KeyRing;
use crate::one_time_tokens::error::{invalid, misuse};
use crate::one_time_tokens::policy::Policy;
use crate::one_time_tokens::purpose::Purpose;
use crate::one_time_tokens::token::{OneTimeToken, Unverified};
use crate::one_time_tokens::verified::VerifiedToken;
use crate::replay_cache::ReplayCache;

/// Issues and verifies tokens that can be redeemed once; see the [module](crate::one_time_tokens).
///
/// It is cheap to clone. All processes of the app need the same keys and the same store of the [`ReplayCache`].
#[derive(Clone)]
pub struct OneTimeTokens(Arc<Policy>);

impl OneTimeTokens {
    /// Creates an issuer of tokens with these keys, which redeems them in this cache.
    #[must_use]
    pub fn new(keys: &KeyRing, replays: &ReplayCache) -> Self {
        Self::with_clock(keys, replays, Clock::system())
    }

    /// Creates an issuer with another clock than the system's, for tests. The cache needs the same clock.
    #[must_use]
    pub fn with_clock(keys: &KeyRing, replays: &ReplayCache, clock: Clock) -> Self {
        Self(Arc::new(Policy::new(keys, replays.clone(), clock)))
    }

    /// Issues a token for a user, without a round trip.
    ///
    /// `state` are bytes that change with the account, normally a number in the user's row: when it has changed, the
    /// token is invalid.
    ///
    /// # Errors
    ///
    /// Returns a 500 whose log line names the mistake if the state is empty, the user's id is empty or has over 256
    /// bytes, or the operating system has no random bytes.
    pub fn issue(&self, purpose: &Purpose, user_id: &str, state: impl AsRef<[u8]>) -> Result<OneTimeToken, Denial> {
        self.0.issue(purpose, user_id, state.as_ref())
    }

    /// Returns the code that belongs to a token, to send it by SMS or email.
    ///
    /// # Errors
    ///
    /// Returns a 500 whose log line names the mistake if the purpose of the token has no code.
    pub fn code(&self, token: &OneTimeToken) -> Result<String, Denial> {
        let unverified = Unverified::parse(&token.text);
        let code = token.code_digits.zip(unverified).and_then(|(digits, token)| self.0.code(digits, &token));
        code.ok_or_else(|| misuse("a code is requested for a token whose purpose has none; use Purpose::SENT_CODE"))
    }

    /// Verifies a token that a client sends, without a round trip. It is not redeemed yet.
    ///
    /// # Errors
    ///
    /// Returns a 400, the same for all reasons, if the token is malformed or forged, was issued for another purpose, or
    /// has expired. The log has the reason, at `debug`.
    pub fn verify(&self, purpose: &Purpose, token: &str) -> Result<VerifiedToken, Denial> {
        let verified = self.0.verify(purpose, token);
        let token = verified.map_err(|reason| invalid(purpose, reason))?;
        Ok(VerifiedToken::new(Arc::clone(&self.0), purpose.clone(), token))
    }
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTokens").field("keys", self.0.keys()).finish_non_exhaustive()
    }
}
