//! Parts of stored hashes: numbers, and bytes in base64 and hexadecimal. Each value has one text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// Exactly `N` parts.
pub(super) fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut parts = text.split(separator);
    let mut fields = [""; N];
    for field in &mut fields {
        *field = parts.next()?;
    }
    parts.next().is_none().then_some(fields)
}

/// A decimal number without sign and leading zeros.
pub(super) fn number(text: &str) -> Option<u32> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_canonical.then(|| text.parse().ok()).flatten()
}

/// The number after a name and `=`.
pub(super) fn parameter(text: &str, name: &str) -> Option<u32> {
    number(text.strip_prefix(name)?.strip_prefix('=')?)
}

/// Bytes in base64 with padding.
pub(super) fn padded_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Bytes in base64 without padding, as the PHC form has them.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

/// Bytes in lower-case hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let is_lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_lower.then(|| hex::decode(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (text, expected) in [("0", Some(0)), ("10", Some(10)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(number(text), expected, "{text}");
        }
        for text in ["", "+1", "-1", "01", "00", "4294967296", "1 ", " 1", "1_0", "\u{661}"] {
            assert_eq!(number(text), None, "{text:?}");
        }
        assert_eq!(parameter("ln=17", "ln"), Some(17));
        assert_eq!((parameter("n=17", "ln"), parameter("ln17", "ln")), (None, None));
    }

    #[test]
    fn bytes_have_one_text() {
        assert_eq!(padded_base64("AA=="), Some(vec![0]));
        assert_eq!(base64("AA"), Some(vec![0]));
        assert_eq!(hex("0a"), Some(vec![10]));
        for text in ["AA", "AB==", "AA= ", "A", "-_=="] {
            assert_eq!(padded_base64(text), None, "{text}");
        }
        for text in ["AA==", "AB", "A", "-_"] {
            assert_eq!(base64(text), None, "{text}");
        }
        for text in ["0A", "0", "0g"] {
            assert_eq!(hex(text), None, "{text}");
        }
    }
}
