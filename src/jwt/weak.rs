//! Keys that must not be used: too short, of a broken generator, or of small order.

use std::error::Error;
use std::fmt;

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum KeyFault {
    /// For another algorithm, or none that is allowed.
    Algorithm,
    /// `e` is even or below 65537.
    Exponent,
    /// Of a kind that the algorithm does not take.
    Kind,
    /// Not the bytes of a key, or no point of its curve.
    Malformed,
    /// A private or symmetric key where only public ones belong.
    Private,
    /// From a generator whose keys can be factored (ROCA, CVE-2017-15361).
    Roca,
    /// An RSA modulus below 2048 or above 8192 bits.
    Size,
    /// A shared secret shorter than its hash (RFC 7518 §3.2).
    ShortSecret { least: usize },
    /// An Ed25519 point of small order or not in canonical form, under which forgeries verify.
    SmallOrder,
    /// For encryption, not for signatures.
    Use,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm => f.write_str("its algorithm is not allowed for the issuer"),
            Self::Exponent => f.write_str("its exponent is even or below 65537"),
            Self::Kind => f.write_str("the algorithm takes another kind of key"),
            Self::Malformed => f.write_str("it is malformed"),
            Self::Private => f.write_str("it is a private or symmetric key"),
            Self::Roca => f.write_str("it can be factored (CVE-2017-15361)"),
            Self::Size => f.write_str("its modulus has not 2048 to 8192 bits"),
            Self::ShortSecret { least } => write!(f, "it is shorter than {least} bytes"),
            Self::SmallOrder => f.write_str("its point is of small order or not canonical"),
            Self::Use => f.write_str("it is not for signatures"),
        }
    }
}

impl Error for KeyFault {}

/// Refuses an RSA key that is too short, too long, or known to be weak (RFC 8725 §3.5).
pub(super) fn judge_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyFault> {
    let modulus = trimmed(modulus);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyFault::Size);
    }
    let exponent = trimmed(exponent);
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    // FIPS 186-5 §5.4: above 2^16.
    if !is_odd || exponent.len() < 3 {
        return Err(KeyFault::Exponent);
    }
    if is_roca(modulus) { Err(KeyFault::Roca) } else { Ok(()) }
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The fingerprint of "The Return of Coppersmith's Attack" (2017): modulo each of these primes, a modulus of the
/// broken generator is a power of 65537. By chance that is so for one in 2^27 or fewer.
fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let residue = modulus.iter().fold(0, |residue, byte| (residue * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        loop {
            if power == residue {
                return true;
            }
            power = power * 65537 % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

/// Whether an encoded Ed25519 point has order 1, 2, 4 or 8, its sign bit aside.
pub(super) fn is_small_order(point: &[u8; 32]) -> bool {
    let mut unsigned = *point;
    unsigned[31] &= 0x7f;
    SMALL_ORDER.contains(&unsigned)
}

/// Whether an encoded Ed25519 point's coordinate is below the field's prime, 2^255 - 19 (RFC 8032 §5.1.3).
pub(super) fn is_canonical(point: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = point;
    let is_above = highest & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *lowest >= 0xed;
    !is_above
}

// The primes that divide the generator's modulus for keys of every length, 2 aside.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

// The y coordinates of the eight points of small order, little-endian, and the encodings of 0 and 1 above the prime.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    coordinate(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    coordinate(0xec, 0xff, 0x7f),
    coordinate(0xed, 0xff, 0x7f),
    coordinate(0xee, 0xff, 0x7f),
];

const fn coordinate(lowest: u8, middle: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = lowest;
    bytes[31] = highest;
    bytes
}

#[cfg(test)]
mod tests;
