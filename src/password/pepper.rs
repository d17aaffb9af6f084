//! `Pepper`: the secret values of Argon2, one for each secret of a `KeyRing`.

use std::fmt;

use zeroize::Zeroizing;

use crate::keys::key_id::KeyId;
use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;

/// The secret of new hashes, and those of previous ones.
pub(super) struct Pepper {
    /// The current one is the first.
    secrets: Vec<(KeyId, Zeroizing<[u8; 32]>)>,
}

impl Pepper {
    pub(super) fn new(keys: &KeyRing) -> Self {
        Self { secrets: keys.derived_keys(KeyUse::Pepper) }
    }

    pub(super) fn current(&self) -> Option<(KeyId, &[u8])> {
        self.secrets.first().map(|(id, secret)| (*id, secret.as_slice()))
    }

    pub(super) fn by_id(&self, id: KeyId) -> Option<&[u8]> {
        self.secrets.iter().find(|(known, _)| *known == id).map(|(_, secret)| secret.as_slice())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.secrets.iter().map(|(id, _)| id)).finish()
    }
}
