//! `VerifyJwt`, the trait for settings, and the `Verifier` that a layer keeps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::gate::TokenError;
use crate::verify_jwt::verifier::sealed::Verify;

/// A layer that has the keys of issuers: [`JwtAuth`](crate::JwtAuth). No other type can implement this trait.
///
/// Its settings for access tokens, such as the audience and the profile, do not apply to other JWTs.
pub trait VerifyJwt: Verify + Clone {}

impl<V: Verify + Clone> VerifyJwt for V {}

/// What a JWT must have besides a valid signature of its issuer.
#[cfg_attr(not(feature = "jwt"), expect(dead_code, reason = "only `jwt` verifies JWTs"))]
#[derive(Clone, Copy, Debug)]
pub struct ExpectedJwt<'a> {
    /// The value of `iss`, which selects the keys. `None` accepts each configured issuer.
    pub(crate) issuer: Option<&'a str>,
    /// The value of `typ` in the header, which distinguishes kinds of JWTs (RFC 8725 §3.11).
    pub(crate) typ: &'static str,
    /// Whether `typ` may be missing. The claims must then distinguish the kind.
    pub(crate) allows_missing_typ: bool,
    /// `aud` must contain one of these.
    pub(crate) audiences: &'a [String],
}

/// Why a JWT is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// The issuer has no such key, or the JWT is invalid.
    Invalid(TokenError),
    /// The keys of the issuer cannot be fetched, which says nothing about the JWT.
    KeysUnavailable {
        /// When the next fetch may start.
        retry_after: Duration,
    },
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::KeysUnavailable { .. } => f.write_str("the keys of the issuer are unavailable"),
        }
    }
}

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

pub(crate) mod sealed {
    use super::*;

    /// The methods of [`VerifyJwt`], which only this crate can name.
    pub trait Verify: Send + Sync + 'static {
        /// Whether the issuer with this name is configured.
        fn has_issuer(&self, name: &str) -> bool;

        /// Verifies a JWT, and returns its claims.
        fn verify_jwt<'a>(
            &'a self,
            token: &'a str,
            expected: ExpectedJwt<'a>,
        ) -> Pin<Box<dyn Future<Output = Result<Arc<str>, VerifyError>> + Send + 'a>>;
    }
}
