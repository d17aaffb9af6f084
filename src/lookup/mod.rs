//! Bounded lookups of what anyone can ask for: one at a time for each key, and results in bounded memory. Credentials
//! are known by keyed digests.

#[cfg(any(feature = "introspection", feature = "jwt"))]
mod credential_cache;
#[cfg(any(feature = "basic", feature = "client_cert", feature = "introspection"))]
mod credential_digest;
#[cfg(any(feature = "api_key", feature = "client_cert", feature = "introspection"))]
mod generations;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt"))]
mod in_progress;
#[cfg(any(feature = "api_key", feature = "introspection"))]
mod shared_lookups;

#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) use credential_cache::{CachedCredential, CredentialCache};
#[cfg(any(feature = "basic", feature = "client_cert", feature = "introspection"))]
pub(crate) use credential_digest::{CredentialDigest, CredentialHasher};
#[cfg(any(feature = "api_key", feature = "client_cert", feature = "introspection"))]
pub(crate) use generations::Generations;
#[cfg(feature = "jwt")]
pub(crate) use in_progress::InProgress;
#[cfg(any(feature = "api_key", feature = "introspection"))]
pub(crate) use shared_lookups::{SharedLookups, Start};
