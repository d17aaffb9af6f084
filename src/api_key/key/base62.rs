//! Base62: the digits and letters of ASCII, which no parser of headers, URLs or shells treats specially.

pub(super) const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the text has only characters of the alphabet.
pub(super) fn is_base62(text: &[u8]) -> bool {
    // A fold without branches, so that the compiler checks many bytes at once.
    text.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric())
}

/// Writes a number with leading zeros. Six digits suffice for 32 bits.
pub(super) fn encode(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        // The index is less than 62.
        *digit = ALPHABET.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_with_leading_zeros() {
        assert_eq!(&encode(0), b"000000");
        assert_eq!(&encode(61), b"00000z");
        assert_eq!(&encode(62), b"000010");
        assert_eq!(&encode(u32::MAX), b"4gfFC3");
    }

    proptest! {
        #[test]
        fn different_numbers_have_different_texts(number: u32) {
            let digits = encode(number);
            prop_assert!(is_base62(&digits));
            let value = |digit: &u8| ALPHABET.iter().position(|other| other == digit).unwrap() as u64;
            prop_assert_eq!(digits.iter().fold(0, |sum, digit| sum * 62 + value(digit)), u64::from(number));
        }

        #[test]
        fn the_alphabet_is_exact(byte: u8) {
            prop_assert_eq!(is_base62(&[b'a', byte]), ALPHABET.contains(&byte));
        }
    }
}
