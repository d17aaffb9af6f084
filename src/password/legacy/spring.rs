//! The hashes of Spring Security's `DelegatingPasswordEncoder`: `{ID}` and the hash of the encoder with that id.

use crate::password::legacy::argon2::Argon2;
use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::pbkdf2::{Hash, Pbkdf2};
use crate::password::legacy::scrypt::Scrypt;
use crate::password::legacy::text::{fields, hex, padded_base64};
use crate::password::legacy::verifier::LegacyVerifier;

pub(super) fn parse(text: &str, allow_bcrypt_truncation: bool) -> Option<LegacyVerifier> {
    let (id, rest) = text.strip_prefix('{')?.split_once('}')?;
    match id {
        "bcrypt" => Bcrypt::parse(rest, Bcrypt::VERSIONS, allow_bcrypt_truncation).map(Into::into),
        "pbkdf2" => pbkdf2(Hash::Sha1, 185_000, 8, rest).map(Into::into),
        "pbkdf2@SpringSecurity_v5_8" => pbkdf2(Hash::Sha256, 310_000, 16, rest).map(Into::into),
        "scrypt" | "scrypt@SpringSecurity_v5_8" => scrypt(rest).map(Into::into),
        "argon2" | "argon2@SpringSecurity_v5_8" => Argon2::parse(rest).map(Into::into),
        _ => None,
    }
}

/// The hexadecimal digits of salt and tag. The encoder's version, not the text, has the cost.
fn pbkdf2(hash: Hash, iterations: u32, salt_len: usize, rest: &str) -> Option<Pbkdf2> {
    let bytes = hex(rest).filter(|bytes| bytes.len() == salt_len + TAG_LEN)?;
    let (salt, tag) = bytes.split_at_checked(salt_len)?;
    Pbkdf2::new(hash, iterations, salt.to_vec(), tag.to_vec())
}

/// `$e0801$salt$hash`: the hexadecimal number has 16 bits of log2 N, 8 of r and 8 of p.
fn scrypt(rest: &str) -> Option<Scrypt> {
    let [costs, salt, tag] = fields(rest.strip_prefix('$')?, '$')?;
    let is_canonical = costs.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && !costs.starts_with('0');
    let costs = u32::from_str_radix(costs, 16).ok().filter(|_| is_canonical)?;
    let (log_n, r, p) = (costs >> 16, costs >> 8 & 0xff, costs & 0xff);
    Scrypt::new(log_n, r, p, padded_base64(salt)?, padded_base64(tag)?)
}

const TAG_LEN: usize = 32;
