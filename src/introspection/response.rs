//! `Introspection`: what the authorization server responds about a token (RFC 7662 §2.2).

use std::sync::Arc;
use std::time::Duration;

/// The response of the authorization server about a token.
#[derive(Clone, Debug)]
pub(crate) enum Introspection {
    /// The token is unknown, expired, revoked, or not for this resource server. The server does not say which.
    Inactive,
    /// The token was active when the server responded.
    Active(Box<ActiveToken>),
}

/// What the server says about an active token.
///
/// The types of these members have been checked, not their values: a malformed member is an error of the response,
/// and `null` counts as absent. A time has no leeway.
#[derive(Clone, Debug)]
pub(crate) struct ActiveToken {
    /// All members: the text of a JSON object, which [`Object::parse`](crate::strict_json::Object::parse) accepts.
    pub(crate) claims: Arc<str>,
    /// `exp`, since 1970.
    pub(crate) expires_at: Option<Duration>,
    /// `nbf`, since 1970.
    pub(crate) not_before: Option<Duration>,
    /// `iat`, since 1970.
    pub(crate) issued_at: Option<Duration>,
    pub(crate) iss: Option<String>,
    /// `aud`: a string or an array of strings. Empty if it is absent.
    pub(crate) audiences: Vec<String>,
    pub(crate) sub: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) jti: Option<String>,
    pub(crate) sid: Option<String>,
    pub(crate) token_type: TokenType,
    /// Whether the token has `cnf`, so that it is bound to a key that its holder must prove (RFC 7800).
    pub(crate) is_bound: bool,
}

/// The member `token_type`, without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// `Bearer`, or absent.
    Bearer,
    /// `DPoP` (RFC 9449 §6.2).
    Dpop,
    /// Another type, such as `N_A` or `refresh_token`.
    Other,
}
