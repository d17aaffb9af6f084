//! `ApiKeyError`: why a key is not created or changed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::context::Realm;
use crate::error::{ConfigError, error_chain};
use crate::gate::{Denial, DenialKind};
use crate::record_store::StoreError;
use crate::revocation::RevokeError;

/// Why a key is not created, changed or revoked.
///
/// A handler that returns it, or a [`Denial`], as its error can use `?`. The response has problem details.
///
/// ```
/// use portcullis::api_key::{ApiKeyError, MemoryKeys, NewApiKey};
/// use portcullis::{ApiKeyAuth, UserContext};
///
/// async fn create(
///     keys: ApiKeyAuth,
///     user: UserContext,
/// ) -> Result<String, ApiKeyError> {
///     let new = NewApiKey::for_user(&user).scopes(["admin"]);
///     let key = keys.create(new).await?;
///     Ok(key.secret().to_owned())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::ConfigError> {
/// let keys = ApiKeyAuth::builder()
///     .prefix("acme_live")
///     .store(MemoryKeys::new())
///     .build()?;
/// let ann = UserContext::new("ann"); // without the scope
/// let error = create(keys, ann).await.unwrap_err();
/// assert_eq!(error.status(), 403);
/// assert_eq!(error.denial().code(), "insufficient_scope");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// A setting of the key is invalid. The text is for the client.
    Invalid(ConfigError),
    /// The owner was [revoked](crate::Revocations::revoke_all) while the key was created, or within the same second before
    /// it. The key is revoked too. A user who has logged in again can create one.
    OwnerRevoked,
    /// The operating system provides no random bytes, and there is no other source.
    RandomUnavailable,
    /// The caller may not do it: it lacks a privilege, or uses an API key.
    Refused(Denial),
    /// The key is revoked in the store, but other processes do not know it yet. They will within the
    /// [`cache_ttl`](crate::api_key::ApiKeyAuthBuilder::cache_ttl).
    Revocation(RevokeError),
    /// The store failed, so it is not known whether the change was stored. The cause is logged.
    Store(StoreError),
}

impl ApiKeyError {
    /// Returns the status of a response: 422 for invalid values, 403 for missing privileges, 503 for an outage
    /// and for a revoked owner.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.denial().status()
    }

    /// Returns the rejection that a handler responds with.
    #[must_use]
    pub fn denial(&self) -> Denial {
        let kind = match self {
            Self::Invalid(error) => DenialKind::InvalidApiKeySettings(error.clone()),
            Self::Refused(denial) => return denial.clone(),
            Self::Revocation(error) => return error.clone().into(),
            Self::OwnerRevoked | Self::RandomUnavailable | Self::Store(_) => {
                DenialKind::api_key_store_unavailable(RETRY_AFTER)
            }
        };
        Denial::new(kind, Realm::default())
    }

    /// Logs an outage with its cause, which no response has. `method` is that of `ApiKeyAuth`.
    ///
    /// A revocation that is not shared is logged by [`Revocations`](crate::Revocations).
    pub(super) fn log(&self, method: &'static str) {
        if let Self::RandomUnavailable | Self::Store(_) = self {
            tracing::warn!(method, cause = error_chain(self), "cannot read or change API keys");
        }
    }
}

impl fmt::Display for ApiKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::OwnerRevoked => f.write_str("all credentials of the owner were revoked while the key was created"),
            Self::RandomUnavailable => f.write_str("the operating system provides no random bytes"),
            Self::Refused(denial) => fmt::Display::fmt(denial, f),
            Self::Revocation(_) => f.write_str("the revocation of the API key is not shared yet"),
            Self::Store(_) => f.write_str("the store of API keys failed"),
        }
    }
}

impl Error for ApiKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Revocation(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Invalid(_) | Self::OwnerRevoked | Self::RandomUnavailable | Self::Refused(_) => None,
        }
    }
}

impl From<StoreError> for ApiKeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Creates the rejection that a handler responds with.
impl From<ApiKeyError> for Denial {
    fn from(error: ApiKeyError) -> Self {
        error.denial()
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
