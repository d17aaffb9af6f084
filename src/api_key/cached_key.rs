//! `CachedKey`: a record in the form in which requests check it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::api_key::key::digest::KeyDigest;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::usage::UsageCounter;
use crate::context::UserContext;
use crate::gate::DenialKind;
use crate::lookup::Age;
use crate::revocation::handle::Revocations;

/// A record that was read from the store, with the user that its requests have.
#[derive(Debug)]
pub(super) struct CachedKey {
    record: ApiKeyRecord,
    user: UserContext,
    usage: Arc<UsageCounter>,
    age: Age,
}

impl CachedKey {
    pub(super) fn new(record: ApiKeyRecord, user: UserContext, usage: Arc<UsageCounter>, age: Age) -> Self {
        Self { record, user, usage, age }
    }

    pub(super) fn age(&self) -> &Age {
        &self.age
    }

    /// Checks a key that was presented, and returns its user. `now` is since 1970.
    ///
    /// The order reveals nothing to a caller without the secret: without it, every response is the same.
    ///
    /// # Errors
    ///
    /// Returns a 401 if the secret is wrong or the key is not valid now, a 403 if the client is in none of its
    /// networks, and a 503 if it is not known whether the key was revoked.
    pub(super) fn check(
        &self,
        presented: &KeyDigest,
        now: Duration,
        client: Option<IpAddr>,
        revocations: Option<&Revocations>,
    ) -> Result<&UserContext, DenialKind> {
        let now = now.as_secs();
        if !self.is_secret(presented, now) || !self.is_valid(now) {
            return Err(DenialKind::InvalidCredential);
        }
        if let Some(revocations) = revocations {
            revocations.check_credential(&self.user)?;
        }
        let networks = &self.record.networks;
        if !networks.is_empty() && !client.is_some_and(|client| networks.contains_client(client)) {
            return Err(DenialKind::address_refused(client));
        }
        self.usage.count(now);
        Ok(&self.user)
    }

    /// Whether no secret in the record has this digest, for example because another process has rotated the key.
    pub(super) fn is_unknown_secret(&self, presented: &KeyDigest) -> bool {
        !self.is_secret(presented, 0)
    }

    /// Whether the digest is that of the secret, or of the one before the last rotation.
    fn is_secret(&self, presented: &KeyDigest, now: u64) -> bool {
        let previous = self.record.previous.filter(|previous| now < previous.valid_until);
        self.record.digest.is_equal(presented) || previous.is_some_and(|previous| previous.digest.is_equal(presented))
    }

    fn is_valid(&self, now: u64) -> bool {
        let record = &self.record;
        record.revoked_at.is_none()
            && record.not_before.is_none_or(|start| start <= now)
            && record.expires_at.is_none_or(|end| now < end)
    }
}
