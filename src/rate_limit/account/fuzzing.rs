//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::context::account_name::fold;
use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;
use crate::rate_limit::account::device_token::{read, write};
use crate::rate_limit::subject::Device;

/// Reads the text as the name of an account, and as the value of a device cookie.
pub fn login_protection(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        name(text);
        device(text);
    }
}

/// Folds a name: what is folded stays as it is, and white space around it makes no difference.
fn name(name: &str) {
    let folded = fold(name);
    assert_eq!(fold(&folded), folded);
    assert_eq!(fold(&format!(" \u{200b}{name}")), folded);
    assert!(folded.trim() == folded);
}

/// Reads the value of a device cookie: what is accepted has the length and the alphabet of one that is written.
fn device(value: &str) {
    let secret: Vec<u8> = (0..32).collect();
    let keys = KeyRing::new(secret).expect("a secret").mac_keys(KeyUse::DeviceCookie);
    if read(&keys, "ann", value, 0).is_some() {
        assert!(value.len() == 92 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }
    // A written value is read, and one that was changed is not.
    let device = Device { id: *b"0123456789abcdef", epoch: value.len() as u64 };
    let written = write(&keys, value, device, 1);
    assert!(read(&keys, value, &written, 0) == Some(device));
    assert!(read(&keys, value, &written, 1).is_none() && read(&keys, &format!("{value}a"), &written, 0).is_none());
}
