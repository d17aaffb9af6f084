//! `Revocation`: what to revoke, by its names.

#[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
use std::time::Duration;

use crate::context::{RevocationId, RevocationKind};
use crate::revocation::user_records::{RevokedRecords, UserNames};

/// What to revoke, by its names, for [`revoke_by`](crate::Revocations::revoke_by).
///
/// Use it where the app knows names but has no request of the user, for example in an administration page. Names are
/// compared exactly. An issuer is the one of [`UserContext::issuer`](crate::UserContext::issuer).
///
/// Names are those of the credential. If [`map_user`](crate::Issuer::map_user) or a
/// [user loader](crate::jwt::JwtAuthBuilder::load_user) changes the id or the issuer of a user, use those of the token.
///
/// ```
/// use portcullis::{Revocations, revocation::Revocation};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let revocations = Revocations::builder().build()?;
/// let issuer = "https://auth.example.com";
/// revocations.revoke_by(Revocation::subject(issuer, "user-7")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Revocation {
    pub(super) id: RevocationId,
    pub(super) issued_until: IssuedUntil,
    /// The records that are revoked too.
    pub(super) records: Option<RevokedRecords>,
}

/// Until when credentials must have been issued to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum IssuedUntil {
    Always,
    /// The time of the call.
    Now,
    /// Whole seconds since 1970.
    #[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
    Time(u32),
}

impl Revocation {
    /// Returns the revocation of an API key, by its id.
    ///
    /// The id is that of [`UserContext::token_id`](crate::UserContext::token_id). The revocation is forgotten after
    /// [`max_token_lifetime`](crate::revocation::RevocationsBuilder::max_token_lifetime), so also remove the key from
    /// the app's own storage.
    pub fn api_key(id: &str) -> Self {
        Self::always(RevocationKind::ApiKey { id })
    }

    /// Returns the revocation of everything that was issued to a client until now.
    ///
    /// The id is that of [`UserContext::client_id`](crate::UserContext::client_id).
    pub fn client(issuer: &str, id: &str) -> Self {
        Self::until_now(RevocationKind::Client { issuer: of_issuer(issuer), id })
    }

    /// Returns the revocation of everything that an issuer has issued until now.
    ///
    /// API keys of its users are rejected as long as the revocation is kept. They are not revoked in their store, which
    /// finds them by user.
    pub fn issuer(issuer: &str) -> Self {
        Self::until_now(RevocationKind::Issuer { name: issuer })
    }

    /// Returns the revocation of a session: of all its credentials, also of those that are issued later.
    ///
    /// The id is that of [`UserContext::session_id`](crate::UserContext::session_id).
    pub fn session(issuer: &str, id: &str) -> Self {
        Self::always(RevocationKind::Session { issuer: of_issuer(issuer), id })
    }

    /// Returns the revocation of a session of `SessionAuth`, by its id.
    #[cfg(feature = "session")]
    pub(crate) fn own_session(id: &str) -> Self {
        Self::always(RevocationKind::OwnSession { id })
    }

    /// Returns the revocation of everything that was issued to a session until now.
    ///
    /// What is issued to it later stays valid: a user who logs out of the app, but not at the identity provider, may log
    /// in again in the same session of the provider.
    #[cfg(feature = "session")]
    pub(crate) fn session_until_now(issuer: &str, id: &str) -> Self {
        Self::until_now(RevocationKind::Session { issuer: of_issuer(issuer), id })
    }

    /// Returns the revocation of everything that was issued to a user until now. It includes the API keys of the user,
    /// as [`revoke_all`](crate::Revocations::revoke_all) does.
    ///
    /// The id is that of [`UserContext::id`](crate::UserContext::id).
    pub fn subject(issuer: &str, id: &str) -> Self {
        let records = Some(RevokedRecords::OfUser(UserNames::new(issuer, id)));
        Self { records, ..Self::until_now(RevocationKind::Subject { issuer: of_issuer(issuer), id }) }
    }

    /// Returns the revocation of one token.
    ///
    /// The id is that of [`UserContext::token_id`](crate::UserContext::token_id).
    pub fn token(issuer: &str, id: &str) -> Self {
        Self::always(RevocationKind::Token { issuer: of_issuer(issuer), id })
    }

    /// Limits the revocation to what was issued until a time since 1970.
    ///
    /// Later credentials stay valid, however late the revocation is made.
    #[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
    pub(crate) fn until(self, time: Duration) -> Self {
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let records = self.records.map(|records| match records {
            RevokedRecords::OfUser(names) => RevokedRecords::OfUser(UserNames { issued_until: Some(seconds), ..names }),
            credential @ RevokedRecords::Credential(_) => credential,
        });
        Self { issued_until: IssuedUntil::Time(seconds), records, ..self }
    }

    fn always(kind: RevocationKind<'_>) -> Self {
        Self { id: RevocationId::of(kind), issued_until: IssuedUntil::Always, records: None }
    }

    fn until_now(kind: RevocationKind<'_>) -> Self {
        Self { id: RevocationId::of(kind), issued_until: IssuedUntil::Now, records: None }
    }
}

fn of_issuer(name: &str) -> RevocationId {
    RevocationId::of(RevocationKind::Issuer { name })
}
