//! `StoredHash`: the parts of an Argon2 hash, and the computation of its tag.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::keys::key_id::KeyId;

/// What the computation of a hash costs (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The memory, in KiB.
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Cost {
    /// Returns the product by which the strength of two costs is compared.
    pub(crate) fn work(self) -> u64 {
        u64::from(self.memory) * u64::from(self.passes)
    }

    /// Whether a hash of this cost is computed at all. Above it, a row of the user table could stop the app.
    pub(super) fn is_accepted(self) -> bool {
        self.memory <= MAX_MEMORY_KIB
            && (1..=MAX_PASSES).contains(&self.passes)
            && (1..=MAX_LANES).contains(&self.lanes)
            && self.memory >= MIN_BLOCKS_OF_LANE * self.lanes
    }

    /// Returns the 1-KiB blocks that the computation fills.
    pub(crate) fn blocks(self) -> usize {
        self.memory as usize
    }
}

/// The variant of Argon2 and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) algorithm: Algorithm,
    pub(crate) version: Version,
}

impl Variant {
    /// What new hashes have: Argon2id, version 19.
    pub(crate) const CURRENT: Self = Self { algorithm: Algorithm::Argon2id, version: Version::V0x13 };
}

/// A stored hash: how to compute the tag of a password, and the tag of the right one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredHash {
    pub(crate) variant: Variant,
    pub(crate) cost: Cost,
    /// The secret of the pepper.
    pub(crate) key_id: Option<KeyId>,
    pub(crate) salt: Bytes,
    pub(crate) tag: Bytes,
}

/// At most 64 bytes, so that a hash needs no allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes {
    bytes: [u8; MAX_BYTES],
    len: u8,
}

impl Bytes {
    /// Returns `None` for more than 64 bytes.
    pub(crate) fn new(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_BYTES];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, len: u8::try_from(from.len()).ok()? })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl StoredHash {
    /// Computes the hash of a new password.
    ///
    /// # Errors
    ///
    /// Returns an error if the memory has fewer blocks than the cost needs.
    pub(crate) fn create(
        password: &[u8],
        salt: [u8; SALT_LEN],
        cost: Cost,
        pepper: Option<(KeyId, &[u8])>,
        memory: &mut [Block],
    ) -> Result<Self, argon2::Error> {
        let mut bytes = [0; MAX_BYTES];
        let tag = bytes.get_mut(..TAG_LEN).unwrap_or_default();
        compute(Variant::CURRENT, cost, password, &salt, pepper.map(|(_, secret)| secret), memory, tag)?;
        let salt = Bytes::new(&salt).ok_or(argon2::Error::SaltTooLong)?;
        let tag = Bytes { bytes, len: TAG_LEN as u8 };
        Ok(Self { variant: Variant::CURRENT, cost, key_id: pepper.map(|(id, _)| id), salt, tag })
    }

    /// Whether the hash is that of a password. `secret` is that of the pepper.
    pub(crate) fn verify(&self, password: &[u8], secret: Option<&[u8]>, memory: &mut [Block]) -> bool {
        let mut tag = Zeroizing::new([0; MAX_BYTES]);
        let Some(tag) = tag.get_mut(..usize::from(self.tag.len)) else { return false };
        compute(self.variant, self.cost, password, self.salt.as_slice(), secret, memory, tag).is_ok()
            && verify_slices_are_equal(tag, self.tag.as_slice()).is_ok()
    }

    /// Whether a login should replace the hash: it is weaker than the configured cost, or has another pepper.
    pub(crate) fn is_outdated(&self, cost: Cost, pepper: Option<KeyId>) -> bool {
        self.variant != Variant::CURRENT
            || self.cost.work() < cost.work()
            || usize::from(self.salt.len) < SALT_LEN
            || usize::from(self.tag.len) < TAG_LEN
            || pepper.is_some_and(|current| self.key_id != Some(current))
    }
}

/// Shows no part from which a password could be guessed.
impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredHash").field("variant", &self.variant).field("cost", &self.cost).finish_non_exhaustive()
    }
}

fn compute(
    variant: Variant,
    cost: Cost,
    password: &[u8],
    salt: &[u8],
    secret: Option<&[u8]>,
    memory: &mut [Block],
    tag: &mut [u8],
) -> Result<(), argon2::Error> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(tag.len()))?;
    let secret = secret.unwrap_or_default();
    let argon2 = Argon2::new_with_secret(secret, variant.algorithm, variant.version, params)?;
    argon2.hash_password_into_with_memory(password, salt, tag, memory)
}

pub(crate) const SALT_LEN: usize = 16;
pub(crate) const TAG_LEN: usize = 32;

/// The salts and tags of all known libraries have at most this length.
const MAX_BYTES: usize = 64;

pub(crate) const MAX_MEMORY_KIB: u32 = 256 * 1_024;
pub(crate) const MAX_PASSES: u32 = 16;
pub(crate) const MAX_LANES: u32 = 16;

/// RFC 9106 §3.1.
pub(crate) const MIN_BLOCKS_OF_LANE: u32 = 8;

#[cfg(test)]
mod tests;
