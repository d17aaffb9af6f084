//! `LegacySettings`: which hashes of other frameworks are verified, and how.

use std::fmt;

use zeroize::Zeroizing;

use crate::password::legacy::format::LegacyHash;

/// Which hashes of other frameworks are verified. Without a format, none is.
#[derive(Clone, Default)]
pub(crate) struct LegacySettings {
    pub(crate) formats: Vec<LegacyHash>,
    /// Whether a password of over 72 bytes may match a bcrypt hash of its first 72 bytes.
    pub(crate) allow_bcrypt_truncation: bool,
    /// Whether hashes of ASP.NET Identity 2, with 1,000 rounds of SHA-1, are verified.
    pub(crate) allow_aspnet_v2: bool,
    /// The text that Devise appends to each password. Empty if the app has none.
    pub(crate) devise_pepper: Zeroizing<String>,
}

impl fmt::Debug for LegacySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacySettings")
            .field("formats", &self.formats)
            .field("allow_bcrypt_truncation", &self.allow_bcrypt_truncation)
            .field("allow_aspnet_v2", &self.allow_aspnet_v2)
            .finish_non_exhaustive()
    }
}
