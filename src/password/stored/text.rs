//! The text of a stored hash: `$argon2id$v=19$m=19456,t=2,p=1,keyid=..$salt$tag` (PHC string format).

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::keys::key_id::KeyId;
use crate::password::stored::argon2::{Bytes, Cost, StoredHash, Variant};

/// Why a text is not a hash of Argon2 that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnusableHash;

/// Parses a text whose cost is accepted. The parts are strict: one text for each hash.
impl FromStr for StoredHash {
    type Err = UnusableHash;

    fn from_str(text: &str) -> Result<Self, UnusableHash> {
        parse(text).ok_or(UnusableHash)
    }
}

fn parse(text: &str) -> Option<StoredHash> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut parts = text.strip_prefix('$')?.split('$');
    let algorithm = match parts.next()? {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        _ => return None,
    };
    let mut settings = parts.next()?;
    // Hashes of version 16 name no version.
    let mut version = Version::V0x10;
    if let Some(number) = settings.strip_prefix("v=") {
        version = match number {
            "16" => Version::V0x10,
            "19" => Version::V0x13,
            _ => return None,
        };
        settings = parts.next()?;
    }
    let (cost, key_id) = parse_settings(settings)?;
    let salt = decode(parts.next()?, MIN_SALT)?;
    let tag = decode(parts.next()?, MIN_TAG)?;
    let is_complete = parts.next().is_none() && cost.is_accepted();
    is_complete.then_some(StoredHash { variant: Variant { algorithm, version }, cost, key_id, salt, tag })
}

/// Parses `m=..,t=..,p=..`, with or without `keyid=..`. Associated data (`data=..`) is not supported.
fn parse_settings(text: &str) -> Option<(Cost, Option<KeyId>)> {
    let mut settings = text.split(',');
    let memory = number(settings.next()?.strip_prefix("m=")?)?;
    let passes = number(settings.next()?.strip_prefix("t=")?)?;
    let lanes = number(settings.next()?.strip_prefix("p=")?)?;
    let key_id = match settings.next() {
        Some(setting) => {
            let mut id = [0; 4];
            let written = STANDARD_NO_PAD.decode_slice(setting.strip_prefix("keyid=")?, &mut id).ok()?;
            Some(KeyId((written == id.len()).then_some(id)?))
        }
        None => None,
    };
    settings.next().is_none().then_some((Cost { memory, passes, lanes }, key_id))
}

/// Parses a decimal number without a sign and without leading zeros.
fn number(text: &str) -> Option<u32> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_canonical)
}

fn decode(text: &str, min: usize) -> Option<Bytes> {
    // Two bytes more than a salt or tag may have, because the decoder wants space for a last group.
    let mut bytes = [0; 66];
    let written = STANDARD_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..written).filter(|bytes| bytes.len() >= min).and_then(Bytes::new)
}

/// Writes the text of the hash, of at most 160 bytes for a new one.
impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory, passes, lanes } = self.cost;
        let algorithm = match self.variant.algorithm {
            Algorithm::Argon2d => "argon2d",
            Algorithm::Argon2i => "argon2i",
            Algorithm::Argon2id => "argon2id",
        };
        let version = u32::from(self.variant.version);
        write!(f, "${algorithm}$v={version}$m={memory},t={passes},p={lanes}")?;
        if let Some(KeyId(id)) = self.key_id {
            write!(f, ",keyid={}", STANDARD_NO_PAD.encode(id))?;
        }
        write!(f, "${}${}", STANDARD_NO_PAD.encode(self.salt.as_slice()), STANDARD_NO_PAD.encode(self.tag.as_slice()))
    }
}

/// Longer than any hash with a salt and a tag of 64 bytes.
const MAX_TEXT: usize = 320;

/// RFC 9106 §3.1.
const MIN_SALT: usize = 8;

/// 128 bits: a shorter tag would match wrong passwords too often.
const MIN_TAG: usize = 16;

#[cfg(test)]
mod tests;
