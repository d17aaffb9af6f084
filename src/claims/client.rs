//! Whether a token was issued to a client on its own behalf, without a user.

use crate::context::Identity;
use crate::strict_json::{Object, string};

/// Whether the client is the subject of the token.
///
/// The standard rule is that `sub` is the client's id (RFC 9068 §2.2). Some issuers let a client choose an id that is
/// also a user's (RFC 9700 §4.15), so a token with claims that only users have is a user's.
pub(crate) fn is_itself(claims: &Object<'_>, identity: &Identity) -> bool {
    // A claim map may read the id of users from another claim, which a client may have too.
    let client_id = identity.client_id.as_deref();
    let sub = || claims.get("sub").and_then(string).filter(|sub| !sub.is_empty());
    let is_subject = client_id.is_some() && (client_id == identity.id.as_deref() || client_id == sub().as_deref());
    is_subject && !has_user_claims(claims)
}

/// Whether a claim is present that only users have.
pub(crate) fn has_user_claims(claims: &Object<'_>) -> bool {
    USER_CLAIMS.iter().any(|name| has(claims, name))
}

/// Whether a claim is present and neither `null` nor empty.
pub(crate) fn has(claims: &Object<'_>, name: &str) -> bool {
    claims.get(name).is_some_and(|value| !matches!(value, "null" | "\"\""))
}

// Claims that only the authentication or the profile of a user provides (OpenID Connect Core §2, §5.1).
const USER_CLAIMS: [&str; 8] = ["auth_time", "acr", "amr", "sid", "email", "name", "preferred_username", "given_name"];
