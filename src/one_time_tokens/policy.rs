//! `Policy`: the keys, and what they decide about a token.

use std::time::Duration;

use crate::clock::Clock;
use crate::gate::Denial;
use crate::keys::key_use::KeyUse;
use crate::keys::mac::MacKeys;
use crate::keys::ring::KeyRing;
use crate::one_time_tokens::error::{Reason, misuse};
use crate::one_time_tokens::purpose::Purpose;
use crate::one_time_tokens::token::{LONGEST_USER_ID, OneTimeToken, Parts, Unverified, to_text};
use crate::replay_cache::ReplayCache;

/// What [`OneTimeTokens`](crate::one_time_tokens::OneTimeTokens) shares with the tokens that it has verified.
pub(super) struct Policy {
    tokens: MacKeys,
    states: MacKeys,
    codes: MacKeys,
    pub(super) replays: ReplayCache,
    clock: Clock,
}

impl Policy {
    pub(super) fn new(keys: &KeyRing, replays: ReplayCache, clock: Clock) -> Self {
        Self {
            tokens: keys.mac_keys(KeyUse::OneTimeToken),
            states: keys.mac_keys(KeyUse::OneTimeState),
            codes: keys.mac_keys(KeyUse::OneTimeCode),
            replays,
            clock,
        }
    }

    /// Returns the keys of tokens, whose `Debug` shows their ids.
    pub(super) fn keys(&self) -> &MacKeys {
        &self.tokens
    }

    pub(super) fn issue(&self, purpose: &Purpose, user_id: &str, state: &[u8]) -> Result<OneTimeToken, Denial> {
        if user_id.is_empty() || user_id.len() > LONGEST_USER_ID {
            return Err(misuse(
                "a one-time token is issued to a user whose id is empty or has over 256 bytes; use an id",
            ));
        }
        let (key_id, key) = self.tokens.current();
        let now = self.now();
        let expires_at = now.saturating_add(purpose.lifetime()).as_secs();
        let mut parts = Parts {
            key_id: *key_id,
            purpose_id: purpose.id(),
            issued_at: u32::try_from(now.as_secs()).unwrap_or(u32::MAX),
            expires_at: u32::try_from(expires_at).unwrap_or(u32::MAX),
            nonce: [0; 16],
            state: [0; 8],
            user_id: user_id.to_owned(),
        };
        getrandom::fill(&mut parts.nonce).map_err(|_| misuse("the operating system has no random bytes"))?;
        parts.state = self.state_digest(&parts, state)?;
        let bytes = parts.to_bytes();
        let mac = key.sign(&mac_parts(purpose, &[purpose.code_digits().unwrap_or(0)], &bytes));
        Ok(OneTimeToken {
            text: to_text(bytes, &mac),
            purpose: purpose.name.clone(),
            code_digits: purpose.code_digits(),
            user_id: parts.user_id,
        })
    }

    pub(super) fn verify(&self, purpose: &Purpose, token: &str) -> Result<Unverified, Reason> {
        let token = Unverified::parse(token).ok_or(Reason::Malformed)?;
        let key = self.tokens.by_id(token.parts.key_id).ok_or(Reason::UnknownKey)?;
        if token.parts.purpose_id != purpose.id() {
            return Err(Reason::Purpose);
        }
        let bytes = token.parts.to_bytes();
        if !key.verify(&mac_parts(purpose, &[purpose.code_digits().unwrap_or(0)], &bytes), &token.mac) {
            return Err(Reason::Forged);
        }
        let now = self.now();
        let issued_at = Duration::from_secs(token.parts.issued_at.into());
        if now >= Duration::from_secs(token.parts.expires_at.into()) {
            return Err(Reason::Expired);
        }
        if issued_at.saturating_sub(now) > CLOCK_SKEW { Err(Reason::IssuedInFuture) } else { Ok(token) }
    }

    /// Returns the digest of the state of an account. The nonce makes it differ between tokens.
    pub(super) fn state_digest(&self, parts: &Parts, state: &[u8]) -> Result<[u8; 8], Denial> {
        if state.is_empty() {
            return Err(misuse(
                "a one-time token is bound to an empty state; pass a number that changes with the account",
            ));
        }
        // A token whose secret is not in the ring has no digest here, and is rejected by its MAC.
        let key = self.states.by_id(parts.key_id).map(|key| key.sign(&[&parts.nonce, parts.user_id.as_bytes(), state]));
        Ok(key.map(|tag| first(&tag)).unwrap_or_default())
    }

    /// Returns the code of a token: a number of this many digits, by HMAC.
    pub(super) fn code(&self, digits: u8, token: &Unverified) -> Option<String> {
        let key = self.codes.by_id(token.parts.key_id)?;
        let number = u64::from_be_bytes(first(&key.sign(&[&token.mac])));
        // Of 2^64 numbers, each code has the same share up to one in 10^11.
        let number = number % 10_u64.checked_pow(digits.into())?;
        Some(format!("{number:0width$}", width = usize::from(digits)))
    }

    fn now(&self) -> Duration {
        self.clock.since_epoch()
    }
}

/// Returns the first 8 bytes of a tag.
fn first(tag: &[u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *tag;
    [a, b, c, d, e, f, g, h]
}

/// What the MAC covers: the full name of the purpose, whether it has a code, and the bytes of the token.
fn mac_parts<'a>(purpose: &'a Purpose, digits: &'a [u8; 1], bytes: &'a [u8]) -> [&'a [u8]; 3] {
    [purpose.name().as_bytes(), digits, bytes]
}

/// How far the clocks of two processes may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
