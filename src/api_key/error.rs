//! `ApiKeyError`: why a key is not created or changed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::api_key::store::StoreError;
use crate::context::Realm;
use crate::error::ConfigError;
use crate::gate::{Denial, DenialKind};
use crate::revocation::RevokeError;

/// Why a key is not created, changed or revoked.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// A value of the new key is invalid. The text is for the client.
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
    /// The store failed, so it is not known whether the change was stored.
    Store(StoreError),
}

impl ApiKeyError {
    /// Returns the status of a response: 422 for invalid values, 403 for missing privileges, 503 for an outage
    /// and for a revoked owner.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused(denial) => denial.status(),
            Self::OwnerRevoked | Self::RandomUnavailable | Self::Revocation(_) | Self::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Returns the rejection to respond with; `None` for [`Invalid`](Self::Invalid), which the app renders as it
    /// renders other invalid input.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        match self {
            Self::Invalid(_) => None,
            Self::Refused(denial) => Some(denial.clone()),
            Self::Revocation(error) => Some(error.clone().into()),
            Self::OwnerRevoked | Self::RandomUnavailable | Self::Store(_) => {
                Some(Denial::new(DenialKind::api_key_store_unavailable(RETRY_AFTER), Realm::default()))
            }
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

const RETRY_AFTER: Duration = Duration::from_secs(1);
