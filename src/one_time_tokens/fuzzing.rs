//! The fuzz target of the text of a token. It panics if an invariant is violated.

use std::sync::LazyLock;

use crate::keys::ring::KeyRing;
use crate::one_time_tokens::purpose::Purpose;
use crate::one_time_tokens::token::{Unverified, to_text};
use crate::one_time_tokens::tokens::OneTimeTokens;
use crate::replay_cache::{MemoryReplays, ReplayCache};

/// Reads the text of a token: it is rejected, or is the only text of its parts. No text is verified.
pub fn one_time_token(data: &[u8]) {
    static TOKENS: LazyLock<OneTimeTokens> = LazyLock::new(|| {
        let secret: [u8; 32] = std::array::from_fn(|index| index as u8);
        let keys = KeyRing::new(secret).expect("32 different bytes");
        OneTimeTokens::new(&keys, &ReplayCache::new(MemoryReplays::with_capacity(1)))
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(Unverified { parts, mac }) = Unverified::parse(text) {
        assert_eq!(&**to_text(parts.to_bytes(), &mac), text, "two texts of one token");
        assert!(!parts.user_id.is_empty());
    }
    for purpose in [Purpose::PASSWORD_RESET, Purpose::SENT_CODE] {
        assert!(TOKENS.verify(&purpose, text).is_err(), "a token was forged");
    }
}
