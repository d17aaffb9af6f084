//! Fuzz targets of this module's parsers. Each panics if an invariant is violated.

use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;
use crate::rate_limit::account::device_token::{read, write};
use crate::rate_limit::account::name::fold;

/// Folds a name: what is folded stays as it is, and white space around it makes no difference.
pub(crate) fn name(name: &str) {
    let folded = fold(name);
    assert_eq!(fold(&folded), folded);
    assert_eq!(fold(&format!(" \u{200b}{name}")), folded);
    assert!(folded.trim() == folded);
}

/// Reads the value of a device cookie: it is none, or the one that is written for its device.
pub(crate) fn device(value: &str) {
    let keys = KeyRing::new((0..32).collect::<Vec<u8>>()).expect("a secret").mac_keys(KeyUse::DeviceCookie);
    // Nobody can sign a value by chance.
    assert!(
        read(&keys, "ann", value, 0).is_none()
            || value == write(&keys, "ann", read(&keys, "ann", value, 0).expect("a device"), u64::MAX)
    );
}
