//! The hashes of ASP.NET Identity: base64 of a version byte and what follows it.

use crate::password::legacy::pbkdf2::{Hash, Pbkdf2};
use crate::password::legacy::text::padded_base64;

pub(super) fn parse(text: &str, allow_v2: bool) -> Option<Pbkdf2> {
    let bytes = padded_base64(text)?;
    match bytes.split_first()? {
        (0, rest) if allow_v2 => v2(rest),
        (1, rest) => v3(rest),
        _ => None,
    }
}

/// 16 bytes of salt and 32 of tag.
fn v2(rest: &[u8]) -> Option<Pbkdf2> {
    let (salt, tag) = rest.split_at_checked(SALT_LEN)?;
    let is_exact = tag.len() == V2_TAG_LEN;
    Pbkdf2::new(Hash::Sha1, V2_ITERATIONS, salt.to_vec(), tag.to_vec()).filter(|_| is_exact)
}

/// Hash function, iterations and length of the salt as big-endian numbers of 32 bits, the salt, and the tag.
fn v3(rest: &[u8]) -> Option<Pbkdf2> {
    let (hash, rest) = rest.split_first_chunk()?;
    let (iterations, rest) = rest.split_first_chunk()?;
    let (salt_len, rest) = rest.split_first_chunk()?;
    let hash = match u32::from_be_bytes(*hash) {
        0 => Hash::Sha1,
        1 => Hash::Sha256,
        2 => Hash::Sha512,
        _ => return None,
    };
    let salt_len = usize::try_from(u32::from_be_bytes(*salt_len)).ok().filter(|len| *len >= SALT_LEN)?;
    let (salt, tag) = rest.split_at_checked(salt_len)?;
    Pbkdf2::new(hash, u32::from_be_bytes(*iterations), salt.to_vec(), tag.to_vec())
}

/// The salt's length in version 2, and its least length in version 3.
const SALT_LEN: usize = 16;
const V2_TAG_LEN: usize = 32;
const V2_ITERATIONS: u32 = 1_000;
