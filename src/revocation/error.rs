//! `RevokeError`: why a revocation failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Realm;
use crate::gate::{Denial, DenialKind};

/// Why [`Revocations`](crate::Revocations) could not revoke a credential.
///
/// A handler that returns a [`Denial`] can use `?`. It responds with 503, so that the client tries again; after
/// [`NotStored`](Self::NotStored), this process responds to the second request with 401. The two variants about a user
/// become a 500. They are mistakes in the app: a user of [`JwtAuth`](crate::JwtAuth) has what they require, if the
/// layer [has the handle](crate::jwt::JwtAuthBuilder::revocations).
///
/// ```
/// use portcullis::{Revocations, UserContext, revocation::RevokeError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::ConfigError> {
/// let revocations = Revocations::builder().build()?;
/// let error = revocations.revoke(&UserContext::new("ann")).await.unwrap_err();
/// assert!(matches!(error, RevokeError::IssuerMissing));
/// assert_eq!(error.to_string(), "the user has no issuer");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RevokeError {
    /// The table has [`max_entries`](crate::revocation::RevocationsBuilder::max_entries) entries. No entry was added.
    Full,
    /// The user's credential has no id and no session, and was not verified by a gate with this handle, so that there
    /// is nothing to revoke it by.
    IdMissing,
    /// The user has no issuer, so its id may also be that of another issuer's user.
    IssuerMissing,
    /// The credential is rejected by this process, but the stream has not stored the revocation.
    ///
    /// The process tries again until the revocation expires. Until it is stored, other processes accept the credential.
    #[non_exhaustive]
    NotStored {
        /// The cause, which is the [`source`](Error::source) of this error.
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// A store of API keys or sessions is unavailable, so their records are not revoked.
    ///
    /// They are rejected until the revocation expires, and may be valid again then. Revoke them again before.
    #[non_exhaustive]
    RecordsUnavailable {
        /// The cause, which is the [`source`](Error::source) of this error.
        cause: Arc<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for RevokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the table of revocations is full",
            Self::IdMissing => "the user's credential has no id and no session",
            Self::IssuerMissing => "the user has no issuer",
            Self::NotStored { .. } => "the revocation is not stored yet, so that only this process enforces it",
            Self::RecordsUnavailable { .. } => "the API keys or sessions of the user are not revoked in their store",
        })
    }
}

impl Error for RevokeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotStored { cause } | Self::RecordsUnavailable { cause } => Some(&**cause),
            _ => None,
        }
    }
}

/// Creates a 503, or a 500 for a user whose credential cannot be revoked.
///
/// ```
/// use portcullis::{Revocations, UserContext, gate::Denial};
///
/// async fn log_out(
///     user: UserContext,
///     revocations: Revocations,
/// ) -> Result<(), Denial> {
///     revocations.revoke(&user).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::ConfigError> {
/// let revocations = Revocations::builder().build()?;
/// let ann = UserContext::new("ann"); // without an issuer
/// let denial = log_out(ann, revocations).await.unwrap_err();
/// assert_eq!(denial.status(), 500);
/// # Ok(())
/// # }
/// ```
impl From<RevokeError> for Denial {
    fn from(error: RevokeError) -> Self {
        let kind = match error {
            RevokeError::Full | RevokeError::NotStored { .. } | RevokeError::RecordsUnavailable { .. } => {
                DenialKind::revocations_unavailable(RETRY_AFTER)
            }
            RevokeError::IdMissing | RevokeError::IssuerMissing => DenialKind::NotRevocable,
        };
        Self::new(kind, Realm::default())
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
