//! `UserRecords`: the records of credentials that are valid for longer than an entry is kept, such as API keys.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::context::{Credential, UserContext};

/// The records of a gate, in which all credentials of a user can be revoked for ever.
pub(crate) trait UserRecords: Send + Sync {
    /// Revokes all credentials of a user.
    fn revoke_user(self: Arc<Self>, names: UserNames) -> RevokeAll;

    /// Revokes the credential with this id, if there is one.
    fn revoke_credential(self: Arc<Self>, id: Box<str>) -> RevokeAll;
}

/// A revocation in records. It borrows nothing, so that it may be awaited in any task.
pub(crate) type RevokeAll = Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send>>;

/// Why the credentials of a user could not be revoked in the records.
pub(crate) type RecordsError = Arc<dyn Error + Send + Sync>;

/// What is revoked in the records.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RevokedRecords {
    /// One credential, by its id.
    Credential(Box<str>),
    /// All credentials of a user.
    OfUser(UserNames),
}

impl RevokedRecords {
    /// Returns the API key that has authenticated this user, `None` if none has.
    pub(super) fn own_key(user: &UserContext) -> Option<Self> {
        own_key_id(user).map(Self::Credential)
    }
}

fn own_key_id(user: &UserContext) -> Option<Box<str>> {
    user.token_id().filter(|_| user.credential() == Credential::ApiKey).map(Into::into)
}

/// The user whose credentials are revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UserNames {
    /// `None` if the app has no issuers.
    pub(crate) issuer: Option<Box<str>>,
    pub(crate) id: Box<str>,
    /// The id of a credential that stays valid.
    pub(crate) kept: Option<Box<str>>,
    /// Credentials that were issued later stay valid. In whole seconds since 1970; `None` includes all.
    pub(crate) issued_until: Option<u32>,
}

impl UserNames {
    /// An empty issuer counts as none.
    pub(crate) fn new(issuer: &str, id: &str) -> Self {
        let issuer = Some(issuer).filter(|issuer| !issuer.is_empty()).map(Into::into);
        Self { issuer, id: id.into(), kept: None, issued_until: None }
    }

    /// Returns the names of a user; `None` without an issuer, unless it is the user of a session.
    pub(super) fn of(user: &UserContext) -> Option<Self> {
        let no_issuer = (user.credential() == Credential::Session).then_some("");
        user.issuer().or(no_issuer).map(|issuer| Self::new(issuer, user.id()))
    }

    /// Whether a credential is revoked that was issued at this time, in whole seconds since 1970.
    pub(crate) fn include(&self, issued_at: u64) -> bool {
        self.issued_until.is_none_or(|until| issued_at <= u64::from(until))
    }

    /// Excludes the API key or the session that authenticated this user.
    pub(super) fn except_own(mut self, user: &UserContext) -> Self {
        let is_record = matches!(user.credential(), Credential::ApiKey | Credential::Session);
        self.kept = user.token_id().filter(|_| is_record).map(Into::into);
        self
    }
}

/// The records of all gates that were built with a handle and still exist.
#[derive(Default)]
pub(super) struct AllRecords(Mutex<Vec<Weak<dyn UserRecords>>>);

impl AllRecords {
    pub(super) fn add(&self, records: Weak<dyn UserRecords>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|records| records.strong_count() > 0);
        all.push(records);
    }

    /// Revokes these records of all gates, and returns the first error.
    pub(super) fn revoke(
        &self,
        revoked: &RevokedRecords,
    ) -> impl Future<Output = Result<(), RecordsError>> + Send + use<> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let started = all.iter().filter_map(Weak::upgrade).map(|records| match revoked {
            RevokedRecords::Credential(id) => records.revoke_credential(id.clone()),
            RevokedRecords::OfUser(names) => records.revoke_user(names.clone()),
        });
        let started: Vec<_> = started.collect();
        async move {
            let mut result = Ok(());
            for revoked in started {
                result = result.and(revoked.await);
            }
            result
        }
    }
}

impl fmt::Debug for AllRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllRecords").finish_non_exhaustive()
    }
}
