//! `IdHash`: where in a table an id is, by a hash that callers cannot predict.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use crate::context::revocation_ids::id::RevocationId;

/// The hash of a [`RevocationId`], which differs between processes.
///
/// An id is a part of a SHA-256 of names that a caller may choose. Without random numbers of the process, a caller
/// could choose many names whose ids are at one place of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHash {
    pub(crate) hash: u64,
    /// The bits of the id in a word of the filter: one to four.
    pub(crate) bits: u64,
}

impl IdHash {
    pub(crate) fn of(id: RevocationId) -> Self {
        static SEEDS: OnceLock<[u64; 2]> = OnceLock::new();
        let [first, second] = *SEEDS.get_or_init(|| {
            let random = RandomState::new();
            [random.hash_one(0), random.hash_one(1)]
        });
        let product = u128::from(id.0[0] ^ first) * u128::from(id.0[1] ^ second);
        let hash = (product >> 64) as u64 ^ product as u64;
        let bit = |position: u64| 1 << (position % 64);
        let bits = bit(hash) | bit(hash >> 6) | bit(hash >> 12) | bit(hash >> 18);
        Self { hash, bits }
    }

    /// Returns a byte whose highest bit is 1, eight times, so that a lookup compares it with eight bytes at once.
    pub(crate) fn tags(self) -> u64 {
        u64::from_ne_bytes([(self.hash >> 48) as u8 | 0x80; 8])
    }
}

/// The hash of an id that a credential does not have: no word of the filter has all bits.
impl Default for IdHash {
    fn default() -> Self {
        Self { hash: 0, bits: u64::MAX }
    }
}
