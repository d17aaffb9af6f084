//! `KeyFormat`: the text of a key, from its parts and back.
//!
//! The format is that of GitHub's tokens. A prefix shows scanners and people what the text is, and a checksum lets both
//! a scanner and this crate reject a text that is no key without a lookup.

use zeroize::Zeroizing;

use crate::api_key::key::base62::{encode, is_base62};
use crate::api_key::key::id::{ApiKeyId, ID_LEN};
use crate::api_key::key::random::{RandomUnavailable, random_base62};

/// The prefix of an app's keys: `acme_live` for keys such as `acme_live_Zx81kQ0aB2cD...`.
#[derive(Clone, Debug)]
pub(crate) struct KeyFormat {
    /// With the `_` after it.
    prefix: Box<str>,
}

/// The parts of a text with a valid checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyParts<'a> {
    pub(crate) id: ApiKeyId,
    /// What the digest is computed of.
    pub(crate) id_and_secret: &'a [u8],
}

/// The whole text of a key, which is wiped from memory when it is dropped.
pub(crate) struct KeyText(Zeroizing<String>);

impl KeyText {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyFormat {
    /// Whether this is a prefix: 2 to 32 lowercase letters, digits and `_`, first a letter and last no `_`.
    pub(crate) fn is_prefix(prefix: &str) -> bool {
        (2..=32).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && prefix.starts_with(|first: char| first.is_ascii_lowercase())
            && !prefix.ends_with('_')
    }

    /// Creates the format of keys with this prefix, which is valid.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}_").into() }
    }

    /// Returns the prefix with the `_` after it.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns a regular expression that matches the keys.
    pub(crate) fn pattern(&self) -> String {
        format!("{}[0-9A-Za-z]{{{BODY_LEN}}}", self.prefix)
    }

    /// Returns the text of a key with a new random secret.
    ///
    /// # Errors
    ///
    /// Returns [`RandomUnavailable`] if the generator of the operating system fails.
    pub(crate) fn new_text(&self, id: ApiKeyId) -> Result<KeyText, RandomUnavailable> {
        let secret = Zeroizing::new(random_base62()?);
        Ok(self.text(id, &secret))
    }

    fn text(&self, id: ApiKeyId, secret: &[u8; SECRET_LEN]) -> KeyText {
        // Allocated once, so that no copy of the secret stays behind.
        let mut text = Zeroizing::new(String::with_capacity(self.prefix.len() + BODY_LEN));
        text.push_str(&self.prefix);
        text.push_str(id.as_str());
        text.extend(secret.iter().copied().map(char::from));
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.map(char::from));
        KeyText(text)
    }

    /// Returns the parts of a key, if the prefix, the length, the alphabet and the checksum are correct.
    pub(crate) fn parse<'a>(&self, text: &'a str) -> Option<KeyParts<'a>> {
        let body = text.strip_prefix(&*self.prefix)?.as_bytes();
        if body.len() != BODY_LEN || !is_base62(body) {
            return None;
        }
        let (covered, stated) = text.as_bytes().split_last_chunk::<CHECKSUM_LEN>()?;
        if *stated != checksum(covered) {
            return None;
        }
        let id_and_secret = body.get(..ID_LEN + SECRET_LEN)?;
        Some(KeyParts { id: ApiKeyId::new(*body.first_chunk()?)?, id_and_secret })
    }
}

/// The CRC-32 (IEEE 802.3) of the rest of the key. It finds typing errors; it is no protection against forgery.
fn checksum(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    encode(crc32fast::hash(covered))
}

/// 190 bits: 32 times the logarithm of 62.
const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;
const BODY_LEN: usize = ID_LEN + SECRET_LEN + CHECKSUM_LEN;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: [u8; 12] = *b"Zx81kQ0aB2cD";
    const SECRET: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";

    fn text(prefix: &str) -> String {
        KeyFormat::new(prefix).text(ApiKeyId::new(ID).unwrap(), &SECRET).as_str().to_owned()
    }

    #[test]
    fn a_key_is_the_prefix_the_id_the_secret_and_the_checksum() {
        let text = text("acme_live");
        let (covered, checksum) = text.split_at(text.len() - 6);
        assert_eq!(covered, "acme_live_Zx81kQ0aB2cD0123456789abcdefghijklmnopqrstuv");
        // Computed by zlib.crc32 of Python.
        assert_eq!(checksum, "1wSitW");
        let format = KeyFormat::new("acme_live");
        assert_eq!(format.pattern(), "acme_live_[0-9A-Za-z]{50}");
        let parts = format.parse(&text).unwrap();
        assert_eq!(parts.id.as_str(), "Zx81kQ0aB2cD");
        assert_eq!(parts.id_and_secret, [&ID[..], &SECRET].concat());
    }

    #[test]
    fn the_checksum_is_the_crc_32_of_ieee_802_3() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn prefixes_are_words_of_lowercase_letters_and_digits() {
        for prefix in ["ab", "acme_live", "a1", "a__b", &"a".repeat(32)] {
            assert!(KeyFormat::is_prefix(prefix), "{prefix}");
        }
        for prefix in ["", "a", "1a", "_a", "a_", "Acme", "a-b", "a b", "\u{e4}bc", &"a".repeat(33)] {
            assert!(!KeyFormat::is_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn a_changed_character_and_a_wrong_length_are_rejected() {
        let format = KeyFormat::new("acme_live");
        let text = text("acme_live");
        for position in 0..text.len() {
            for other in ["a", "Z", "0", "-", "_", " "] {
                let mut changed = text.clone();
                changed.replace_range(position..=position, other);
                assert_eq!(format.parse(&changed).is_some(), changed == text, "{changed}");
            }
        }
        for wrong in [&text[1..], &text[..text.len() - 1], &format!("{text}0"), &format!(" {text}"), ""] {
            assert!(format.parse(wrong).is_none(), "{wrong}");
        }
        assert!(KeyFormat::new("acme").parse(&text).is_none());
        assert!(KeyFormat::new("acme_test").parse(&text).is_none());
    }

    #[test]
    fn a_right_checksum_does_not_make_up_for_a_wrong_length_or_alphabet() {
        let format = KeyFormat::new("acme_live");
        let with_checksum = |body: &str| {
            let covered = format!("acme_live_{body}");
            let checksum = checksum(covered.as_bytes());
            format!("{covered}{}", std::str::from_utf8(&checksum).unwrap())
        };
        assert!(format.parse(&with_checksum(&"a".repeat(44))).is_some());
        for body in ["a".repeat(43), "a".repeat(45), format!("{}-", "a".repeat(43)), format!("{}_", "a".repeat(43))] {
            assert!(format.parse(&with_checksum(&body)).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_without_a_panic(text in ".{0,80}") {
            KeyFormat::new("ab").parse(&text);
            KeyFormat::new("ab").parse(&format!("ab_{text}"));
        }

        #[test]
        fn every_key_parses_back(
            id in "[0-9A-Za-z]{12}",
            secret in "[0-9A-Za-z]{32}",
            prefix in "[a-z][a-z0-9_]{0,30}[a-z0-9]",
        ) {
            prop_assert!(KeyFormat::is_prefix(&prefix));
            let format = KeyFormat::new(&prefix);
            let text = format.text(id.parse().unwrap(), secret.as_bytes().try_into().unwrap());
            let parts = format.parse(text.as_str()).unwrap();
            prop_assert_eq!(parts.id.as_str(), &id);
            let id_and_secret = format!("{id}{secret}");
            prop_assert_eq!(parts.id_and_secret, id_and_secret.as_bytes());
        }
    }
}
