//! `Realm`: the protection space that a challenge names.

use std::sync::Arc;

/// The protection space that a `WWW-Authenticate` challenge names (RFC 9110 §11.5).
///
/// The default is `api`.
///
/// ```
/// use portcullis::context::Realm;
///
/// assert_eq!(Realm::new("valuations").name(), "valuations");
/// assert_eq!(Realm::default().name(), "api");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Option<Arc<str>>);

impl Realm {
    /// Creates a realm of this name.
    ///
    /// Characters that RFC 6750 §3 does not allow in a challenge are replaced when the challenge is sent.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// Returns the realm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_deref().unwrap_or(DEFAULT)
    }
}

impl Default for Realm {
    /// Returns the realm `api`.
    fn default() -> Self {
        Self(None)
    }
}

// A challenge needs at least one parameter (RFC 6750 §3), so every layer has a realm.
const DEFAULT: &str = "api";
