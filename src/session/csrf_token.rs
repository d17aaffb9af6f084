//! `CsrfKey`: signs CSRF tokens, for browsers that send neither `Sec-Fetch-Site` nor `Origin`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::session::id::SessionId;
use crate::session::random::{RandomUnavailable, random_bytes};

/// The key of a session's tokens: 256 random bits that only the record contains.
///
/// A renewal of the cookie keeps it, so that forms that are already open stay valid. A login creates a new one. It does
/// not depend on the cookie, so a stolen cookie does not help to create tokens.
#[derive(Clone)]
pub(super) struct CsrfKey(Zeroizing<[u8; 32]>);

impl CsrfKey {
    /// Returns a new key.
    ///
    /// # Errors
    ///
    /// Returns [`RandomUnavailable`] if the generator of the operating system fails.
    pub(super) fn random() -> Result<Self, RandomUnavailable> {
        random_bytes().map(Self)
    }

    pub(super) fn to_hex(&self) -> String {
        hex::encode(*self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut *bytes).ok().map(|()| Self(bytes))
    }

    /// Returns a token of a session.
    ///
    /// It differs each time, so that the size of a compressed page does not reveal it (BREACH).
    ///
    /// # Errors
    ///
    /// Returns [`RandomUnavailable`] if the generator of the operating system fails.
    pub(super) fn new_token(&self, session: &SessionId) -> Result<String, RandomUnavailable> {
        let random = random_bytes::<RANDOM_LEN>()?;
        let tag = hmac::sign(&self.key(), &message(session, &random));
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(*random), URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Whether a token belongs to this session.
    pub(super) fn has_signed(&self, session: &SessionId, token: &str) -> bool {
        // Check the length before decoding: a client may send a long text.
        if token.len() != TOKEN_LEN {
            return false;
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let Some((random, tag)) = token.split_once('.') else { return false };
        let Some(random) = decode(random).and_then(|random| <[u8; RANDOM_LEN]>::try_from(random).ok()) else {
            return false;
        };
        let Some(tag) = decode(tag) else { return false };
        hmac::verify(&self.key(), &message(session, &random), &tag).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }
}

/// Does not show the key.
impl fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKey(..)")
    }
}

/// Returns the parts, each after its length, so that different parts never result in the same message.
fn message(session: &SessionId, random: &[u8; RANDOM_LEN]) -> Vec<u8> {
    let parts: [&[u8]; 3] = [b"csrf", session.as_str().as_bytes(), random];
    let part = |part: &[u8]| [&(part.len() as u64).to_be_bytes(), part].concat();
    parts.into_iter().flat_map(part).collect()
}

const RANDOM_LEN: usize = 16;

/// 16 bytes, a dot and 32 bytes, in base64url without padding.
const TOKEN_LEN: usize = 22 + 1 + 43;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_belongs_to_one_key_and_session_and_differs_each_time() {
        let [key, other_key] = [(); 2].map(|()| CsrfKey::random().unwrap());
        let [session, other] = [(); 2].map(|()| SessionId::random().unwrap());
        let tokens: HashSet<_> = (0..100).map(|_| key.new_token(&session).unwrap()).collect();
        assert_eq!(tokens.len(), 100);
        for token in &tokens {
            assert!(key.has_signed(&session, token), "{token}");
            assert!(!key.has_signed(&other, token) && !other_key.has_signed(&session, token), "{token}");
        }
        let copy = CsrfKey::from_hex(&key.to_hex()).unwrap();
        assert!(copy.has_signed(&session, tokens.iter().next().unwrap()));
    }

    #[test]
    fn an_altered_token_is_invalid() {
        let (key, session) = (CsrfKey::random().unwrap(), SessionId::random().unwrap());
        let token = key.new_token(&session).unwrap();
        for text in ["", ".", "a.b", &token[1..], &token[..65], &format!("{token}A"), &token.replace('.', "A")] {
            assert!(!key.has_signed(&session, text), "{text}");
        }
        for index in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
            assert!(!key.has_signed(&session, std::str::from_utf8(&altered).unwrap()), "{index}");
        }
    }

    #[test]
    fn each_part_of_a_message_follows_its_length() {
        let session = SessionId::parse(&"s".repeat(22)).unwrap();
        let expected = [
            &[0, 0, 0, 0, 0, 0, 0, 4][..],
            b"csrf",
            &[0, 0, 0, 0, 0, 0, 0, 22],
            &[b's'; 22],
            &[0, 0, 0, 0, 0, 0, 0, 16],
            &[7; 16],
        ];
        assert_eq!(message(&session, &[7; 16]), expected.concat());
    }

    #[test]
    fn a_key_of_another_length_or_alphabet_is_none_and_debug_does_not_show_it() {
        let key = CsrfKey::random().unwrap();
        let hex = key.to_hex();
        assert_eq!(hex.len(), 64);
        for text in ["", "00", &hex[2..], &format!("{hex}00"), &"z".repeat(64)] {
            assert!(CsrfKey::from_hex(text).is_none(), "{text}");
        }
        assert_eq!(format!("{key:?}"), "CsrfKey(..)");
    }
}
