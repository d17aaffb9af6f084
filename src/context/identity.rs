//! `Identity`: the fields of a `UserContext`, which `jwt` fills from a token's claims.
//!
//! It is a type of its own so that `jwt` can fill it field by field, while apps see only accessors. Strings that come
//! from a token share the memory of its claims.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::context::credential::Credential;
#[cfg(any(feature = "api_key", feature = "rate_limit"))]
use crate::context::quota::Quota;
use crate::context::realm::Realm;
#[cfg(feature = "revocation")]
use crate::context::revocation_ids::RevocationIds;
use crate::context::roles::Roles;
use crate::context::scopes::Scopes;
use crate::context::shared_str::SharedStr;
use crate::context::tiers::Tier;

/// The fields of a [`UserContext`](crate::UserContext), whose accessors document them.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    pub(crate) id: Option<SharedStr>,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) tenant: Option<SharedStr>,
    pub(crate) client_id: Option<SharedStr>,
    pub(crate) credential: Credential,
    pub(crate) email: Option<SharedStr>,
    pub(crate) is_email_verified: bool,
    pub(crate) name: Option<SharedStr>,
    pub(crate) scopes: Scopes,
    pub(crate) roles: Box<[SharedStr]>,
    /// The permissions that the user has directly, not through a role.
    pub(crate) permissions: Box<[SharedStr]>,
    /// The table that defines what each role grants.
    pub(crate) role_table: Option<Roles>,
    /// The tier, if the app defines it.
    pub(crate) tier: Option<Tier>,
    /// The name of the tier in the token.
    pub(crate) tier_name: Option<SharedStr>,
    /// Whether a client acts on its own behalf.
    pub(crate) is_client: bool,
    pub(crate) acr: Option<SharedStr>,
    pub(crate) amr: Box<[SharedStr]>,
    /// Since 1970-01-01T00:00:00Z.
    pub(crate) auth_time: Option<Duration>,
    pub(crate) session_id: Option<SharedStr>,
    pub(crate) token_id: Option<SharedStr>,
    /// Since 1970-01-01T00:00:00Z.
    pub(crate) issued_at: Option<Duration>,
    /// Since 1970-01-01T00:00:00Z.
    pub(crate) expires_at: Option<Duration>,
    #[cfg(any(feature = "api_key", feature = "rate_limit"))]
    pub(crate) quota: Option<Quota>,
    /// The JSON object of all claims.
    pub(crate) claims: Option<Arc<str>>,
    pub(crate) realm: Realm,
    /// Set by a gate that checks revocations. It keeps the names in the credential, which a user loader may replace.
    #[cfg(feature = "revocation")]
    pub(crate) revocation_ids: Option<Arc<RevocationIds>>,
    /// How the gate that verified the credential knows when it ends. Only `revocation` knows its type.
    #[cfg(feature = "revocation")]
    pub(crate) lifetime: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) record: Option<Arc<dyn Any + Send + Sync>>,
}

#[cfg(feature = "jwt")]
impl Identity {
    /// Adds roles to those that were read already.
    pub(crate) fn add_roles(&mut self, roles: impl IntoIterator<Item = SharedStr>) {
        self.roles = std::mem::take(&mut self.roles).into_vec().into_iter().chain(roles).collect();
    }

    /// Adds permissions to those that were read already.
    pub(crate) fn add_permissions(&mut self, permissions: impl IntoIterator<Item = SharedStr>) {
        self.permissions = std::mem::take(&mut self.permissions).into_vec().into_iter().chain(permissions).collect();
    }
}
