//! PBKDF2 (RFC 8018 §5.2).

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, Algorithm};

/// A PBKDF2 hash.
pub(super) struct Pbkdf2 {
    algorithm: Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

/// The hash function of the HMAC.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Pbkdf2 {
    /// `None` if a parameter is invalid or costs more than is accepted.
    pub(super) fn new(hash: Hash, iterations: u32, salt: Vec<u8>, tag: Vec<u8>) -> Option<Self> {
        let algorithm = match hash {
            Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        // Each part of the tag that is as long as the hash costs all iterations.
        let parts = u32::try_from(tag.len().div_ceil(hash.len())).ok()?;
        let is_accepted = (MIN_TAG..=MAX_TAG).contains(&tag.len())
            && iterations.checked_mul(parts).is_some_and(|rounds| rounds <= MAX_ROUNDS);
        let iterations = NonZeroU32::new(iterations)?;
        is_accepted.then_some(Self { algorithm, iterations, salt, tag })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, &self.salt, password, &self.tag).is_ok()
    }
}

impl fmt::Debug for Pbkdf2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pbkdf2").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// About a second.
const MAX_ROUNDS: u32 = 4_000_000;

/// 128 bits: a shorter tag could be found by chance.
const MIN_TAG: usize = 16;
const MAX_TAG: usize = 64;
