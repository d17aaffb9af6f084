//! What causes some denials, as data: `CredentialError` and `AccountRefusal`.

use std::borrow::Cow;

/// Why the credential of a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialError {
    /// The scheme is not followed by exactly one token68 (RFC 6750 §2.1).
    Malformed,
    /// The request carries more than one credential, in one place or in several (RFC 6750 §2).
    Multiple,
}

/// Why an account is rejected although the credential is valid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountRefusal {
    /// The account is closed or suspended.
    Inactive,
    /// The account is locked.
    Locked,
    /// A reason that the app defines; see [`other`](Self::other).
    #[non_exhaustive]
    Other {
        /// The text that the caller receives.
        reason: Cow<'static, str>,
    },
    /// The account is not verified yet.
    Unverified,
}
