//! `RevocationIds`: what a credential can be revoked by, as digests.

mod id;
mod id_hash;
mod of_identity;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use id::{RevocationId, RevocationKind};
pub(crate) use id_hash::IdHash;

/// What a credential can be revoked by, computed once when it is verified.
#[derive(Debug)]
pub(crate) struct RevocationIds {
    /// This id and the next four are of the credential's issuer, and `None` if it has none, because names are unique
    /// only at their issuer.
    pub(crate) issuer: Option<RevocationId>,
    pub(crate) subject: Option<RevocationId>,
    pub(crate) client: Option<RevocationId>,
    pub(crate) session: Option<RevocationId>,
    /// By its id or, for a token without one and without a session, by what its signature covers.
    ///
    /// An API key and a session have one without an issuer too.
    pub(crate) credential: Option<RevocationId>,
    /// In whole seconds since 1970; 1 if unknown, so that every revocation of the subject includes it.
    pub(crate) issued_at: u32,
    /// In whole seconds since 1970, rounded up.
    pub(crate) expires_at: Option<u32>,
    /// The hashes of the ids, computed with them: of the issuer, the client, the session, the credential, the subject.
    pub(crate) hashes: [IdHash; 5],
    /// The generation of the table that was last found not to revoke the credential; 0 before the first check.
    pub(crate) checked_generation: AtomicU64,
}

impl RevocationIds {
    /// Sets the hashes, which belong to the ids.
    pub(crate) fn with_hashes(mut self) -> Self {
        let ids = [self.issuer, self.client, self.session, self.credential, self.subject];
        self.hashes = ids.map(|id| id.map_or_else(IdHash::default, IdHash::of));
        self
    }

    /// Returns the id of what `revoke` ends: the session or, if there is none, the credential.
    pub(crate) fn login(&self) -> Option<RevocationId> {
        self.session.or(self.credential)
    }

    /// Whether the table was of this generation when the credential was last found not to be revoked.
    #[inline]
    pub(crate) fn is_checked(&self, generation: u64) -> bool {
        self.checked_generation.load(Ordering::Relaxed) == generation
    }

    pub(crate) fn set_checked(&self, generation: u64) {
        self.checked_generation.store(generation, Ordering::Relaxed);
    }
}
