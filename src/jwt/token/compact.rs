//! Compact serialisation (RFC 7515 §7.1): a token's three segments.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeSliceError, Engine};

use crate::gate::TokenError;

/// A token split into its segments, nothing decoded yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
    /// What the signature is made over: header and payload with the dot between them.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_len` bytes.
    pub(crate) fn parse(token: &'a str, max_len: usize) -> Result<Self, TokenError> {
        if token.len() > max_len {
            return Err(TokenError::TooLong);
        }
        // RFC 8725bis §3.14: no other character is legal in any JWT.
        // Without a branch for each byte, a compiler judges many at once.
        if !token.bytes().fold(true, |is_legal, byte| is_legal & is_of_jwt(byte)) {
            return Err(TokenError::Charset);
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature)) = (segments.next(), segments.next(), segments.next()) else {
            return Err(TokenError::Segments);
        };
        match segments.count() {
            0 => {}
            // RFC 7516 §9: five segments are a JWE.
            2 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Segments),
        }
        let signed = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { header, payload, signature, signed })
    }
}

/// Base64url and the dot.
fn is_of_jwt(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = byte.wrapping_sub(b'0') < 10;
    is_letter | is_digit | (byte == b'-') | (byte == b'_') | (byte == b'.')
}

/// The UTF-8 text that a segment is base64url of.
pub(crate) fn text(segment: &str) -> Result<String, TokenError> {
    String::from_utf8(bytes(segment)?).map_err(|_| TokenError::Encoding)
}

/// The bytes that a segment is base64url of, without padding and with its spare bits zero (RFC 7515 §2).
pub(crate) fn bytes(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Encoding)
}

/// As [`bytes`], into a buffer; what does not fit is no signature of any key.
pub(crate) fn bytes_into<'a>(segment: &str, buffer: &'a mut [u8]) -> Result<&'a [u8], TokenError> {
    let len = URL_SAFE_NO_PAD.decode_slice(segment, buffer).map_err(|error| match error {
        DecodeSliceError::DecodeError(_) => TokenError::Encoding,
        DecodeSliceError::OutputSliceTooSmall => TokenError::Signature,
    })?;
    Ok(buffer.get(..len).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(token: &str) -> Result<(&str, &str, &str), TokenError> {
        Compact::parse(token, 64).map(|compact| (compact.header, compact.payload, compact.signature))
    }

    #[test]
    fn a_token_is_three_segments() {
        assert_eq!(split("aa.bb.cc"), Ok(("aa", "bb", "cc")));
        assert_eq!(split("aa.bb."), Ok(("aa", "bb", "")));
        assert_eq!(Compact::parse("aa.bb.cc", 8).unwrap().signed, "aa.bb");
    }

    #[test]
    fn any_other_number_of_segments_is_refused() {
        for token in ["", "aa", "aa.bb", "aa.bb.cc.dd", "a.b.c.d.e.f"] {
            assert_eq!(split(token), Err(TokenError::Segments), "{token}");
        }
        assert_eq!(split("a.b.c.d.e"), Err(TokenError::Encrypted));
    }

    #[test]
    fn a_byte_outside_the_alphabet_is_refused_before_anything_is_decoded() {
        for token in ["a+.b.c", "a/.b.c", "a=.b.c", "a.b.c=", "a b.c.d", "{\"a\":1}", "a.b.c\n", "ä.b.c", "a.b.c?"] {
            assert_eq!(split(token), Err(TokenError::Charset), "{token:?}");
        }
    }

    #[test]
    fn the_alphabet_is_that_of_base64url_and_the_dot() {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!((0..=u8::MAX).all(|byte| is_of_jwt(byte) == is_legal(byte)));
    }

    #[test]
    fn a_token_longer_than_the_bound_is_refused_before_it_is_split() {
        assert_eq!(split(&".".repeat(65)), Err(TokenError::TooLong));
        assert_eq!(split(&".".repeat(64)), Err(TokenError::Segments));
        assert!(Compact::parse("aa.bb.cc", 8).is_ok());
        assert!(Compact::parse("aa.bb.cc", 7).is_err());
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(bytes("QQ"), Ok(b"A".to_vec()));
        for segment in ["QR", "QQ==", "Q", "QQ\n", "Q+Q", "A-_", "QQ="] {
            assert_eq!(bytes(segment), Err(TokenError::Encoding), "{segment:?}");
        }
        assert_eq!(text("_w"), Err(TokenError::Encoding));
    }

    #[test]
    fn a_signature_longer_than_any_keys_is_bad() {
        let encoded = |len: usize| URL_SAFE_NO_PAD.encode(vec![7; len]);
        let mut buffer = [0; 64];
        assert_eq!(bytes_into(&encoded(64), &mut buffer), Ok(&[7; 64][..]));
        assert_eq!(bytes_into(&encoded(0), &mut buffer), Ok(&[][..]));
        assert_eq!(bytes_into(&encoded(65), &mut buffer), Err(TokenError::Signature));
        assert_eq!(bytes_into("Q", &mut buffer), Err(TokenError::Encoding));
    }

    proptest! {
        #[test]
        fn no_token_panics(token in ".{0,80}") {
            if let Ok(compact) = Compact::parse(&token, 64) {
                prop_assert_eq!(format!("{}.{}", compact.signed, compact.signature), token);
            }
        }

        #[test]
        fn bytes_read_back_what_was_encoded(original in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(bytes(&URL_SAFE_NO_PAD.encode(&original)), Ok(original));
        }
    }
}
