//! `Policy`: the validated settings of a `BasicAuth`, and the check of a name and a password.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::basic::credentials::BasicCredentials;
use crate::basic::verifier::PasswordVerifier;
use crate::clock::Clock;
use crate::context::{Credential, Realm, UserContext};
use crate::gate::{Admission, CredentialSources};
use crate::lookup::{CredentialDigest, CredentialHasher};
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;

/// The validated settings of a `BasicAuth`.
pub(super) struct Policy {
    pub(super) sources: CredentialSources,
    pub(super) realm: Realm,
    pub(super) hasher: CredentialHasher,
    /// The configured users, each with the digest of its name and password.
    pub(super) users: Box<[(CredentialDigest, UserContext)]>,
    pub(super) verifier: Option<PasswordVerifier>,
    pub(super) admission: Admission,
    #[cfg(feature = "revocation")]
    pub(super) revocations: Option<Revocations>,
    pub(super) clock: Clock,
}

impl Policy {
    pub(super) fn digest(&self, credentials: &BasicCredentials) -> CredentialDigest {
        self.hasher.digest(credentials.as_bytes())
    }

    /// Returns the user with this name and password, if it is configured or cached.
    ///
    /// Every request is compared with all configured users, so that its time depends neither on whether the name is
    /// known nor on how much of the password is right.
    pub(super) fn find(&self, digest: &CredentialDigest) -> Option<UserContext> {
        let mut found = None;
        for (known, user) in &self.users {
            if verify_slices_are_equal(known.as_bytes(), digest.as_bytes()).is_ok() {
                found = Some(user);
            }
        }
        let cached = || self.verifier.as_ref()?.cached(digest, self.clock.monotonic());
        found.cloned().or_else(cached)
    }

    /// Sets the kind of the credential, and the realm of rejections of the user.
    pub(super) fn complete(&self, user: UserContext) -> UserContext {
        user.with_credential(Credential::Basic).with_realm(self.realm.clone())
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("realm", &self.realm).finish_non_exhaustive()
    }
}
