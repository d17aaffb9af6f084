//! `Form`: a body in `application/x-www-form-urlencoded` (WHATWG URL, "urlencoded serializing"; RFC 6749 appendix B).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// The fields of a form. They are secret: the token, and perhaps the client secret.
pub(crate) struct Form(Zeroizing<String>);

impl Form {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(TYPICAL_LEN)))
    }

    /// Adds a field.
    pub(crate) fn add(&mut self, name: &'static str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&encode(value));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }
}

/// Encodes a value of a form.
pub(super) fn encode(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(text.len()));
    for part in utf8_percent_encode(text, ENCODED) {
        // The encoder returns each encoded byte as a part of its own.
        encoded.push_str(if part == "%20" { "+" } else { part });
    }
    encoded
}

// All bytes except letters, digits and these four are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

// A token and a client assertion. A longer form is moved, and leaves a copy that is not overwritten.
const TYPICAL_LEN: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_spaces_and_other_alphabets_are_encoded() {
        // RFC 6749 appendix B.
        assert_eq!(*encode(" %&+\u{a3}\u{20ac}"), "+%25%26%2B%C2%A3%E2%82%AC");
        assert_eq!(*encode("a:b=c/d~e"), "a%3Ab%3Dc%2Fd%7Ee");
        assert_eq!(*encode("AZaz09*-._"), "AZaz09*-._");
        assert_eq!(*encode("%20"), "%2520");
    }

    #[test]
    fn fields_are_separated_and_cannot_add_others() {
        let mut form = Form::new();
        form.add("token", "a&client_id=b");
        form.add("scope", "");
        form.add("x", "1 2");
        assert_eq!(form.into_bytes(), b"token=a%26client_id%3Db&scope=&x=1+2");
    }
}
