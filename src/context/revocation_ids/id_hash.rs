//! `IdHash`: where in a table an id is, by a hash that callers cannot predict.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use crate::context::revocation_ids::id::RevocationId;

/// The hash of a [`RevocationId`], which differs between processes.
///
/// An id is a part of a SHA-256 of names that a caller may choose. Without random numbers of the process, a caller
/// could choose many names whose ids are at one place of the table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHash {
    pub(crate) hash: u64,
    /// A byte of the hash whose highest bit is 1, eight times, so that a lookup compares it with eight bytes at once.
    pub(crate) tags: u64,
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
        let tag = (hash >> 48) as u8 | 0x80;
        Self { hash, tags: u64::from_ne_bytes([tag; 8]) }
    }
}
