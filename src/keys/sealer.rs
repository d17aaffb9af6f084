//! `Sealer`: encrypts values that the app stores, each for one owner.

use std::error::Error;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::keys::key_id::KeyId;
use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;

/// Encrypts values before the app stores them, with AES-256-GCM (NIST SP 800-38D).
///
/// A sealed value can be opened only with its use and its owner. So a sealed value that someone copies into the row of
/// another user, or into another column, cannot be opened there.
///
/// ```
/// use portcullis::{ConfigError, KeyRing};
/// use portcullis::keys::Sealer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret: Vec<u8> = (0..32).collect();
/// let sealer = Sealer::new(&KeyRing::new(secret)?, "phone number");
///
/// let sealed = sealer.seal("user-7", "+49 30 901820")?;
/// assert_eq!(sealer.open("user-7", &sealed)?.as_bytes(), b"+49 30 901820");
/// assert!(sealer.open("user-8", &sealed).is_err());
/// # Ok(())
/// # }
/// ```
///
/// Encryption hides neither that two owners have a value nor how long it is. Each key encrypts up to 2^32 values, because
/// the nonces are random (SP 800-38D §8.3).
#[derive(Clone)]
#[must_use]
pub struct Sealer {
    key_use: String,
    /// The current key first.
    keys: Vec<(KeyId, Zeroizing<[u8; 32]>)>,
}

impl Sealer {
    /// Creates a sealer for one use, for example `totp secret`. The name of a use must never change.
    pub fn new(keys: &KeyRing, key_use: impl Into<String>) -> Self {
        Self { key_use: key_use.into(), keys: keys.derived_keys(KeyUse::Seal) }
    }

    /// Encrypts a value for this owner, for example the id of a user, with the current secret of the ring.
    ///
    /// The result has letters, digits, `-` and `_`: 4 for each 3 bytes of the value, and 44 more. Two results for one
    /// value differ.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::RandomUnavailable`] if the operating system has no random bytes.
    pub fn seal(&self, owner: &str, value: impl AsRef<[u8]>) -> Result<String, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::RandomUnavailable)?;
        let mut encrypted = Zeroizing::new(value.as_ref().to_vec());
        let aad = Aad::from(self.associated_data(owner, *id));
        let sealed = aead_key(key).and_then(|key| key.seal_in_place_append_tag(aad, &mut *encrypted));
        let nonce = sealed.map_err(|_| SealError::RandomUnavailable)?;
        Ok(URL_SAFE_NO_PAD.encode([&[VERSION][..], &id.0, nonce.as_ref(), &encrypted].concat()))
    }

    /// Decrypts a value that was sealed for this owner, with the current or a previous secret of the ring.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::Invalid`] if the value was sealed for another use or owner, if it was changed, or if the ring
    /// no longer has its secret. The error is the same for all of them.
    pub fn open(&self, owner: &str, sealed: &str) -> Result<Opened, SealError> {
        self.decrypt(owner, sealed).ok_or(SealError::Invalid)
    }

    /// Whether a value was sealed with a previous secret of the ring, so that it should be sealed again.
    ///
    /// It is also true for a text that is no sealed value, which cannot be opened.
    #[must_use]
    pub fn is_outdated(&self, sealed: &str) -> bool {
        let current = self.keys.first().map(|(id, _)| *id);
        SealedParts::parse(sealed).map(|parts| parts.id) != current
    }

    fn decrypt(&self, owner: &str, sealed: &str) -> Option<Opened> {
        let SealedParts { id, nonce, mut encrypted } = SealedParts::parse(sealed)?;
        let (_, key) = self.keys.iter().find(|(key_id, _)| *key_id == id)?;
        let aad = Aad::from(self.associated_data(owner, id));
        let len = aead_key(key).ok()?.open_in_place(nonce, aad, &mut encrypted).ok()?.len();
        encrypted.truncate(len);
        Some(Opened(encrypted))
    }

    /// Returns what the tag covers beside the value. The lengths keep a use and an owner apart.
    fn associated_data(&self, owner: &str, id: KeyId) -> Vec<u8> {
        let mut data = [&[VERSION][..], &id.0].concat();
        for part in [&self.key_use, owner] {
            data.extend((part.len() as u64).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

/// Shows the use, and the ids of the secrets.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = Vec::from_iter(self.keys.iter().map(|(id, _)| id));
        f.debug_struct("Sealer").field("use", &self.key_use).field("keys", &ids).finish()
    }
}

/// The value that was sealed. It is overwritten in memory when it is dropped, and its `Debug` does not show it.
#[must_use]
pub struct Opened(Zeroizing<Vec<u8>>);

impl Opened {
    /// Returns the bytes of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value as a text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(..)")
    }
}

/// Why a value was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The value was not sealed for this use and owner by a secret of the ring, or was changed.
    Invalid,
    /// The operating system has no random bytes.
    RandomUnavailable,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the value was not sealed for this use and owner, or its secret is not in the key ring",
            Self::RandomUnavailable => "the operating system has no random bytes",
        })
    }
}

impl Error for SealError {}

/// A sealed value before it is decrypted.
struct SealedParts {
    id: KeyId,
    nonce: Nonce,
    /// With the tag.
    encrypted: Zeroizing<Vec<u8>>,
}

impl SealedParts {
    fn parse(sealed: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).ok()?);
        let (version, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let parts = Self { id: KeyId(*id), nonce, encrypted: Zeroizing::new(encrypted.to_vec()) };
        (*version == VERSION).then_some(parts)
    }
}

/// Returns a key whose nonces are random.
fn aead_key(key: &[u8; 32]) -> Result<RandomizedNonceKey, aws_lc_rs::error::Unspecified> {
    RandomizedNonceKey::new(&AES_256_GCM, key)
}

/// The first byte of a sealed value.
const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
