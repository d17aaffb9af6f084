//! `RevocationCheck`: the check whether a token was revoked, if the app has configured one.

#[cfg(feature = "revocation")]
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::context::{AppSettings, Identity, UserContext};
use crate::gate::{DenialKind, TokenError};
use crate::jwt::issuer::trusted::TrustedIssuer;
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;
#[cfg(feature = "revocation")]
use crate::revocation::lifetime::Lifetime;

/// The handle of the app, if there is one. Without the feature `revocation`, nothing is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct RevocationCheck {
    #[cfg(feature = "revocation")]
    revocations: Option<Revocations>,
}

#[cfg(feature = "revocation")]
impl RevocationCheck {
    pub(crate) fn of(revocations: &Revocations) -> Self {
        Self { revocations: Some(revocations.clone()) }
    }

    /// Adds to the settings how users know when their token ends.
    pub(crate) fn add_lifetime(&self, app: AppSettings, clock: &Clock, leeway: Duration) -> AppSettings {
        AppSettings { lifetime: Some(Lifetime::new(self.revocations.as_ref(), clock.clone(), leeway)), ..app }
    }

    /// Records that a layer was built, so that a revocation has an effect.
    pub(crate) fn set_in_use(&self) {
        if let Some(revocations) = &self.revocations {
            revocations.set_has_gate();
        }
    }

    /// Checks that a token is not valid for longer than revocations are stored.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Lifetime`].
    pub(crate) fn check_lifetime(
        &self,
        issued_at: Option<Duration>,
        expires_at: Duration,
        now: Duration,
        leeway: Duration,
    ) -> Result<(), TokenError> {
        let Some(revocations) = &self.revocations else { return Ok(()) };
        revocations.check_lifetime(issued_at, expires_at, now, leeway)
    }

    /// Computes what a token can be revoked by. `signed` is what its signature covers.
    pub(crate) fn add_ids(&self, identity: &mut Identity, issuer: &TrustedIssuer, signed: &str) {
        if self.revocations.is_some() {
            // Of many tenants, each is an issuer of its own.
            let is_issuer = identity.issuer.as_deref() == Some(&*issuer.name);
            let issuer = is_issuer.then_some(issuer.revocation_id);
            identity.revocation_ids = Some(Arc::new(identity.new_revocation_ids(issuer, Some(signed))));
        }
    }

    /// Whether claims of the token of a user have changed since it was verified, so that a cache must not be used.
    #[cfg(feature = "shared_signals")]
    pub(crate) fn has_claims_changed(&self, user: &UserContext, verified_at: Duration) -> bool {
        let (Some(revocations), Some(ids)) = (&self.revocations, user.revocation_ids()) else { return false };
        revocations.has_claims_changed(ids, verified_at)
    }

    /// Checks that a token is not revoked.
    ///
    /// # Errors
    ///
    /// Returns a 401 if it is revoked, and a 503 if that is not known at present.
    #[inline]
    pub(crate) fn check(&self, user: &UserContext) -> Result<(), DenialKind> {
        match (&self.revocations, user.revocation_ids()) {
            (Some(revocations), Some(ids)) => revocations.check_token(ids),
            _ => Ok(()),
        }
    }
}

#[cfg(not(feature = "revocation"))]
impl RevocationCheck {
    pub(crate) fn add_lifetime(&self, app: AppSettings, _clock: &Clock, _leeway: Duration) -> AppSettings {
        app
    }

    pub(crate) fn set_in_use(&self) {}

    pub(crate) fn check_lifetime(
        &self,
        _issued_at: Option<Duration>,
        _expires_at: Duration,
        _now: Duration,
        _leeway: Duration,
    ) -> Result<(), TokenError> {
        Ok(())
    }

    pub(crate) fn add_ids(&self, _identity: &mut Identity, _issuer: &TrustedIssuer, _signed: &str) {}

    pub(crate) fn check(&self, _user: &UserContext) -> Result<(), DenialKind> {
        Ok(())
    }
}
