//! scrypt and PBKDF2 in the text forms of passlib and RustCrypto.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use crate::password::legacy::pbkdf2::{Hash, Pbkdf2};
use crate::password::legacy::scrypt::Scrypt;
use crate::password::legacy::text::{base64, fields, number, parameter};

/// `$scrypt$ln=17,r=8,p=1$salt$hash`.
pub(super) fn scrypt(text: &str) -> Option<Scrypt> {
    let [costs, salt, tag] = fields(text.strip_prefix("$scrypt$")?, '$')?;
    let [log_n, r, p] = fields(costs, ',')?;
    let [log_n, r, p] = [parameter(log_n, "ln")?, parameter(r, "r")?, parameter(p, "p")?];
    Scrypt::new(log_n, r, p, base64(salt)?, base64(tag)?)
}

/// `$pbkdf2-sha256$29000$salt$hash` (passlib) or `$pbkdf2-sha256$i=600000,l=32$salt$hash` (RustCrypto).
pub(super) fn pbkdf2(text: &str) -> Option<Pbkdf2> {
    let (name, rest) = text.strip_prefix('$')?.split_once('$')?;
    let [costs, salt, tag] = fields(rest, '$')?;
    match costs.split_once(',') {
        None => {
            let tag = ab64(tag)?;
            let hash = hash(name).or((name == "pbkdf2").then_some(Hash::Sha1))?;
            // passlib writes the whole hash.
            let is_whole = tag.len() == hash.len();
            Pbkdf2::new(hash, number(costs)?, ab64(salt)?, tag).filter(|_| is_whole)
        }
        Some((iterations, len)) => {
            let tag = base64(tag)?;
            let is_exact = usize::try_from(parameter(len, "l")?) == Ok(tag.len());
            Pbkdf2::new(hash(name)?, parameter(iterations, "i")?, base64(salt)?, tag).filter(|_| is_exact)
        }
    }
}

fn hash(name: &str) -> Option<Hash> {
    match name {
        "pbkdf2-sha256" => Some(Hash::Sha256),
        "pbkdf2-sha512" => Some(Hash::Sha512),
        _ => None,
    }
}

/// Bytes in base64 with `.` in place of `+`, as passlib writes them.
fn ab64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
    let alphabet = Alphabet::new(DIGITS).ok()?;
    GeneralPurpose::new(&alphabet, NO_PAD).decode(text).ok()
}
