//! `OneTimeToken`: the text of a token, and its parts.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::keys::key_id::KeyId;

/// A one-time token. Its `Debug` shows the purpose and the user, and not the text.
#[derive(Clone)]
#[must_use]
pub struct OneTimeToken {
    pub(super) text: Zeroizing<String>,
    pub(super) purpose: Cow<'static, str>,
    pub(super) code_digits: Option<u8>,
    pub(super) user_id: String,
}

impl OneTimeToken {
    /// Returns the text, for a link or a form: letters, digits, `-` and `_`; at most 200 for a user's id of 64 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("OneTimeToken");
        debug.field("purpose", &self.purpose).field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// The parts of a token, in the order of their bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Parts {
    pub(super) key_id: KeyId,
    pub(super) purpose_id: [u8; 4],
    /// In seconds since 1970.
    pub(super) issued_at: u32,
    /// In seconds since 1970.
    pub(super) expires_at: u32,
    pub(super) nonce: [u8; 16],
    pub(super) state: [u8; 8],
    pub(super) user_id: String,
}

impl Parts {
    /// Returns what the MAC covers.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_LEN + self.user_id.len() + MAC_LEN);
        bytes.push(VERSION);
        bytes.extend(self.key_id.0);
        bytes.extend(self.purpose_id);
        bytes.extend(self.issued_at.to_be_bytes());
        bytes.extend(self.expires_at.to_be_bytes());
        bytes.extend(self.nonce);
        bytes.extend(self.state);
        bytes.extend(self.user_id.as_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (key_id, rest) = rest.split_first_chunk()?;
        let (purpose_id, rest) = rest.split_first_chunk()?;
        let (issued_at, rest) = rest.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (state, user_id) = rest.split_first_chunk()?;
        let parts = Self {
            key_id: KeyId(*key_id),
            purpose_id: *purpose_id,
            issued_at: u32::from_be_bytes(*issued_at),
            expires_at: u32::from_be_bytes(*expires_at),
            nonce: *nonce,
            state: *state,
            user_id: std::str::from_utf8(user_id).ok()?.to_owned(),
        };
        (*version == VERSION && !parts.user_id.is_empty()).then_some(parts)
    }
}

/// A token whose MAC has not been checked.
pub(super) struct Unverified {
    pub(super) parts: Parts,
    pub(super) mac: [u8; MAC_LEN],
}

impl Unverified {
    /// Parses a text. There is one text for each token: no padding, no white space, no unused bits that are set.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Check the length before decoding: a client may send a long text.
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, mac) = bytes.split_last_chunk()?;
        Some(Self { parts: Parts::read(signed)?, mac: *mac })
    }
}

/// Returns the text of a token. `bytes` are those of its parts.
pub(super) fn to_text(mut bytes: Vec<u8>, mac: &[u8; MAC_LEN]) -> Zeroizing<String> {
    bytes.extend(mac);
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))
}

const VERSION: u8 = 1;
/// The bytes before the user's id.
const HEAD_LEN: usize = 1 + 4 + 4 + 4 + 4 + 16 + 8;
const MAC_LEN: usize = 32;
/// The longest id of a user, in bytes.
pub(super) const LONGEST_USER_ID: usize = 256;
const LONGEST_TEXT: usize = ((HEAD_LEN + LONGEST_USER_ID + MAC_LEN) * 4).div_ceil(3);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(user_id: &str) -> Parts {
        Parts {
            key_id: KeyId([1, 2, 3, 4]),
            purpose_id: [5; 4],
            issued_at: 6,
            expires_at: u32::MAX,
            nonce: [8; 16],
            state: [9; 8],
            user_id: user_id.to_owned(),
        }
    }

    #[test]
    fn a_token_of_a_64_byte_user_id_has_at_most_200_characters() {
        let text = to_text(parts(&"u".repeat(64)).to_bytes(), &[7; 32]);
        assert_eq!(text.len(), 183);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let longest = to_text(parts(&"u".repeat(LONGEST_USER_ID)).to_bytes(), &[7; 32]);
        assert!(Unverified::parse(&longest).is_some());
        let longer = to_text(parts(&"u".repeat(LONGEST_USER_ID + 1)).to_bytes(), &[7; 32]);
        assert!(Unverified::parse(&longer).is_none());
    }

    #[test]
    fn a_token_without_a_user_or_of_another_version_is_not_parsed() {
        assert!(Unverified::parse(&to_text(parts("").to_bytes(), &[7; 32])).is_none());
        for version in [0, 2, 255] {
            let mut bytes = parts("ann").to_bytes();
            bytes[0] = version;
            assert!(Unverified::parse(&to_text(bytes, &[7; 32])).is_none(), "{version}");
        }
        let mut bytes = parts("ann").to_bytes();
        bytes.push(0xff);
        assert!(Unverified::parse(&to_text(bytes, &[7; 32])).is_none(), "no UTF-8");
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_what_was_written(
            numbers: ([u8; 4], [u8; 4], u32, u32), nonce: [u8; 16], state: [u8; 8], user_id in "\\PC{1,64}", mac: [u8; 32],
        ) {
            let (key_id, purpose_id, issued_at, expires_at) = numbers;
            let parts = Parts { key_id: KeyId(key_id), purpose_id, issued_at, expires_at, nonce, state, user_id };
            let parsed = Unverified::parse(&to_text(parts.to_bytes(), &mac)).unwrap();
            prop_assert_eq!((parsed.parts, parsed.mac), (parts, mac));
        }

        #[test]
        fn a_text_that_is_parsed_is_the_only_one_of_its_token(text in "[A-Za-z0-9_-]{100,140}") {
            if let Some(Unverified { parts, mac }) = Unverified::parse(&text) {
                prop_assert_eq!(&**to_text(parts.to_bytes(), &mac), text.as_str());
            }
        }
    }
}
