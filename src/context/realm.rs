//! `Realm`: the protection space that a challenge names.

use std::sync::Arc;

/// The protection space that a `WWW-Authenticate` challenge names (RFC 9110 §11.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Option<Arc<str>>);

impl Realm {
    /// A realm of this name. Bytes that RFC 6750 §3 does not allow in a challenge are replaced when one is sent.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// The realm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_deref().unwrap_or(DEFAULT)
    }
}

impl Default for Realm {
    /// The realm `api`.
    fn default() -> Self {
        Self(None)
    }
}

// RFC 6750 §3 asks for at least one auth-param, so there is always a realm to send.
const DEFAULT: &str = "api";
