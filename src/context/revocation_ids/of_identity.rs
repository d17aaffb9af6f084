//! The ids of an `Identity`.

use std::sync::atomic::AtomicU64;

use crate::context::credential::Credential;
use crate::context::identity::Identity;
use crate::context::revocation_ids::RevocationIds;
use crate::context::revocation_ids::id::{RevocationId, RevocationKind};
use crate::context::revocation_ids::id_hash::IdHash;
use crate::context::shared_str::SharedStr;

impl Identity {
    /// Computes what the credential can be revoked by.
    ///
    /// `issuer` is the id of the issuer, if it is known already, and `signed` the text that the signature of a token
    /// covers.
    pub(crate) fn new_revocation_ids(&self, issuer: Option<RevocationId>, signed: Option<&str>) -> RevocationIds {
        let of_issuer = |name| RevocationId::of(RevocationKind::Issuer { name });
        let is_session = self.credential == Credential::Session;
        // An app without issuers has one set of users, so its sessions can be revoked by user too.
        let no_issuer = is_session.then_some("");
        let issuer = issuer.or_else(|| self.issuer.as_deref().or(no_issuer).map(of_issuer));
        let session = nonempty(self.session_id.as_ref());
        let credential = match (nonempty(self.token_id.as_ref()), issuer) {
            (Some(id), _) if self.credential == Credential::ApiKey => Some(RevocationKind::ApiKey { id }),
            (Some(id), _) if is_session => Some(RevocationKind::OwnSession { id }),
            (Some(id), Some(issuer)) => Some(RevocationKind::Token { issuer, id }),
            (None, Some(issuer)) if session.is_none() => signed.map(|text| RevocationKind::Signed { issuer, text }),
            _ => None,
        };
        let subject = issuer.zip(self.id.as_deref());
        let subject = subject.map(|(issuer, id)| RevocationId::of(RevocationKind::Subject { issuer, id }));
        let client = issuer.zip(self.client_id.as_deref());
        let client = client.map(|(issuer, id)| RevocationId::of(RevocationKind::Client { issuer, id }));
        let session = issuer.zip(session);
        let session = session.map(|(issuer, id)| RevocationId::of(RevocationKind::Session { issuer, id }));
        let issued_at = self.issued_at.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
        let expires_at = self.expires_at.map(|time| {
            let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
            u32::try_from(seconds).unwrap_or(u32::MAX)
        });
        RevocationIds {
            issuer,
            subject,
            client,
            session,
            credential: credential.map(RevocationId::of),
            // The maximum is for revocations that include every time.
            issued_at: issued_at.clamp(1, u32::MAX - 1),
            expires_at,
            hashes: [IdHash::default(); 5],
            checked_generation: AtomicU64::new(0),
        }
        .with_hashes()
    }
}

/// Returns an id, unless it is empty: an empty one is not that of a single token or session, so its revocation would
/// include those of other users.
fn nonempty(id: Option<&SharedStr>) -> Option<&str> {
    id.map(|id| &**id).filter(|id| !id.is_empty())
}
