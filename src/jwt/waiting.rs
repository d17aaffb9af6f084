//! Verifications that wait: for the lookup of an issuer, or for a fetch of its keys.

use crate::context::UserContext;
use crate::gate::DenialKind;
use crate::jwt::issuers::lookups::Outcome;
use crate::jwt::issuers::source::PendingLookup;
use crate::jwt::policy::{Missing, MissingIssuer, Policy, Verification};
use crate::jwt::remote::search::PendingFetch;

/// What the verification of a token waits for.
#[derive(Debug)]
pub(crate) enum Pending {
    Issuer(MissingIssuer, PendingLookup),
    Key(PendingFetch),
}

impl Policy {
    /// Starts the lookup of a missing issuer, or the search for a missing key.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected if it cannot start now.
    pub(crate) fn start(&self, missing: Missing) -> Result<Pending, DenialKind> {
        match missing {
            Missing::Issuer(issuer) => issuer.look_up().map(|pending| Pending::Issuer(issuer, pending)),
            Missing::Key(key) => self.search(&key).map(Pending::Key),
        }
    }

    /// Waits for the issuer or the key of a token, and verifies it again, since time has passed.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected.
    pub(crate) async fn wait(&self, token: &str, pending: Pending) -> Result<UserContext, DenialKind> {
        match pending {
            Pending::Issuer(missing, pending) => self.wait_for_issuer(token, missing, pending).await,
            Pending::Key(pending) => self.wait_for_key(token, pending).await,
        }
    }

    async fn wait_for_issuer(
        &self,
        token: &str,
        missing: MissingIssuer,
        pending: PendingLookup,
    ) -> Result<UserContext, DenialKind> {
        let outcome = pending.wait().await;
        if outcome != Outcome::Found {
            return Err(missing.denial_kind(outcome));
        }
        match self.verify_again(token) {
            Verification::Accepted(user) => Ok(user),
            Verification::Missing(Missing::Key(missing)) => {
                let pending = self.search(&missing)?;
                self.wait_for_key(token, pending).await
            }
            // The issuer was evicted meanwhile.
            Verification::Missing(Missing::Issuer(missing)) => Err(missing.denial_kind(Outcome::Absent)),
            Verification::Rejected(kind) => Err(kind),
        }
    }

    /// Waits for the fetch that may bring the key, and verifies the token again.
    ///
    /// If the fetch started before the token arrived, the issuer may have responded before it published the key. Then
    /// this waits for one more fetch. The loop ends after the second: that fetch started after the token arrived, so it
    /// finds the key if the issuer published it before it used it.
    ///
    /// The whole token is verified again, because time has passed: it may have expired, or its old key may be gone.
    async fn wait_for_key(&self, token: &str, mut pending: PendingFetch) -> Result<UserContext, DenialKind> {
        loop {
            pending.wait().await;
            let missing = match self.verify_again(token) {
                Verification::Accepted(user) => return Ok(user),
                Verification::Missing(Missing::Key(missing)) => missing,
                // The issuer was evicted meanwhile.
                Verification::Missing(Missing::Issuer(missing)) => return Err(missing.denial_kind(Outcome::Absent)),
                Verification::Rejected(kind) => return Err(kind),
            };
            if !pending.started_earlier {
                return Err(self.record_not_found(&missing));
            }
            pending = self.search(&missing)?;
            // Even if `search` joined a fetch in progress: it started after the first one ended, and so after the token
            // arrived.
            pending.started_earlier = false;
        }
    }
}
