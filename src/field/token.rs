//! The `token` of RFC 9110 §5.6.2, the grammar of schemes, header names, parameter names and cookie names, and the
//! `token68` of RFC 9110 §11.2, the grammar of most credentials.

/// Whether `text` is a token: one or more `tchar`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

/// Whether a byte is a `tchar`: visible ASCII without delimiters.
pub(super) fn is_tchar(byte: u8) -> bool {
    TCHARS.checked_shr(u32::from(byte)).is_some_and(|tchars| tchars & 1 == 1)
}

/// Bit `n` says whether the byte `n` is a `tchar`.
const TCHARS: u128 = {
    let mut tchars = 0;
    let mut byte = 0;
    while byte < 128_u8 {
        let is_symbol = matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        if byte.is_ascii_alphanumeric() || is_symbol {
            tchars |= 1 << byte;
        }
        byte += 1;
    }
    tchars
};

/// Whether `text` is `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110 §11.2).
pub(crate) fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=').as_bytes();
    // Tokens are long. Without a branch for each byte, the compiler vectorizes the loop.
    !body.is_empty() && body.iter().fold(true, |is_valid, byte| is_valid & is_token68_byte(*byte))
}

fn is_token68_byte(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // In ASCII, the dot, the slash and the ten digits are adjacent.
    let is_dot_slash_or_digit = byte.wrapping_sub(b'.') < 12;
    is_letter | is_dot_slash_or_digit | (byte == b'-') | (byte == b'_') | (byte == b'~') | (byte == b'+')
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
