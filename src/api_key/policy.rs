//! `Policy`: the validated settings of an `ApiKeyAuth`, and what they say about a request's key.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};

use crate::api_key::cache::{KeyCache, Known, Unavailable};
use crate::api_key::cached_key::CachedKey;
use crate::api_key::key::digest::{KeyDigest, KeyHasher};
use crate::api_key::key::format::KeyFormat;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::timed_store::TimedStore;
use crate::api_key::usage_log::UsageLog;
use crate::clock::Clock;
use crate::context::client_addr::ClientAddr;
use crate::context::{Realm, UserContext};
use crate::field::authorization::split_scheme;
use crate::gate::{Admission, CredentialSources, DenialKind};
use crate::revocation::handle::Revocations;

/// The validated settings of an `ApiKeyAuth`.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) format: KeyFormat,
    pub(super) hasher: KeyHasher,
    pub(super) sources: CredentialSources,
    /// With the scheme `ApiKey`.
    pub(super) realm: Realm,
    /// With the scheme `Bearer`, for clients that use it.
    pub(super) bearer_realm: Realm,
    pub(super) cache: Arc<KeyCache>,
    pub(super) usage: Arc<UsageLog>,
    pub(super) store: TimedStore,
    pub(super) revocations: Option<Revocations>,
    pub(super) admission: Admission,
    pub(super) clock: Clock,
}

/// A text with a valid checksum. Whether there is such a key is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented {
    pub(super) id: ApiKeyId,
    digest: KeyDigest,
}

/// What is known of the key of a request without the store.
#[derive(Debug)]
pub(super) enum Lookup {
    /// The request has no key.
    NoKey,
    Known(Arc<CachedKey>, Presented),
    /// The key must be looked up.
    Missing(Presented),
}

impl Policy {
    /// Reads the key of a request, and marks the headers that may have one as sensitive.
    ///
    /// # Errors
    ///
    /// Returns [`DenialKind::InvalidRequest`] (400) if there are several credentials or one is malformed, and
    /// [`DenialKind::InvalidCredential`] (401) if the text is no key, or if there is no key of its id.
    pub(super) fn find(&self, headers: &mut HeaderMap) -> Result<Lookup, DenialKind> {
        let text = self.sources.read(headers).map_err(DenialKind::InvalidRequest)?;
        let Some(text) = text else { return Ok(Lookup::NoKey) };
        if text.len() > MAX_TEXT_LEN {
            return Err(DenialKind::InvalidCredential);
        }
        let parts = self.format.parse(text).ok_or(DenialKind::InvalidCredential)?;
        let known = self.cache.get(&parts.id);
        if matches!(known, Known::Absent) {
            return Err(DenialKind::InvalidCredential);
        }
        let presented = Presented { id: parts.id, digest: self.hasher.digest(parts.id_and_secret) };
        Ok(match known {
            Known::Key(key) => Lookup::Known(key, presented),
            Known::Absent | Known::Missing => Lookup::Missing(presented),
        })
    }

    /// Whether the cached record must be read again, because it does not have the presented secret.
    ///
    /// Another process may have rotated the key. Wrong secrets cause at most one read of a key per second.
    pub(super) fn must_read_again(&self, key: &CachedKey, presented: &Presented) -> bool {
        key.is_unknown_secret(&presented.digest) && self.cache.expire(key)
    }

    /// Looks up the key that was presented.
    ///
    /// # Errors
    ///
    /// Returns a 401 if there is no such key, and a 503 if the store is unavailable.
    pub(super) async fn look_up(&self, presented: &Presented) -> Result<Arc<CachedKey>, DenialKind> {
        match self.cache.look_up(presented.id).await {
            Ok(Some(key)) => Ok(key),
            Ok(None) => Err(DenialKind::InvalidCredential),
            Err(Unavailable) => Err(DenialKind::api_key_store_unavailable(RETRY_AFTER)),
        }
    }

    /// Checks the key that was presented, counts its use, and returns its user.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected.
    pub(super) fn check(
        &self,
        key: &CachedKey,
        presented: &Presented,
        extensions: &Extensions,
    ) -> Result<UserContext, DenialKind> {
        let client = ClientAddr::from_extensions(extensions).map(ClientAddr::ip);
        let user = key.check(&presented.digest, self.clock.since_epoch(), client, self.revocations.as_ref())?;
        self.usage.write_if_due();
        Ok(user.clone())
    }

    /// Returns the realm with the scheme that the client used: `Bearer`, or `ApiKey` for a header and for no key.
    pub(super) fn realm_of(&self, headers: &HeaderMap) -> Realm {
        let authorization = headers.get(AUTHORIZATION).map(|value| split_scheme(value.as_bytes()).0);
        let is_bearer = authorization.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer"));
        if is_bearer { self.bearer_realm.clone() } else { self.realm.clone() }
    }
}

/// The longest key has 83 bytes. A longer text is not even compared with the prefix.
const MAX_TEXT_LEN: usize = 512;

/// Most outages of a store are short, and the next request tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
