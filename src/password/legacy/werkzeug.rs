//! The hashes of Werkzeug: `METHOD$salt$hash`. A salt is text, and is hashed as it is.

use crate::password::legacy::pbkdf2::{Hash, Pbkdf2};
use crate::password::legacy::scrypt::{Scrypt, log_n};
use crate::password::legacy::text::{fields, hex, number};
use crate::password::legacy::verifier::LegacyVerifier;

pub(super) fn parse(text: &str) -> Option<LegacyVerifier> {
    let [method, salt, tag] = fields(text, '$')?;
    let salt = salt.as_bytes().to_vec();
    let tag = hex(tag)?;
    match method.split_once(':')? {
        ("scrypt", costs) => {
            let [n, r, p] = fields(costs, ':')?;
            Scrypt::new(log_n(number(n)?)?, number(r)?, number(p)?, salt, tag).map(Into::into)
        }
        ("pbkdf2", costs) => {
            let [name, iterations] = fields(costs, ':')?;
            let hash = match name {
                "sha1" => Hash::Sha1,
                "sha256" => Hash::Sha256,
                "sha512" => Hash::Sha512,
                _ => return None,
            };
            let is_whole = tag.len() == hash.len();
            Pbkdf2::new(hash, number(iterations)?, salt, tag).filter(|_| is_whole).map(Into::into)
        }
        _ => None,
    }
}
