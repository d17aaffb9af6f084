//! `VerifiedToken`: a token that is valid, and can be redeemed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::constant_time;

use crate::context::Realm;
use crate::gate::{Denial, DenialKind};
use crate::one_time_tokens::error::{Reason, invalid, misuse};
use crate::one_time_tokens::policy::Policy;
use crate::one_time_tokens::purpose::Purpose;
use crate::one_time_tokens::token::Unverified;

/// A token that was issued for its purpose and has not expired; from
/// [`OneTimeTokens::verify`](crate::one_time_tokens::OneTimeTokens::verify).
///
/// It may have been redeemed before, and the account may have changed since: only a `redeem` that succeeds proves that
/// neither is the case.
#[must_use = "a token that is not redeemed stays valid"]
pub struct VerifiedToken {
    policy: Arc<Policy>,
    purpose: Purpose,
    token: Unverified,
}

impl VerifiedToken {
    pub(super) fn new(policy: Arc<Policy>, purpose: Purpose, token: Unverified) -> Self {
        Self { policy, purpose, token }
    }

    /// Returns the id of the user that the token was issued to.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.token.parts.user_id
    }

    /// Redeems the token, if the account still has the state that it was issued with: in one round trip, and none if the
    /// state has changed.
    ///
    /// # Errors
    ///
    /// Returns a 400 if the token was redeemed before or the state has changed, a 503 if the store of the replay cache is
    /// unavailable, and a 500 whose log line names the mistake if the state is empty, or if the purpose has a
    /// [code](Self::redeem_with_code). After a 503, the token may still be valid.
    pub async fn redeem(self, state: impl AsRef<[u8]>) -> Result<(), Denial> {
        if self.purpose.code_digits().is_some() {
            return Err(misuse("a token with a code is redeemed without it; use VerifiedToken::redeem_with_code"));
        }
        self.redeem_token(state.as_ref()).await
    }

    /// Redeems the token, if the code belongs to it and the account still has the state that it was issued with.
    ///
    /// Spaces in the code are ignored. A wrong code leaves the token valid.
    ///
    /// # Errors
    ///
    /// As for [`redeem`](Self::redeem); a wrong code is a 400, too. It is a 500 if the purpose has no code.
    pub async fn redeem_with_code(self, state: impl AsRef<[u8]>, code: &str) -> Result<(), Denial> {
        let Some(digits) = self.purpose.code_digits() else {
            return Err(misuse("a code is redeemed for a purpose that has none; use Purpose::with_code"));
        };
        let expected = self.policy.code(digits, &self.token).ok_or_else(|| self.invalid(Reason::UnknownKey))?;
        // A client may send a long text.
        let typed: String = code.chars().filter(|character| *character != ' ').take(LONGEST_CODE).collect();
        if constant_time::verify_slices_are_equal(expected.as_bytes(), typed.as_bytes()).is_err() {
            return Err(self.invalid(Reason::Code));
        }
        self.redeem_token(state.as_ref()).await
    }

    async fn redeem_token(&self, state: &[u8]) -> Result<(), Denial> {
        let Unverified { parts, mac } = &self.token;
        let expected = self.policy.state_digest(parts, state)?;
        if constant_time::verify_slices_are_equal(&expected, &parts.state).is_err() {
            return Err(self.invalid(Reason::State));
        }
        let expires_at = UNIX_EPOCH + Duration::from_secs(parts.expires_at.into());
        match self.policy.replays.consume(mac, expires_at).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.invalid(Reason::Redeemed)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "a one-time token could not be redeemed");
                Err(Denial::new(DenialKind::replay_cache_unavailable(RETRY_AFTER), Realm::default()))
            }
        }
    }

    fn invalid(&self, reason: Reason) -> Denial {
        invalid(&self.purpose, reason)
    }
}

/// Shows the purpose and the user, and not the token.
impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("VerifiedToken");
        debug.field("purpose", &self.purpose.name()).field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}

/// One more than a code can have.
const LONGEST_CODE: usize = 9;
/// The circuit breaker of the store lets a call through sooner.
const RETRY_AFTER: Duration = Duration::from_secs(1);
