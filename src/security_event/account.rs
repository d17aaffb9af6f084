//! `Account`: the account of an event, as a keyed hash of the name that a user typed.

use std::borrow::Cow;
#[cfg(any(feature = "login_protection", feature = "passwords"))]
use std::fmt::Write;

#[cfg(any(feature = "login_protection", feature = "passwords"))]
use crate::context::account_name::fold;
#[cfg(any(feature = "login_protection", feature = "passwords"))]
use crate::keys::key_use::KeyUse;
#[cfg(any(feature = "login_protection", feature = "passwords"))]
use crate::keys::ring::KeyRing;

/// The account of an event. The hash is computed when it is read, because most events are not read.
#[derive(Clone, Default)]
pub(super) enum Account<'a> {
    #[default]
    Absent,
    Hash(Cow<'a, str>),
    #[cfg(any(feature = "login_protection", feature = "passwords"))]
    Name(&'a KeyRing, &'a str),
}

impl Account<'_> {
    pub(super) fn get(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Absent => None,
            Self::Hash(hash) => Some(Cow::Borrowed(hash)),
            #[cfg(any(feature = "login_protection", feature = "passwords"))]
            Self::Name(keys, name) => Some(Cow::Owned(hash(keys, name))),
        }
    }
}

/// Returns 128 bits of the HMAC of the folded name, as hexadecimal digits.
#[cfg(any(feature = "login_protection", feature = "passwords"))]
fn hash(keys: &KeyRing, name: &str) -> String {
    let keys = keys.mac_keys(KeyUse::AccountName);
    let tag = keys.current().1.sign(&[fold(name).as_bytes()]);
    let mut text = String::with_capacity(2 * HASH_LEN);
    for byte in tag.iter().take(HASH_LEN) {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(any(feature = "login_protection", feature = "passwords"))]
const HASH_LEN: usize = 16;
