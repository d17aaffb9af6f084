//! The hashes of Better Auth: `salt:hash` in hexadecimal digits.

use crate::password::legacy::scrypt::Scrypt;
use crate::password::legacy::text::hex;

/// The digits of the salt are hashed as text. The cost is a constant of the framework.
pub(super) fn parse(text: &str) -> Option<Scrypt> {
    let (salt, tag) = text.split_once(':')?;
    let is_exact = hex(salt).is_some_and(|salt| salt.len() == SALT_LEN);
    let tag = hex(tag).filter(|tag| is_exact && tag.len() == TAG_LEN)?;
    Scrypt::new(LOG_N, R, P, salt.as_bytes().to_vec(), tag)
}

const LOG_N: u32 = 14;
const R: u32 = 16;
const P: u32 = 1;
const SALT_LEN: usize = 16;
const TAG_LEN: usize = 64;
