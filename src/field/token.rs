//! The `token` of RFC 9110 §5.6.2: the grammar of schemes, header names, parameter names and cookie names.

/// Whether `text` is a token: one or more `tchar`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

/// Whether a byte is a `tchar`: visible ASCII without delimiters.
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_characters_are_visible_ascii_without_delimiters() {
        let expected: Vec<u8> = (0x21..=0x7e).filter(|byte| !br#""(),/:;<=>?@[\]{}"#.contains(byte)).collect();
        let actual: Vec<u8> = (0..=u8::MAX).filter(|&byte| is_tchar(byte)).collect();
        assert_eq!(actual, expected);
    }

    #[test]
    fn an_empty_text_is_not_a_token() {
        assert!(!is_token(b""));
        assert!(is_token(b"for"));
        assert!(!is_token(b"for "));
    }
}
