//! The settings of `Passwords` about hashes of other frameworks.

use zeroize::Zeroizing;

use crate::password::builder::PasswordsBuilder;
use crate::password::legacy::format::LegacyHash;

#[cfg_attr(docsrs, doc(cfg(feature = "legacy_passwords")))]
impl PasswordsBuilder {
    /// Verifies the hashes that these frameworks have written (default none). Logins replace them.
    ///
    /// Rejections are then delayed by [`min_rejection_time`](Self::min_rejection_time). A password whose characters are
    /// not normalized (NFC) is compared in both forms.
    ///
    /// ```
    /// use portcullis::password::{LegacyHash, Passwords};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let frameworks = [LegacyHash::Django, LegacyHash::Bcrypt];
    /// let passwords = Passwords::builder().legacy_hashes(frameworks).build()?;
    /// # let _ = passwords;
    /// # Ok(())
    /// # }
    /// ```
    pub fn legacy_hashes(mut self, hashes: impl IntoIterator<Item = LegacyHash>) -> Self {
        self.legacy.formats.extend(hashes);
        self
    }

    /// Accepts a password of over 72 bytes whose first 72 bytes match a bcrypt hash (default off).
    ///
    /// bcrypt ignores all that follows, so anyone who knows these bytes can log in. Users with such passwords cannot log in
    /// otherwise, and must reset them.
    pub fn allow_bcrypt_truncation(mut self) -> Self {
        self.legacy.allow_bcrypt_truncation = true;
        self
    }

    /// Verifies hashes of ASP.NET Identity 2 too, which are weak: 1,000 rounds of SHA-1 (default off).
    pub fn allow_aspnet_v2(mut self) -> Self {
        self.legacy.allow_aspnet_v2 = true;
        self
    }

    /// Sets the pepper of Devise's settings, which follows each password (default none).
    pub fn devise_pepper(mut self, pepper: impl Into<String>) -> Self {
        self.legacy.devise_pepper = Zeroizing::new(pepper.into());
        self
    }
}
