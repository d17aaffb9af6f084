//! Keys that must not be used, and RSA keys that are too short or of a broken generator.

use std::error::Error;
use std::fmt;

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyError {
    /// For another algorithm, or none that is allowed.
    Algorithm,
    /// `e` is even or below 65537.
    Exponent,
    /// Of a kind that the algorithm does not take.
    Kind,
    /// Not the bytes of a key, or no point of its NIST curve.
    Malformed,
    /// An Ed25519 point off its curve, of small order, or not in canonical form.
    Point,
    /// A private or symmetric key where only public ones belong.
    Private,
    /// Of the name and algorithm of a key before it, which counts.
    Repeated,
    /// From a generator whose keys can be factored (ROCA, CVE-2017-15361).
    Roca,
    /// An RSA modulus below 2048 or above 8192 bits.
    Size,
    /// A shared secret shorter than its hash (RFC 7518 §3.2).
    ShortSecret { least: usize },
    /// For encryption, not for signatures.
    Use,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm => f.write_str("its algorithm is not allowed for the issuer"),
            Self::Exponent => f.write_str("its exponent is even or below 65537"),
            Self::Kind => f.write_str("the algorithm takes another kind of key"),
            Self::Malformed => f.write_str("it is malformed"),
            Self::Point => f.write_str("its point is off the curve, of small order or not canonical"),
            Self::Private => f.write_str("it is a private or symmetric key"),
            Self::Repeated => f.write_str("a key before it has its name and algorithm"),
            Self::Roca => f.write_str("it can be factored (CVE-2017-15361)"),
            Self::Size => f.write_str("its modulus has not 2048 to 8192 bits"),
            Self::ShortSecret { least } => write!(f, "it is shorter than {least} bytes"),
            Self::Use => f.write_str("it is not for signatures"),
        }
    }
}

impl Error for KeyError {}

/// Refuses an RSA key that is too short, too long, or known to be weak (RFC 8725 §3.5).
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    let modulus = trimmed(modulus);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::Size);
    }
    let exponent = trimmed(exponent);
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    // FIPS 186-5 §5.4: above 2^16.
    if !is_odd || exponent.len() < 3 {
        return Err(KeyError::Exponent);
    }
    if is_roca(modulus) { Err(KeyError::Roca) } else { Ok(()) }
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

// The primes that divide the generator's modulus for keys of every length, 2 aside.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
mod tests;
