//! `Compact`: a token's three segments (JWS compact serialization, RFC 7515 §7.1), and their base64url decoding.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeSliceError, Engine};

use crate::gate::TokenError;

/// A token split into its segments, none of which is decoded yet.
///
/// A JWT has no other serialization (RFC 7519 §1). The JSON serialization of JWS can have several signatures and
/// headers that are not signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
    /// The signing input: header and payload with the dot between them (RFC 7515 §5.1). The signature is over these
    /// characters, not over the decoded JSON.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Splits a token of at most `max_len` bytes.
    ///
    /// # Errors
    ///
    /// Returns the reason if the token is too long, or does not consist of three segments of the alphabet.
    pub(crate) fn parse(token: &'a str, max_len: usize) -> Result<Self, TokenError> {
        if token.len() > max_len {
            return Err(TokenError::TooLong);
        }
        // RFC 8725bis §3.14: no JWT contains other characters. `fold` instead of `all`, because without an early exit
        // the compiler checks many bytes with one instruction.
        if !token.bytes().fold(true, |is_valid, byte| is_valid & is_token_byte(byte)) {
            return Err(TokenError::Charset);
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature)) = (segments.next(), segments.next(), segments.next()) else {
            return Err(TokenError::Segments);
        };
        // An empty segment is not an error here: an empty signature is rejected by the signature check.
        match segments.count() {
            0 => {}
            // RFC 7516 §9: a token of five segments is a JWE.
            2 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Segments),
        }
        let signed = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { header, payload, signature, signed })
    }
}

/// Whether a byte is in the base64url alphabet or the dot between segments. Without a branch, so that the loop over the
/// bytes is vectorized.
fn is_token_byte(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = byte.wrapping_sub(b'0') < 10;
    is_letter | is_digit | (byte == b'-') | (byte == b'_') | (byte == b'.')
}

/// Decodes a segment into UTF-8 text.
pub(crate) fn decode_text(segment: &str) -> Result<String, TokenError> {
    String::from_utf8(decode(segment)?).map_err(|_| TokenError::Encoding)
}

/// Decodes a segment. Padding and nonzero trailing bits are rejected, so that bytes have one encoding (RFC 7515 §2).
///
/// With several encodings, a block list of tokens or a cache in front of the app could be passed by spelling a token
/// differently.
pub(crate) fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Encoding)
}

/// Decodes a signature into a buffer that holds the longest signature of any key; a longer one is invalid.
pub(crate) fn decode_signature<'a>(segment: &str, buffer: &'a mut [u8]) -> Result<&'a [u8], TokenError> {
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
    fn a_token_has_three_segments() {
        assert_eq!(split("aa.bb.cc"), Ok(("aa", "bb", "cc")));
        assert_eq!(split("aa.bb."), Ok(("aa", "bb", "")));
        assert_eq!(Compact::parse("aa.bb.cc", 8).unwrap().signed, "aa.bb");
    }

    #[test]
    fn any_other_number_of_segments_is_rejected() {
        for token in ["", "aa", "aa.bb", "aa.bb.cc.dd", "a.b.c.d.e.f"] {
            assert_eq!(split(token), Err(TokenError::Segments), "{token}");
        }
        assert_eq!(split("a.b.c.d.e"), Err(TokenError::Encrypted));
    }

    #[test]
    fn a_byte_outside_the_alphabet_is_rejected() {
        for token in ["a+.b.c", "a/.b.c", "a=.b.c", "a.b.c=", "a b.c.d", "{\"a\":1}", "a.b.c\n", "ä.b.c", "a.b.c?"] {
            assert_eq!(split(token), Err(TokenError::Charset), "{token:?}");
        }
    }

    #[test]
    fn the_alphabet_is_base64url_and_the_dot() {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!((0..=u8::MAX).all(|byte| is_token_byte(byte) == is_allowed(byte)));
    }

    #[test]
    fn a_token_that_is_too_long_is_rejected_before_it_is_split() {
        assert_eq!(split(&".".repeat(65)), Err(TokenError::TooLong));
        assert_eq!(split(&".".repeat(64)), Err(TokenError::Segments));
        assert!(Compact::parse("aa.bb.cc", 8).is_ok());
        assert!(Compact::parse("aa.bb.cc", 7).is_err());
    }

    #[test]
    fn bytes_have_one_encoding() {
        assert_eq!(decode("QQ"), Ok(b"A".to_vec()));
        for segment in ["QR", "QQ==", "Q", "QQ\n", "Q+Q", "A-_", "QQ="] {
            assert_eq!(decode(segment), Err(TokenError::Encoding), "{segment:?}");
        }
        assert_eq!(decode_text("_w"), Err(TokenError::Encoding));
    }

    #[test]
    fn a_signature_longer_than_the_buffer_is_invalid() {
        let encoded = |len: usize| URL_SAFE_NO_PAD.encode(vec![7; len]);
        let mut buffer = [0; 64];
        assert_eq!(decode_signature(&encoded(64), &mut buffer), Ok(&[7; 64][..]));
        assert_eq!(decode_signature(&encoded(0), &mut buffer), Ok(&[][..]));
        assert_eq!(decode_signature(&encoded(65), &mut buffer), Err(TokenError::Signature));
        assert_eq!(decode_signature("Q", &mut buffer), Err(TokenError::Encoding));
    }

    proptest! {
        #[test]
        fn no_token_panics(token in ".{0,80}") {
            if let Ok(compact) = Compact::parse(&token, 64) {
                prop_assert_eq!(format!("{}.{}", compact.signed, compact.signature), token);
            }
        }

        #[test]
        fn decoding_reverses_encoding(original in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode(&URL_SAFE_NO_PAD.encode(&original)), Ok(original));
        }
    }
}
