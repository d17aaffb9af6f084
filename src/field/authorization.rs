//! The credentials in an `Authorization` header, of any scheme (RFC 9110 §11.4 and §11.6.2).
//!
//! The parser is our own because the `headers` crate reads only the schemes that it knows, and accepts lists and
//! whitespace that other servers read differently.

use super::token::is_tchar;

/// Why the value of a header has no usable credential. Both are a 400 (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordError {
    /// A list: a proxy in front may use another item of it than the app.
    List,
    /// Nothing, several words, whitespace other than spaces, or a byte outside visible ASCII.
    Malformed,
}

/// Splits the value after the scheme. The credentials keep the spaces before them.
///
/// RFC 9110 §5.5 excludes whitespace before the scheme, but some servers do not strip it.
pub(crate) fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let value = value.trim_ascii_start();
    let end = value.iter().position(|&byte| !is_tchar(byte)).unwrap_or(value.len());
    value.split_at_checked(end).unwrap_or((value, b""))
}

/// Returns the credentials of an `Authorization` header whose scheme is followed by one word, as in `Bearer`, `Basic`
/// and most API keys.
///
/// # Errors
///
/// Returns [`WordError`] unless the value is `auth-scheme 1*SP word`.
pub(crate) fn word_after_scheme(value: &[u8]) -> Result<&str, WordError> {
    let (scheme, credentials) = split_scheme(value);
    let is_indented = value.len() > scheme.len() + credentials.len();
    let spaces = credentials.iter().take_while(|&&byte| byte == b' ').count();
    match word(credentials.get(spaces..).unwrap_or_default()) {
        Ok(_) if is_indented || spaces == 0 => Err(WordError::Malformed),
        result => result,
    }
}

/// Returns the value if it is one word of visible ASCII.
///
/// # Errors
///
/// Returns [`WordError`] if it is empty, a list, or has other characters.
pub(crate) fn word(value: &[u8]) -> Result<&str, WordError> {
    // Folds without branches, so that the compiler checks many bytes at once.
    if value.iter().fold(false, |any, &byte| any | (byte == b',')) {
        return Err(WordError::List);
    }
    let is_visible = value.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    match std::str::from_utf8(value) {
        Ok(word) if is_visible && !word.is_empty() => Ok(word),
        _ => Err(WordError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_word_after_the_scheme_is_the_credential() {
        for value in ["ApiKey k1.secret", "apikey   k1.secret"] {
            assert_eq!(word_after_scheme(value.as_bytes()), Ok("k1.secret"), "{value}");
        }
        assert_eq!(split_scheme(b"ApiKey k1"), (&b"ApiKey"[..], &b" k1"[..]));
        assert_eq!(split_scheme(b"ApiKey"), (&b"ApiKey"[..], &b""[..]));
        assert_eq!(split_scheme(b""), (&b""[..], &b""[..]));
    }

    #[test]
    fn a_value_with_two_readings_is_an_error() {
        for (value, error) in [
            ("ApiKey", WordError::Malformed),
            ("ApiKey ", WordError::Malformed),
            (" ApiKey k1", WordError::Malformed),
            ("ApiKey\tk1", WordError::Malformed),
            ("ApiKey k1 k2", WordError::Malformed),
            ("ApiKey k\u{e4}", WordError::Malformed),
            ("ApiKey=k1", WordError::Malformed),
            ("ApiKey k1,k2", WordError::List),
            ("ApiKey k1, Bearer k2", WordError::List),
        ] {
            assert_eq!(word_after_scheme(value.as_bytes()), Err(error), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_word_is_part_of_any_value(value: Vec<u8>) {
            let (scheme, credentials) = split_scheme(&value);
            prop_assert!(value.ends_with(&[scheme, credentials].concat()));
            if let Ok(word) = word_after_scheme(&value) {
                prop_assert!(value.ends_with(word.as_bytes()));
                prop_assert!(!word.is_empty() && !word.contains([' ', ',', '\t']));
            }
        }
    }
}
