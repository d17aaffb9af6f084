//! `Revocations`: credentials that are rejected before they expire.

mod builder;
mod check;
mod error;
pub(crate) mod handle;
mod record;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[expect(clippy::module_inception, reason = "the file has the name of its type")]
mod revocation;
mod shared;
mod table;
mod watch;
mod watchers;

pub use builder::RevocationsBuilder;
pub use error::RevokeError;
pub use revocation::Revocation;
pub use watch::{Ended, Watch};

#[cfg(all(test, feature = "axum", feature = "testing"))]
mod tests;
