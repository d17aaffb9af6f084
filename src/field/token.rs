//! The `token` of RFC 9110 §5.6.2, of which schemes, parameter names and cookie names are made.

pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii_without_delimiters() {
        let expected: Vec<u8> = (0x21..=0x7e).filter(|byte| !br#""(),/:;<=>?@[\]{}"#.contains(byte)).collect();
        let actual: Vec<u8> = (0..=u8::MAX).filter(|&byte| is_tchar(byte)).collect();
        assert_eq!(actual, expected);
    }

    #[test]
    fn an_empty_text_is_no_token() {
        assert!(!is_token(b""));
        assert!(is_token(b"for"));
        assert!(!is_token(b"for "));
    }
}
