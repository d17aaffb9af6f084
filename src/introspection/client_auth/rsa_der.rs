//! An RSA private key in DER (RFC 8017 appendix A.1.2), which aws-lc-rs reads, from the numbers of a JWK.

use zeroize::Zeroizing;

/// Returns the key with these numbers: `n`, `e`, `d`, `p`, `q`, `dp`, `dq` and `qi` (RFC 7518 §6.3), big-endian.
pub(super) fn rsa_private_key(numbers: &[Zeroizing<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    let len: usize = numbers.iter().map(|number| number.len() + MAX_HEADER + 1).sum();
    let mut content = Zeroizing::new(Vec::with_capacity(len + VERSION.len()));
    content.extend_from_slice(&VERSION);
    for number in numbers {
        add_integer(&mut content, number);
    }
    let mut key = Zeroizing::new(Vec::with_capacity(content.len() + MAX_HEADER));
    add_header(&mut key, SEQUENCE, content.len());
    key.extend_from_slice(&content);
    key
}

/// Adds an unsigned integer: the shortest bytes, with a zero before a byte that would make it negative (X.690 §8.3).
fn add_integer(output: &mut Vec<u8>, number: &[u8]) {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let number = number.get(start..).unwrap_or_default();
    let needs_zero = number.first().is_none_or(|first| first & 0x80 != 0);
    add_header(output, INTEGER, number.len() + usize::from(needs_zero));
    if needs_zero {
        output.push(0);
    }
    output.extend_from_slice(number);
}

/// Adds a tag and a length in the short or long form (X.690 §8.1.3).
fn add_header(output: &mut Vec<u8>, tag: u8, len: usize) {
    output.push(tag);
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => output.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            let bytes = bytes.get(start..).unwrap_or_default();
            // At most eight bytes.
            output.push(0x80 | bytes.len() as u8);
            output.extend_from_slice(bytes);
        }
    }
}

const INTEGER: u8 = 2;
const SEQUENCE: u8 = 0x30;

/// `INTEGER 0`: a key with two primes.
const VERSION: [u8; 3] = [INTEGER, 1, 0];

// A tag, and a length of up to 2^32.
const MAX_HEADER: usize = 6;
