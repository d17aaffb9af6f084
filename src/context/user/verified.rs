//! What a gate knows of the credential that it verified, apart from the user.

#[cfg(feature = "revocation")]
use std::sync::Arc;

use crate::context::credential::Credential;
#[cfg(feature = "revocation")]
use crate::context::revocation_ids::RevocationIds;
use crate::context::user::UserContext;

/// The kind of a verified credential, and what it can be revoked by.
///
/// A function of the app that maps or loads a user may return another one, and the credential remains the same.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    credential: Credential,
    #[cfg(feature = "revocation")]
    revocation_ids: Option<Arc<RevocationIds>>,
}

impl UserContext {
    pub(crate) fn verified(&self) -> Verified {
        Verified {
            credential: self.0.credential,
            #[cfg(feature = "revocation")]
            revocation_ids: self.0.revocation_ids.clone(),
        }
    }

    /// Sets the credential, unless it is the user's already.
    pub(crate) fn with_verified(self, verified: &Verified) -> Self {
        if verified.is_of(&self) {
            return self;
        }
        self.with(|identity| {
            identity.credential = verified.credential;
            #[cfg(feature = "revocation")]
            {
                identity.revocation_ids.clone_from(&verified.revocation_ids);
            }
        })
    }
}

impl Verified {
    fn is_of(&self, user: &UserContext) -> bool {
        #[cfg(feature = "revocation")]
        let has_same_ids = match (&self.revocation_ids, &user.0.revocation_ids) {
            (Some(ids), Some(other)) => Arc::ptr_eq(ids, other),
            (None, None) => true,
            _ => false,
        };
        #[cfg(not(feature = "revocation"))]
        let has_same_ids = true;
        has_same_ids && self.credential == user.0.credential
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
