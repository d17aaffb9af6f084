//! `CookieRenewal`: the renewal of a session's cookie, which other processes must notice.

use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::clock::MAX_LEEWAY;
use crate::context::{RevocationId, RevocationKind};
use crate::revocation::error::RevokeError;
use crate::revocation::handle::Revocations;
use crate::revocation::record::Record;

/// Identifies the renewal of a cookie in the table of revocations.
///
/// The entry revokes nothing. A process that has cached the record of the cookie reads it again, and the record says
/// until when the cookie is accepted.
#[derive(Debug)]
pub(crate) struct CookieRenewal {
    id: RevocationId,
    /// The state of the table when it was last found to have no entry.
    checked: AtomicU64,
}

impl CookieRenewal {
    pub(crate) fn of(digest: &str) -> Self {
        Self { id: RevocationId::of(RevocationKind::SessionCookie { digest }), checked: AtomicU64::new(0) }
    }
}

impl Revocations {
    /// Records that a cookie was renewed. The future is ready when the stream has stored it.
    ///
    /// `cached_for` is how long processes use a cached record. The entry is not kept for much longer, because an app
    /// may renew cookies often.
    pub(crate) fn share_renewal(
        &self,
        renewal: &CookieRenewal,
        cached_for: Duration,
    ) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        let seconds = cached_for.saturating_add(MAX_LEEWAY).as_secs();
        let expires_at = self.0.now().saturating_add(u32::try_from(seconds).unwrap_or(u32::MAX));
        self.enforce(Ok(Record::Entry { id: renewal.id, issued_until: Record::ALWAYS, expires_at }))
    }

    /// Whether any process has renewed a cookie. If the table has not changed since the last call, this is one
    /// comparison.
    pub(crate) fn is_renewed(&self, renewal: &CookieRenewal) -> bool {
        self.0.contains(renewal.id, &renewal.checked)
    }
}
