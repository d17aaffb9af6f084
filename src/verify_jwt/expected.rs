//! `ExpectedJwt`: what a JWT must have to be accepted, and `VerifyError`.

use std::fmt;
use std::time::Duration;

use crate::gate::TokenError;

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
