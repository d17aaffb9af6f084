//! `ApiKeyRecord`: what a store keeps of a key.

mod access;
mod json;
#[cfg(feature = "serde")]
mod serialization;

use std::fmt;

use crate::api_key::key::digest::KeyDigest;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::privileges::Privileges;
use crate::context::{NetworkSet, Quota, UserContext};

/// What a store keeps of an API key: everything but the secret.
///
/// [`ApiKeyAuth`](crate::ApiKeyAuth) creates and changes records. A store keeps them by [id](Self::id), in the form of
/// [`to_json`](Self::to_json), and counts their usage beside it.
///
/// # Serialized form
///
/// With the feature `serde`, a handler can return a record as JSON, for example in a list of a user's keys. It has
/// `id`, `name`, `scopes`, `roles`, `permissions`, `tier`, `networks`, `quota`, `created_at`, `not_before`,
/// `expires_at`, `revoked_at`, `last_used_at` and `usage_count`. A quota is its text, such as `1000/h`, times are in
/// whole seconds since 1970, and an absent value is omitted. The digest of the secret is only in the form for stores.
#[derive(Clone)]
pub struct ApiKeyRecord {
    pub(super) id: ApiKeyId,
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) privileges: Privileges,
    pub(super) networks: NetworkSet,
    pub(super) quota: Option<Quota>,
    /// This time and the others are in whole seconds since 1970.
    pub(super) created_at: u64,
    pub(super) not_before: Option<u64>,
    pub(super) expires_at: Option<u64>,
    pub(super) revoked_at: Option<u64>,
    pub(super) digest: KeyDigest,
    /// Of the secret before the last rotation.
    pub(super) previous: Option<PreviousDigest>,
    pub(super) version: u64,
    pub(super) last_used_at: Option<u64>,
    pub(super) usage_count: u64,
}

/// The user or client that a key acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) issuer: Option<String>,
    pub(super) id: String,
    pub(super) is_client: bool,
}

/// The digest of an earlier secret, and until when it is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct PreviousDigest {
    pub(super) digest: KeyDigest,
    pub(super) valid_until: u64,
}

impl Owner {
    /// Whether this is the user. Ids are unique at their issuer.
    pub(super) fn is(&self, user: &UserContext) -> bool {
        self.id == user.id() && self.issuer.as_deref() == user.issuer()
    }
}

/// Shows no digest.
impl fmt::Debug for ApiKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("owner", &self.owner)
            .field("version", &self.version)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
