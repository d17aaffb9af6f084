//! Changes of claims: what a layer has cached about a valid credential is outdated.

use std::future::Future;
use std::time::Duration;

use crate::context::RevocationIds;
use crate::revocation::error::RevokeError;
use crate::revocation::handle::Revocations;
use crate::revocation::record::Record;
use crate::revocation::revocation::Revocation;

impl Revocations {
    /// Records that the claims of the credentials that a revocation identifies have changed.
    ///
    /// It is an entry of the table, but revokes nothing: layers verify again what they had verified before. The future
    /// is ready when other processes know it too.
    pub(crate) fn share_claims_change(
        &self,
        of: &Revocation,
    ) -> impl Future<Output = Result<(), RevokeError>> + Send + use<> {
        let id = of.id.claims_change();
        let record = Record::Entry { id, issued_until: self.0.now(), expires_at: self.0.latest_expiry() };
        self.enforce(Ok(record))
    }

    /// Whether claims of a credential have changed since it was verified, which was at `verified_at`, since 1970.
    ///
    /// Most calls take one comparison: nothing has changed since then.
    pub(crate) fn has_claims_changed(&self, ids: &RevocationIds, verified_at: Duration) -> bool {
        self.0.claims_changed_at(ids, verified_at.saturating_sub(CLOCK_DIFFERENCE).as_secs()).is_some()
    }
}

/// By how much the clock of the process that received the change may be behind.
///
/// For this long, the credentials with changed claims are verified on each request.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(10);
