//! The value of a device cookie: a device, bound to an account by a MAC.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::key_id::KeyId;
use crate::keys::mac::MacKeys;
use crate::rate_limit::subject::Device;

/// Returns the value of a cookie: base64url of a version, the id of the key, the expiry in seconds since 1970, the
/// epoch, the id of the device, and an HMAC-SHA-256 of all these and the folded name of the account.
///
/// The name is not in it, so the cookie does not reveal it.
pub(super) fn write(keys: &MacKeys, name: &str, device: Device, expires: u64) -> String {
    let (key_id, key) = keys.current();
    let mut token = Vec::with_capacity(LEN);
    token.push(VERSION);
    token.extend_from_slice(&key_id.0);
    token.extend_from_slice(&expires.to_be_bytes());
    token.extend_from_slice(&device.epoch.to_be_bytes());
    token.extend_from_slice(&device.id);
    let tag = key.sign(&[&token, name.as_bytes()]);
    token.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(token)
}

/// Returns the device of a cookie's value, if it is of this account and has not expired.
pub(super) fn read(keys: &MacKeys, name: &str, value: &str, now: u64) -> Option<Device> {
    let mut token = [0; LEN];
    // The length is checked first, so that a longer value is not decoded.
    if value.len() != TEXT_LEN || URL_SAFE_NO_PAD.decode_slice(value, &mut token).ok()? != LEN {
        return None;
    }
    let (signed, tag) = token.split_at(LEN - TAG_LEN);
    let (version, rest) = signed.split_first()?;
    let (key_id, rest) = rest.split_first_chunk()?;
    let (expires, rest) = rest.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let id = *rest.first_chunk()?;
    let is_valid = *version == VERSION
        && keys.by_id(KeyId(*key_id))?.verify(&[signed, name.as_bytes()], tag)
        && now < u64::from_be_bytes(*expires);
    is_valid.then_some(Device { id, epoch: u64::from_be_bytes(*epoch) })
}

const VERSION: u8 = 1;
const TAG_LEN: usize = 32;
const LEN: usize = 1 + 4 + 8 + 8 + 16 + TAG_LEN;
const TEXT_LEN: usize = (LEN * 4).div_ceil(3);

#[cfg(test)]
mod tests;
