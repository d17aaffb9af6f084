//! Stored hashes of Argon2: the text (PHC string format), its parts, and their verification.

mod argon2;
mod text;

pub(crate) use self::argon2::{
    Bytes, Cost, MAX_LANES, MAX_MEMORY_KIB, MAX_PASSES, SALT_LEN, StoredHash, TAG_LEN, Variant,
};
pub(crate) use self::text::UnusableHash;
