//! `VerifyJwt`, the trait for settings, and the `Verifier` that a layer keeps.

#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
use std::fmt;
#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
use std::sync::Arc;

#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
use crate::verify_jwt::expected::{ExpectedJwt, VerifyError};
use crate::verify_jwt::sealed::Verify;

/// A layer that has the keys of issuers: [`JwtAuth`](crate::JwtAuth). No other type can implement this trait.
///
/// Its settings for access tokens, such as the audience and the profile, do not apply to other JWTs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no keys of issuers",
    note = "pass a reference to a `JwtAuth` with the issuer; it need not be a layer of any route",
    note = "if `{Self}` is a builder or a `Result`, the call of `.build()?` or the `?` is missing"
)]
pub trait VerifyJwt: Verify + Clone {}

impl<V: Verify + Clone> VerifyJwt for V {}

/// A [`VerifyJwt`], type-erased, so that layers have no type parameter for it. Clones share it.
#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
#[cfg_attr(
    not(feature = "shared_signals"),
    expect(unreachable_pub, reason = "only the public trait `Transmitter` names it")
)]
#[derive(Clone)]
pub struct Verifier(Arc<dyn Verify>);

#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
impl Verifier {
    pub(crate) fn new(verify: &impl VerifyJwt) -> Self {
        Self(Arc::new(verify.clone()))
    }

    /// Whether the issuer with this name is configured.
    #[cfg(feature = "introspection")]
    pub(crate) fn has_issuer(&self, name: &str) -> bool {
        self.0.has_issuer(name)
    }

    /// Returns the names of the members of a subject that a receiver must understand, by the issuer's configuration.
    #[cfg(feature = "shared_signals")]
    pub(crate) fn critical_members(&self) -> Arc<[String]> {
        self.0.critical_members()
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

#[cfg(any(feature = "back_channel_logout", feature = "introspection", feature = "shared_signals"))]
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
