//! `KeyError`: why a key is not used, and the checks for weak RSA keys.

use std::error::Error;
use std::fmt;

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyError {
    /// `alg` is unknown or not allowed for the issuer.
    Algorithm,
    /// An earlier key has the same `kid` and algorithm.
    Duplicate,
    /// An Ed25519 point that is not on the curve, of small order, or not in canonical form.
    InvalidPoint,
    /// The bytes are not a key, or the point is not on its NIST curve.
    Malformed,
    /// `use` or `key_ops` do not include signature verification.
    NotForSignatures,
    /// A private or symmetric key where a public one is expected.
    Private,
    /// The key's generator is broken: its keys can be factored (ROCA, CVE-2017-15361).
    Roca,
    /// An RSA exponent that is even or below 65537.
    RsaExponent,
    /// An RSA modulus of less than 2048 or more than 8192 bits.
    RsaModulus,
    /// A shared secret that is shorter than its hash (RFC 7518 §3.2).
    ShortSecret { min_len: usize },
    /// The set has more keys than are read.
    TooMany { count: usize, max: usize },
    /// A type of key that the algorithm does not use.
    WrongType,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm => f.write_str("its algorithm is not allowed for the issuer"),
            Self::Duplicate => f.write_str("an earlier key has the same kid and algorithm"),
            Self::InvalidPoint => f.write_str("its point is not on the curve, of small order or not canonical"),
            Self::Malformed => f.write_str("it is malformed"),
            Self::NotForSignatures => f.write_str("it is not for signatures"),
            Self::Private => f.write_str("it is a private or symmetric key"),
            Self::Roca => f.write_str("it can be factored (CVE-2017-15361)"),
            Self::RsaExponent => f.write_str("its exponent is even or below 65537"),
            Self::RsaModulus => f.write_str("its modulus does not have 2048 to 8192 bits"),
            Self::ShortSecret { min_len } => write!(f, "it is shorter than {min_len} bytes"),
            Self::TooMany { count, max } => {
                write!(f, "the set has {count} keys, and only the first {max} are read")
            }
            Self::WrongType => f.write_str("the algorithm uses another type of key"),
        }
    }
}

impl Error for KeyError {}

/// Rejects an RSA key that is too short, too long, or known to be weak (RFC 8725 §3.5). Both numbers are big-endian,
/// [without leading zeros](without_leading_zeros).
///
/// aws-lc has the same limits for the size. Checking them here gives a reason for the log. The upper limit bounds the
/// cost of a signature check.
///
/// # Errors
///
/// Returns [`KeyError::RsaModulus`], [`KeyError::RsaExponent`] or [`KeyError::Roca`].
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    // RFC 7518 §3.3 requires 2048 bits or more.
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::RsaModulus);
    }
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    // FIPS 186-5 §5.4 requires an exponent above 2^16, which has at least three bytes.
    if !is_odd || exponent.len() < 3 {
        return Err(KeyError::RsaExponent);
    }
    if is_roca(modulus) { Err(KeyError::Roca) } else { Ok(()) }
}

/// Removes the leading zero octets of a big-endian number.
pub(crate) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Whether a modulus has the fingerprint of the ROCA generator ("The Return of Coppersmith's Attack", 2017).
///
/// Modulo each of these primes, a modulus of that generator is a power of 65537. At most one in 2^27 moduli of other
/// generators has the same property.
fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| is_power_of_65537(remainder(modulus, prime), prime))
}

/// The remainder of a big-endian number.
fn remainder(number: &[u8], divisor: u32) -> u32 {
    number.iter().fold(0, |remainder, byte| (remainder * 256 + u32::from(*byte)) % divisor)
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == residue {
            return true;
        }
        power = power * 65537 % prime;
        // Back at the first power: all of them have been tried.
        if power == 1 {
            return false;
        }
    }
}

// The odd primes that divide the ROCA generator's internal modulus at every key length.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests;
