//! `VerifyJwt`, the trait for settings, and the `Verifier` that a layer keeps.

#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
use std::fmt;
#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
use std::sync::Arc;

#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
use crate::verify_jwt::expected::{ExpectedJwt, VerifyError};
use crate::verify_jwt::sealed::Verify;

/// A layer that has the keys of issuers: [`JwtAuth`](crate::JwtAuth). No other type can implement this trait.
///
/// Its settings for access tokens, such as the audience and the profile, do not apply to other JWTs.
pub trait VerifyJwt: Verify + Clone {}

impl<V: Verify + Clone> VerifyJwt for V {}

/// A [`VerifyJwt`], type-erased, so that layers have no type parameter for it. Clones share it.
#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
#[derive(Clone)]
pub(crate) struct Verifier(Arc<dyn Verify>);

#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
impl Verifier {
    pub(crate) fn new(verify: &impl VerifyJwt) -> Self {
        Self(Arc::new(verify.clone()))
    }

    /// Whether the issuer with this name is configured.
    #[cfg(feature = "introspection")]
    pub(crate) fn has_issuer(&self, name: &str) -> bool {
        self.0.has_issuer(name)
    }

    /// Verifies a JWT, and returns its claims: the text of a JSON object with unique names.
    ///
    /// # Errors
    ///
    /// Returns [`VerifyError`] if the signature is invalid, or the JWT is not the expected one. `iat`, `exp` and other
    /// claims are not checked.
    pub(crate) async fn verify(&self, token: &str, expected: ExpectedJwt<'_>) -> Result<Arc<str>, VerifyError> {
        self.0.verify_jwt(token, expected).await
    }
}

#[cfg(any(feature = "back_channel_logout", feature = "introspection"))]
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
