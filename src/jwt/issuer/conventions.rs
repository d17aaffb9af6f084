//! `IssuerConventions`: what an issuer's tokens look like, and how a user is read off them.

use std::fmt;
use std::sync::Arc;

use crate::context::UserContext;
use crate::jwt::issuer::claim_map::ClaimMap;
use crate::jwt::issuer::profile::{Profile, TokenUse};

/// What an issuer's access tokens look like, apart from who signs them.
#[derive(Clone, Debug)]
pub(crate) struct IssuerConventions {
    /// Another spelling of `iss` that means the same issuer.
    pub(crate) alias: Option<&'static str>,
    pub(crate) profile: Profile,
    pub(crate) audience_claim: &'static str,
    pub(crate) token_use: Option<TokenUse>,
    pub(crate) client_marker: Option<ClientMarker>,
    pub(crate) claims: ClaimMap,
    pub(crate) user: Option<UserMap>,
}

impl IssuerConventions {
    /// Those of an issuer that has none of its own.
    pub(crate) fn of(profile: Profile) -> Self {
        Self {
            alias: None,
            profile,
            audience_claim: "aud",
            token_use: None,
            client_marker: None,
            claims: ClaimMap::new(),
            user: None,
        }
    }
}

/// A claim by which an issuer tells that a client acts for itself.
#[derive(Clone, Debug)]
pub(crate) enum ClientMarker {
    /// The claim has this value.
    Equals(&'static str, &'static str),
    /// The claim equals `sub`.
    EqualsSubject(&'static str),
    /// The claim begins like this.
    StartsWith(&'static str, &'static str),
}

/// What the user makes of a mapped user.
#[derive(Clone)]
pub(crate) struct UserMap(pub(crate) Arc<dyn Fn(UserContext) -> UserContext + Send + Sync>);

impl fmt::Debug for UserMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserMap").finish_non_exhaustive()
    }
}
