//! `Hasher`: the computations that the pool runs.

use argon2::Block;
use aws_lc_rs::rand;
use zeroize::Zeroizing;

#[cfg(feature = "legacy_passwords")]
use crate::password::legacy::{parse::parse, settings::LegacySettings, verifier::LegacyVerifier};
use crate::password::pepper::Pepper;
use crate::password::pool::JobSize;
use crate::password::secret::Password;
use crate::password::stored::{Cost, SALT_LEN, StoredHash, UnusableHash};

/// The settings of hashes. It is pure: it neither waits nor logs.
#[derive(Debug)]
pub(super) struct Hasher {
    cost: Cost,
    pepper: Option<Pepper>,
    /// What a login computes if there is no usable hash.
    dummy: StoredHash,
    #[cfg(feature = "legacy_passwords")]
    legacy: LegacySettings,
}

/// What a login has typed, in the forms that a hash may be of.
#[derive(Default)]
pub(super) struct Typed {
    /// What new hashes are of.
    pub(super) nfc: Zeroizing<String>,
    /// What other frameworks have hashed, if it differs.
    pub(super) raw: Option<Zeroizing<String>>,
}

/// Which form of a password a hash is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Nfc,
    Raw,
    None,
}

/// A stored hash that can be computed.
pub(super) enum Stored {
    Argon2(StoredHash),
    #[cfg(feature = "legacy_passwords")]
    Legacy(LegacyVerifier),
}

/// Whether a stored text can be used.
pub(super) enum Usable {
    Yes(Stored),
    /// The text is empty or marked with `!` (Django): the account has no password.
    NoPassword,
    /// The text is no hash, or its cost is not accepted.
    Unparsable,
    /// The key that it names is not in the ring.
    KeyMissing,
}

impl Hasher {
    pub(super) fn new(
        cost: Cost,
        pepper: Option<Pepper>,
        dummy: StoredHash,
        #[cfg(feature = "legacy_passwords")] legacy: LegacySettings,
    ) -> Self {
        Self {
            cost,
            pepper,
            dummy,
            #[cfg(feature = "legacy_passwords")]
            legacy,
        }
    }

    /// Reads what a login has typed; `None` if no hash matches it. With legacy hashes, it is compared in two forms.
    pub(super) fn read(&self, password: Password) -> Option<Typed> {
        #[cfg(feature = "legacy_passwords")]
        let raw = (!self.legacy.formats.is_empty()).then(|| Zeroizing::new(password.expose().to_owned()));
        #[cfg(not(feature = "legacy_passwords"))]
        let raw: Option<Zeroizing<String>> = None;
        let nfc = password.into_comparable()?;
        let raw = raw.filter(|raw| **raw != *nfc);
        Some(Typed { nfc, raw })
    }

    /// Parses a stored hash.
    pub(super) fn parse(&self, text: &str) -> Usable {
        if text.is_empty() || text.starts_with('!') {
            return Usable::NoPassword;
        }
        match text.parse::<StoredHash>() {
            Ok(hash) if hash.key_id.is_some() && self.secret(&hash).is_none() => Usable::KeyMissing,
            Ok(hash) => Usable::Yes(Stored::Argon2(hash)),
            Err(UnusableHash) => self.parse_legacy(text),
        }
    }

    #[cfg(feature = "legacy_passwords")]
    fn parse_legacy(&self, text: &str) -> Usable {
        parse(text, &self.legacy).map_or(Usable::Unparsable, |hash| Usable::Yes(Stored::Legacy(hash)))
    }

    #[cfg(not(feature = "legacy_passwords"))]
    fn parse_legacy(&self, _: &str) -> Usable {
        Usable::Unparsable
    }

    pub(super) fn dummy(&self) -> &StoredHash {
        &self.dummy
    }

    /// Compares a password with a hash. The time depends only on the hash, and on whether the two forms differ.
    pub(super) fn verify(&self, hash: &Stored, typed: &Typed, memory: &mut [Block]) -> Match {
        let is_nfc = self.verify_one(hash, &typed.nfc, memory);
        match &typed.raw {
            _ if is_nfc => Match::Nfc,
            Some(raw) if self.verify_one(hash, raw, memory) => Match::Raw,
            _ => Match::None,
        }
    }

    fn verify_one(&self, hash: &Stored, password: &str, memory: &mut [Block]) -> bool {
        match hash {
            Stored::Argon2(hash) => hash.verify(password.as_bytes(), self.secret(hash), memory),
            #[cfg(feature = "legacy_passwords")]
            Stored::Legacy(hash) => hash.verify(password.as_bytes()),
        }
    }

    /// Computes the hash of a new password with a random salt; `None` if the system has no random numbers.
    pub(super) fn create(&self, password: &Zeroizing<String>, memory: &mut [Block]) -> Option<String> {
        let mut salt = [0; SALT_LEN];
        rand::fill(&mut salt).ok()?;
        let pepper = self.pepper.as_ref().and_then(Pepper::current);
        StoredHash::create(password.as_bytes(), salt, self.cost, pepper, memory).ok().map(|hash| hash.to_string())
    }

    /// Whether a login should replace the hash.
    pub(super) fn is_outdated(&self, hash: &Stored) -> bool {
        let current = self.pepper.as_ref().and_then(Pepper::current);
        match hash {
            Stored::Argon2(hash) => hash.is_outdated(self.cost, current.map(|(id, _)| id)),
            #[cfg(feature = "legacy_passwords")]
            Stored::Legacy(_) => true,
        }
    }

    /// Returns what the computation of a hash needs.
    pub(super) fn size(hash: &Stored) -> JobSize {
        match hash {
            Stored::Argon2(hash) => JobSize::of_blocks(hash.cost.blocks()),
            // It allocates its own memory, which is rarely more than that of one permit.
            #[cfg(feature = "legacy_passwords")]
            Stored::Legacy(hash) => JobSize { memory_kib: hash.memory_kib() as usize, blocks: 0 },
        }
    }

    /// Returns what the computation of a new hash needs.
    pub(super) fn size_of_new(&self) -> JobSize {
        JobSize::of_blocks(self.cost.blocks())
    }

    fn secret(&self, hash: &StoredHash) -> Option<&[u8]> {
        self.pepper.as_ref()?.by_id(hash.key_id?)
    }
}
