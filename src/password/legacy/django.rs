//! The hashes of Django.

use crate::password::legacy::argon2::Argon2;
use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::pbkdf2::{Hash, Pbkdf2};
use crate::password::legacy::scrypt::{Scrypt, log_n};
use crate::password::legacy::text::{fields, number, padded_base64};
use crate::password::legacy::verifier::{Input, LegacyVerifier};

/// `ALGORITHM$` and what follows it. A salt is text, and is hashed as it is.
pub(super) fn parse(text: &str, allow_bcrypt_truncation: bool) -> Option<LegacyVerifier> {
    let (algorithm, rest) = text.split_once('$')?;
    match algorithm {
        "pbkdf2_sha256" => pbkdf2(Hash::Sha256, rest).map(Into::into),
        "pbkdf2_sha1" => pbkdf2(Hash::Sha1, rest).map(Into::into),
        "scrypt" => scrypt(rest).map(Into::into),
        // `argon2$` and a PHC text without its first `$`.
        "argon2" => Argon2::parse(text.get("argon2".len()..)?).map(Into::into),
        "bcrypt" => Bcrypt::parse(rest, Bcrypt::VERSIONS, allow_bcrypt_truncation).map(Into::into),
        "bcrypt_sha256" => {
            let bcrypt = Bcrypt::parse(rest, Bcrypt::VERSIONS, allow_bcrypt_truncation)?;
            Some(LegacyVerifier::new(bcrypt, Input::HexSha256))
        }
        _ => None,
    }
}

fn pbkdf2(hash: Hash, rest: &str) -> Option<Pbkdf2> {
    let [iterations, salt, tag] = fields(rest, '$')?;
    let tag = padded_base64(tag).filter(|tag| tag.len() == hash.len())?;
    Pbkdf2::new(hash, number(iterations)?, salt.as_bytes().to_vec(), tag)
}

fn scrypt(rest: &str) -> Option<Scrypt> {
    let [n, salt, r, p, tag] = fields(rest, '$')?;
    Scrypt::new(log_n(number(n)?)?, number(r)?, number(p)?, salt.as_bytes().to_vec(), padded_base64(tag)?)
}
