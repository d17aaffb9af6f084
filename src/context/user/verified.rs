//! What a gate knows of the credential that it verified, apart from the user.

#[cfg(feature = "revocation")]
use std::any::Any;
use std::fmt;
#[cfg(feature = "revocation")]
use std::sync::Arc;
use std::time::Duration;

use crate::context::credential::Credential;
#[cfg(feature = "revocation")]
use crate::context::revocation_ids::RevocationIds;
use crate::context::user::UserContext;

/// The kind of a verified credential, what it can be revoked by, and when it ends.
///
/// A function of the app that maps or loads a user may return another one, and the credential remains the same.
#[derive(Clone)]
pub(crate) struct Verified {
    credential: Credential,
    expires_at: Option<Duration>,
    #[cfg(feature = "revocation")]
    revocation_ids: Option<Arc<RevocationIds>>,
    #[cfg(feature = "revocation")]
    lifetime: Option<Arc<dyn Any + Send + Sync>>,
}

impl UserContext {
    pub(crate) fn verified(&self) -> Verified {
        Verified {
            credential: self.0.credential,
            expires_at: self.0.expires_at,
            #[cfg(feature = "revocation")]
            revocation_ids: self.0.revocation_ids.clone(),
            #[cfg(feature = "revocation")]
            lifetime: self.0.lifetime.clone(),
        }
    }

    /// Sets the credential, unless it is the user's already.
    pub(crate) fn with_verified(self, verified: &Verified) -> Self {
        if verified.is_of(&self) {
            return self;
        }
        self.with(|identity| {
            identity.credential = verified.credential;
            identity.expires_at = verified.expires_at;
            #[cfg(feature = "revocation")]
            {
                identity.revocation_ids.clone_from(&verified.revocation_ids);
                identity.lifetime.clone_from(&verified.lifetime);
            }
        })
    }
}

impl Verified {
    fn is_of(&self, user: &UserContext) -> bool {
        #[cfg(feature = "revocation")]
        let is_same = is_same(self.revocation_ids.as_ref(), user.0.revocation_ids.as_ref())
            && is_same(self.lifetime.as_ref(), user.0.lifetime.as_ref());
        #[cfg(not(feature = "revocation"))]
        let is_same = true;
        is_same && self.credential == user.0.credential && self.expires_at == user.0.expires_at
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("credential", &self.credential).finish_non_exhaustive()
    }
}

#[cfg(feature = "revocation")]
fn is_same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(all(test, feature = "revocation"))]
mod tests {
    use super::*;

    fn user(credential: Credential, ids: Option<&Arc<RevocationIds>>) -> UserContext {
        UserContext::new("ann").with_credential(credential).with(|identity| identity.revocation_ids = ids.cloned())
    }

    #[test]
    fn a_user_gets_the_verified_credential_and_ids_whatever_it_has() {
        let [ids, other] = [(); 2].map(|()| Arc::new(UserContext::new("ann").new_revocation_ids()));
        let all = [None, Some(&ids), Some(&other)];
        for verified in all {
            for own in all {
                for credential in [Credential::Token, Credential::ApiKey] {
                    let user = user(credential, own).with_verified(&user(Credential::Token, verified).verified());
                    assert_eq!(user.credential(), Credential::Token);
                    assert_eq!(user.revocation_ids().map(Arc::as_ptr), verified.map(Arc::as_ptr));
                }
            }
        }
    }
}
