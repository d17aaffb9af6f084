//! The methods of the traits of this module, which only this crate can name.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::verify_jwt::expected::{ExpectedJwt, VerifyError};

/// The methods of [`VerifyJwt`](crate::verify_jwt::VerifyJwt).
pub trait Verify: Send + Sync + 'static {
    /// Returns the names of the members of a subject that a receiver must understand.
    #[cfg(feature = "shared_signals")]
    fn critical_members(&self) -> Arc<[String]>;

    /// Whether the issuer with this name is configured.
    fn has_issuer(&self, name: &str) -> bool;

    /// Verifies a JWT, and returns its claims.
    fn verify_jwt<'a>(
        &'a self,
        token: &'a str,
        expected: ExpectedJwt<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<str>, VerifyError>> + Send + 'a>>;
}
