//! What the credential of a user can be revoked by.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::context::revocation_ids::RevocationIds;
use crate::context::user::UserContext;

impl UserContext {
    /// Returns the ids that the gate computed when it verified the credential.
    pub(crate) fn revocation_ids(&self) -> Option<&Arc<RevocationIds>> {
        self.0.revocation_ids.as_ref()
    }

    /// Keeps what the credential can be revoked by, which is computed once for many requests.
    #[cfg(any(feature = "api_key", feature = "session"))]
    pub(crate) fn with_revocation_ids(self) -> Self {
        let ids = Arc::new(self.new_revocation_ids());
        self.with(|identity| identity.revocation_ids = Some(ids))
    }

    /// Returns how the gate that verified the credential knows when it ends.
    pub(crate) fn lifetime(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.lifetime.as_ref()
    }

    /// Returns when the credential expires, without leeway, since 1970.
    #[inline]
    pub(crate) fn expires_at_since_epoch(&self) -> Option<Duration> {
        self.0.expires_at
    }

    /// Computes the ids from the user's own values.
    pub(crate) fn new_revocation_ids(&self) -> RevocationIds {
        self.0.new_revocation_ids(None, None)
    }
}
