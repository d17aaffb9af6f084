//! `Credential`: the kind of credential that a request was authenticated by.

use std::fmt;

/// The kind of credential that authenticated a user; see [`UserContext::credential`](crate::UserContext::credential).
///
/// ```
/// use portcullis::{UserContext, context::Credential};
///
/// let user = UserContext::new("ann").with_credential(Credential::Session);
/// assert_eq!(user.credential(), Credential::Session);
/// assert_eq!(user.credential().to_string(), "session");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Credential {
    /// An API key.
    ApiKey,
    /// A user name and password in each request (RFC 7617).
    Basic,
    /// A TLS client certificate.
    Certificate,
    /// Another kind, which a custom gate accepted, or none: a user that a test created.
    #[default]
    Other,
    /// The cookie of a session.
    Session,
    /// A token, such as a JWT (RFC 9068) or an opaque access token (RFC 7662).
    Token,
}

impl Credential {
    /// Returns the name, for example `api_key`, as in the serialized form of a user.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::Certificate => "certificate",
            Self::Other => "other",
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

/// Writes the [name](Self::as_str).
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
