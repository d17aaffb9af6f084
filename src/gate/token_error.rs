//! `TokenError`: why a token is invalid, as data and without any value of the token.
//!
//! Callers receive the description, since nearly all of them are clients of the app with a token that expired or is
//! meant for another service. It says what is wrong, but never what the token contains, or which issuers and audiences
//! the app accepts.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a token is invalid. Each is a 401 with the error code `invalid_token` (RFC 6750 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenError {
    /// `alg` is missing, unknown, `none`, or not allowed for the issuer (RFC 8725 §3.1).
    Algorithm,
    /// `aud` does not name this resource server (RFC 7519 §4.1.3).
    Audience,
    /// The token has a byte that is not in the alphabet of the compact serialization or of token68 (RFC 7515 §7.1).
    Charset,
    /// A claim does not have the type or value that its specification requires.
    #[non_exhaustive]
    ClaimInvalid {
        /// The claim in the token: its name or, for a nested claim, its JSON Pointer (RFC 6901).
        claim: Cow<'static, str>,
    },
    /// A claim does not have a value that the settings of the issuer require.
    #[non_exhaustive]
    ClaimMismatch {
        /// The claim in the token: its name or, for a nested claim, its JSON Pointer (RFC 6901).
        claim: Cow<'static, str>,
    },
    /// A required claim is missing.
    #[non_exhaustive]
    ClaimMissing {
        /// The claim in the token: its name or, for a nested claim, its JSON Pointer (RFC 6901).
        claim: Cow<'static, str>,
    },
    /// The payload is not a single UTF-8 JSON object with unique member names (RFC 7519 §4).
    Claims,
    /// `cnf` binds the token to a key or certificate, and this crate does not verify such a binding (RFC 7800 §3.1).
    Confirmation,
    /// `crit` or `b64` requires an extension, and none is supported (RFC 7515 §4.1.11).
    Critical,
    /// A segment is not canonical base64url without padding (RFC 7515 §2).
    Encoding,
    /// The token is encrypted (RFC 7516). Only signed tokens are supported.
    Encrypted,
    /// `exp` has passed (RFC 7519 §4.1.4).
    Expired,
    /// The header is not a single JSON object with unique member names, or a member has the wrong type (RFC 7515 §4).
    Header,
    /// The authorization server reports that the token is not active: it is unknown, expired, revoked, or not for this
    /// resource server (RFC 7662 §2.2).
    Inactive,
    /// `iat` is in the future (RFC 7519 §4.1.6).
    IssuedInFuture,
    /// `iss` is not a configured issuer (RFC 7519 §4.1.1).
    Issuer,
    /// The issuer has no key with this `kid` and `alg` (RFC 7515 §4.1.4).
    Key,
    /// The token is valid for longer than
    /// [`max_token_lifetime`](crate::revocation::RevocationsBuilder::max_token_lifetime).
    Lifetime,
    /// `cty` says that another token is nested inside (RFC 7519 §5.2).
    Nested,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    NotYetValid,
    /// The token, or its session, user, client or issuer, was revoked before it expired (RFC 6750 §3.1).
    Revoked,
    /// The token does not have three segments (RFC 7515 §7.1).
    Segments,
    /// The signature does not verify (RFC 7515 §5.2).
    Signature,
    /// The token is longer than the configured maximum.
    TooLong,
    /// `typ`, or a claim with the same purpose, says that the token is not an access token (RFC 8725 §3.11, RFC 9068
    /// §4).
    Type,
    /// The user loader does not know the user.
    User,
}

impl TokenError {
    /// Returns the error of a claim that does not have the required type or value.
    #[must_use]
    pub fn claim_invalid(claim: impl Into<Cow<'static, str>>) -> Self {
        Self::ClaimInvalid { claim: claim.into() }
    }

    /// Returns the error of a claim that does not have a value that the settings of the issuer require.
    #[must_use]
    pub fn claim_mismatch(claim: impl Into<Cow<'static, str>>) -> Self {
        Self::ClaimMismatch { claim: claim.into() }
    }

    /// Returns the error of a required claim that is missing.
    #[must_use]
    pub fn claim_missing(claim: impl Into<Cow<'static, str>>) -> Self {
        Self::ClaimMissing { claim: claim.into() }
    }

    /// Returns the `error_description` of the challenge, which has no value of the token.
    pub(crate) fn error_description(&self) -> &'static str {
        match self {
            Self::Algorithm => "the token's algorithm is not allowed",
            Self::Audience => "the token is for another audience",
            Self::Charset => "the token has an invalid character",
            Self::ClaimInvalid { .. } => "a claim of the token is invalid",
            Self::ClaimMismatch { .. } => "a claim of the token does not have a required value",
            Self::ClaimMissing { .. } => "a required claim is missing",
            Self::Claims => "the token's payload is malformed",
            Self::Confirmation => "sender-constrained tokens are not supported",
            Self::Critical => "the token requires an unsupported extension",
            Self::Encoding => "the token is not valid base64url",
            Self::Encrypted => "encrypted tokens are not supported",
            Self::Expired => "the token has expired",
            Self::Header => "the token's header is malformed",
            Self::Inactive => "the token is not active",
            Self::IssuedInFuture => "the token was issued in the future",
            Self::Issuer => "the token's issuer is not trusted",
            Self::Key => "the token's signing key is unknown",
            Self::Lifetime => "the token is valid for too long",
            Self::Nested => "nested tokens are not supported",
            Self::NotYetValid => "the token is not valid yet",
            Self::Revoked => "the token has been revoked",
            Self::Segments => "the token does not have three segments",
            Self::Signature => "the token's signature is invalid",
            Self::TooLong => "the token is too long",
            Self::Type => "the token is not an access token",
            Self::User => "the token's user is unknown",
        }
    }
}

/// The description; for a claim, with the claim's name.
impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error_description())?;
        match self {
            Self::ClaimInvalid { claim } | Self::ClaimMismatch { claim } | Self::ClaimMissing { claim } => {
                write!(f, ": {claim}")
            }
            _ => Ok(()),
        }
    }
}

impl Error for TokenError {}
