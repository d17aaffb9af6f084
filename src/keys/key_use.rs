//! `KeyUse`: what a key is derived for.

/// What a key of a [`KeyRing`](crate::KeyRing) is derived for. No two uses have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyUse {
    /// The names of accounts in stores and in security events.
    #[cfg(any(feature = "login_protection", feature = "passwords"))]
    AccountName,
    /// The cookies of known devices.
    #[cfg(feature = "login_protection")]
    DeviceCookie,
    /// Which secret of the ring has signed or sealed something. Its key is public.
    Id,
    /// The digits that are sent with a one-time token.
    #[cfg(feature = "one_time_tokens")]
    OneTimeCode,
    /// The state of an account to which a one-time token is bound.
    #[cfg(feature = "one_time_tokens")]
    OneTimeState,
    #[cfg(feature = "one_time_tokens")]
    OneTimeToken,
    /// The secret value of Argon2, by which password hashes are worthless without the ring.
    #[cfg(feature = "passwords")]
    Pepper,
    /// Encrypts values of the app.
    Seal,
}

impl KeyUse {
    #[cfg(test)]
    pub(super) const ALL: &[Self] = &[
        #[cfg(any(feature = "login_protection", feature = "passwords"))]
        Self::AccountName,
        #[cfg(feature = "login_protection")]
        Self::DeviceCookie,
        Self::Id,
        #[cfg(feature = "one_time_tokens")]
        Self::OneTimeCode,
        #[cfg(feature = "one_time_tokens")]
        Self::OneTimeState,
        #[cfg(feature = "one_time_tokens")]
        Self::OneTimeToken,
        #[cfg(feature = "passwords")]
        Self::Pepper,
        Self::Seal,
    ];

    /// Returns the `info` of HKDF. A label that is in use must never change.
    pub(super) fn label(self) -> &'static [u8] {
        match self {
            #[cfg(any(feature = "login_protection", feature = "passwords"))]
            Self::AccountName => b"portcullis/v1/account-name",
            #[cfg(feature = "login_protection")]
            Self::DeviceCookie => b"portcullis/v1/device-cookie",
            Self::Id => b"portcullis/v1/id",
            #[cfg(feature = "one_time_tokens")]
            Self::OneTimeCode => b"portcullis/v1/one-time-code",
            #[cfg(feature = "one_time_tokens")]
            Self::OneTimeState => b"portcullis/v1/one-time-state",
            #[cfg(feature = "one_time_tokens")]
            Self::OneTimeToken => b"portcullis/v1/one-time-token",
            #[cfg(feature = "passwords")]
            Self::Pepper => b"portcullis/v1/pepper",
            Self::Seal => b"portcullis/v1/seal",
        }
    }
}
