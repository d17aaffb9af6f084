//! `Password`: what a user typed, and its normalized form.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

use crate::gate::PasswordProblem;
use crate::password::policy::generate::generate;

/// A password that a user typed: it is redacted in `Debug`, and overwritten when it is dropped.
///
/// Use it as the type of a field in a form or JSON body. It has none of `Clone`, `Display`, `PartialEq` and
/// `Serialize`, so it reaches neither a log nor a response by accident.
///
/// ```
/// use portcullis::password::Password;
///
/// #[derive(serde::Deserialize)]
/// struct LoginForm {
///     email: String,
///     password: Password,
/// }
///
/// let body = r#"{"email": "ann@example.com", "password": "correct horse"}"#;
/// let form: LoginForm = serde_json::from_str(body)?;
/// assert_eq!(form.email, "ann@example.com");
/// assert_eq!(format!("{:?}", form.password), "Password([redacted])");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// More than 1,024 bytes are a deserialization error, to which axum's extractors respond with 422. Nothing is trimmed
/// and case is kept. Before a password is hashed or compared, spaces outside ASCII become U+0020 and the text is
/// normalized (NFC), as RFC 8265 §4.2 requires: an `é` is the same whether a keyboard sends one code point or two.
pub struct Password(Text);

enum Text {
    Valid(Zeroizing<String>),
    /// It has an unpaired surrogate.
    NotUnicode,
    TooLong,
}

impl Password {
    /// Creates a password that did not come from a request body.
    ///
    /// One of more than 1,024 bytes is not kept: as a new password it is rejected, and it matches no hash.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(if text.len() > MAX_BYTES { Text::TooLong } else { Text::Valid(text) })
    }

    /// Generates a password of 24 characters with 118 bits, for an account that someone else creates. It passes every
    /// policy.
    #[must_use]
    pub fn generate() -> Self {
        Self(Text::Valid(generate()))
    }

    /// Returns the text as it was typed, for example to show a generated password once. It is empty if the password was
    /// too long or not Unicode.
    #[must_use]
    pub fn expose(&self) -> &str {
        match &self.0 {
            Text::Valid(text) => text,
            Text::NotUnicode | Text::TooLong => "",
        }
    }

    /// Returns the form that is hashed and compared; `None` if no hash matches the password, because it has a control
    /// character.
    pub(super) fn into_comparable(self) -> Option<Zeroizing<String>> {
        self.into_nfc().ok().filter(|text| !text.chars().any(char::is_control))
    }

    /// Returns the normalized form, which may have control characters.
    ///
    /// # Errors
    ///
    /// Returns the problem of a password whose text was not kept.
    pub(super) fn into_nfc(self) -> Result<Zeroizing<String>, PasswordProblem> {
        let text = match self.0 {
            Text::Valid(text) => text,
            Text::NotUnicode => return Err(PasswordProblem::InvalidCharacter),
            Text::TooLong => return Err(PasswordProblem::TooLong { max: MAX_BYTES }),
        };
        let has_other_spaces = text.chars().any(is_space_outside_ascii);
        if !has_other_spaces && is_nfc_quick(text.chars()) == IsNormalized::Yes {
            return Ok(text);
        }
        // NFC has at most three times the bytes (Unicode FAQ), so the text is never moved and left behind in memory.
        let mut normalized = Zeroizing::new(String::with_capacity(MAX_GROWTH * text.len()));
        let with_spaces = text.chars().map(|char| if is_space_outside_ascii(char) { ' ' } else { char });
        normalized.extend(with_spaces.nfc());
        Ok(normalized)
    }
}

/// Whether a character is a space (category Zs) other than U+0020.
fn is_space_outside_ascii(char: char) -> bool {
    matches!(char, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, because serde_json then accepts an unpaired surrogate. It must look like any wrong password.
        deserializer.deserialize_byte_buf(PasswordVisitor)
    }
}

struct PasswordVisitor;

impl Visitor<'_> for PasswordVisitor {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a password of at most {MAX_BYTES} bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Password, E> {
        check_length(text.len())?;
        Ok(Password::new(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Password, E> {
        let text = Zeroizing::new(text);
        self.visit_str(&text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Password, E> {
        check_length(bytes.len())?;
        Ok(std::str::from_utf8(bytes).map_or(Password(Text::NotUnicode), Password::new))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Password, E> {
        let bytes = Zeroizing::new(bytes);
        self.visit_bytes(&bytes)
    }
}

/// The error does not contain the text, unlike those of serde.
fn check_length<E: Error>(bytes: usize) -> Result<(), E> {
    if bytes > MAX_BYTES {
        Err(E::custom(format_args!("the password has more than {MAX_BYTES} bytes")))
    } else {
        Ok(())
    }
}

/// 128 characters of eight bytes, as an emoji with a skin tone has.
const MAX_BYTES: usize = 1_024;

const MAX_GROWTH: usize = 3;

#[cfg(test)]
mod tests;
