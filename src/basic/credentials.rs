//! `BasicCredentials`: the user name and password in a request (RFC 7617 §2).

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// The user name and password in a request, for [`verify`](crate::basic::BasicAuthBuilder::verify).
///
/// The memory is overwritten when it is dropped, and the `Debug` output shows neither of the two.
#[derive(Clone)]
pub struct BasicCredentials {
    /// As in the request: the name, a colon, and the password.
    text: Zeroizing<String>,
    colon: usize,
}

impl BasicCredentials {
    /// Parses the text after the scheme. `None` if it is not base64 of UTF-8 with a colon, or has control characters.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let text = String::from_utf8(BASE64.decode(text).ok()?).map(Zeroizing::new).ok()?;
        // The name has no colon, and the password may have some.
        let colon = text.find(':')?;
        (!text.contains(char::is_control)).then_some(Self { text, colon })
    }

    /// Returns the user name, which has no colon. It may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// Returns the password. It may be empty.
    #[must_use]
    pub fn password(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// Returns both, which no other name and password have.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").finish_non_exhaustive()
    }
}

/// The padding is optional, because some clients omit it.
const BASE64: GeneralPurpose = {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config)
};

/// The longest text after the scheme. A longer one is not decoded.
const MAX_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &[u8]) -> Option<(String, String)> {
        let credentials = BasicCredentials::parse(&BASE64.encode(text))?;
        Some((credentials.name().to_owned(), credentials.password().to_owned()))
    }

    #[test]
    fn the_name_ends_at_the_first_colon() {
        for (text, name, password) in [
            // The examples of RFC 7617 §2 and §2.1.
            ("Aladdin:open sesame", "Aladdin", "open sesame"),
            ("test:123\u{a3}", "test", "123\u{a3}"),
            ("a:b:c", "a", "b:c"),
            (":b", "", "b"),
            ("a:", "a", ""),
            (":", "", ""),
        ] {
            assert_eq!(parse(text.as_bytes()), Some((name.to_owned(), password.to_owned())), "{text}");
        }
        let without_padding = BasicCredentials::parse("QWxhZGRpbjpvcGVuIHNlc2FtZQ").unwrap();
        assert_eq!(without_padding.password(), "open sesame");
    }

    #[test]
    fn anything_else_is_none() {
        for text in [&b"no colon"[..], b"", b"a:\xff", b"a:b\n", b"a\0:b", b"\x7f:b"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        for text in ["", "=", "QTo", "*", "QTpi QTpi", "QTpi\n", "\u{e4}"] {
            assert!(BasicCredentials::parse(text).is_none_or(|parsed| parsed.name() == "A"), "{text}");
        }
        assert!(parse(&[b':'; 3 * MAX_LEN / 4]).is_some() && parse(&[b':'; 3 * MAX_LEN / 4 + 1]).is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = BasicCredentials::parse(&BASE64.encode("name:secret")).unwrap();
        assert_eq!(format!("{credentials:?}"), "BasicCredentials { .. }");
    }

    proptest! {
        #[test]
        fn every_name_and_password_is_read_as_it_was_written(name in "[^:\\pC]{0,20}", password in "\\PC{0,20}") {
            prop_assert_eq!(parse(format!("{name}:{password}").as_bytes()), Some((name, password)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = BasicCredentials::parse(&text);
        }
    }
}
