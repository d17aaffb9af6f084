//! Bounded lookups of what anyone can ask for: one at a time for each key, and results in bounded memory. Credentials
//! are known by keyed digests.

#[cfg(any(feature = "api_key", feature = "session"))]
mod age;
#[cfg(any(feature = "introspection", feature = "jwt"))]
mod credential_cache;
#[cfg(any(feature = "basic", feature = "client_cert", feature = "introspection"))]
mod credential_digest;
#[cfg(any(feature = "api_key", feature = "client_cert", feature = "introspection", feature = "session"))]
mod generations;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "jwt", feature = "session"))]
mod in_progress;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "session"))]
mod shared_lookups;

#[cfg(any(feature = "api_key", feature = "session"))]
pub(crate) use age::{Age, millis};
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) use credential_cache::{CachedCredential, CredentialCache};
#[cfg(any(feature = "basic", feature = "client_cert", feature = "introspection"))]
pub(crate) use credential_digest::{CredentialDigest, CredentialHasher};
#[cfg(any(feature = "api_key", feature = "client_cert", feature = "introspection", feature = "session"))]
pub(crate) use generations::Generations;
#[cfg(feature = "jwt")]
pub(crate) use in_progress::InProgress;
#[cfg(any(feature = "api_key", feature = "introspection", feature = "session"))]
pub(crate) use shared_lookups::{SharedLookups, Start};
