//! `SessionId`: the public id of a session, for display and in stores.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::random::{RandomUnavailable, random_bytes};

/// The public id of a session: 22 characters, which give no access to it.
///
/// It stays the same when the cookie is [renewed](crate::session::Session::renew). It is the
/// [`token_id`](crate::UserContext::token_id) of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; LEN]);

impl SessionId {
    /// Returns a new id of 128 random bits.
    ///
    /// # Errors
    ///
    /// Returns [`RandomUnavailable`] if the generator of the operating system fails.
    pub(super) fn random() -> Result<Self, RandomUnavailable> {
        let bytes = random_bytes::<16>()?;
        Ok(Self::parse(&URL_SAFE_NO_PAD.encode(*bytes)).unwrap_or(Self([b'A'; LEN])))
    }

    /// Parses an id, for example from a path; `None` if the text is not 22 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let bytes: [u8; LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(is_base64url).then_some(Self(bytes))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // All bytes are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The length of 16 bytes in base64url without padding.
const LEN: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_22_characters_of_base64url() {
        let id = SessionId::random().unwrap();
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_ne!(SessionId::random(), Ok(id));
        for text in ["", "a", &"a".repeat(21), &"a".repeat(23), &"+".repeat(22), &"\u{e4}".repeat(11)] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
