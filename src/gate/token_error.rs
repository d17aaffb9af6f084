//! `TokenError`: why a token is not accepted, as data and without a word of the token.

use std::error::Error;
use std::fmt;

/// Why a token was not accepted. Every one of them is answered 401 `invalid_token` (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenError {
    /// `alg` is missing, unknown, `none`, or not allowed for the issuer (RFC 8725 §3.1).
    Algorithm,
    /// `aud` does not name this resource server (RFC 7519 §4.1.3).
    Audience,
    /// A byte outside the alphabet of compact serialisation, or of token68 (RFC 7515 §7.1).
    Charset,
    /// The named claim is not of its standard's type or value.
    ClaimInvalid(&'static str),
    /// The named claim is required and absent.
    ClaimMissing(&'static str),
    /// The payload is not one JSON object of unique names in UTF-8 (RFC 7519 §4).
    Claims,
    /// `cnf` binds the token to a key or certificate, which nothing here checks (RFC 7800 §3.1).
    Confirmation,
    /// `crit` or `b64` ask for an extension; none is understood (RFC 7515 §4.1.11).
    Critical,
    /// A segment is not base64url without padding, in its one canonical spelling (RFC 7515 §2).
    Encoding,
    /// The token is encrypted (RFC 7516); only signed tokens are read.
    Encrypted,
    /// `exp` has passed (RFC 7519 §4.1.4).
    Expired,
    /// The header is not one JSON object of unique names, or a member is not of its standard's type (RFC 7515 §4).
    Header,
    /// `iat` lies in the future (RFC 7519 §4.1.6).
    IssuedInFuture,
    /// `iss` is none of the issuers configured (RFC 7519 §4.1.1).
    Issuer,
    /// No key of the issuer has this `kid` and `alg` (RFC 7515 §4.1.4).
    Key,
    /// `cty` says that another token is nested inside (RFC 7519 §5.2).
    Nested,
    /// `nbf` lies in the future (RFC 7519 §4.1.5).
    NotYetValid,
    /// Not three segments (RFC 7515 §7.1).
    Segments,
    /// The signature does not verify (RFC 7515 §5.2).
    Signature,
    /// Longer than the limit set.
    TooLong,
    /// `typ`, or a claim that tells the token's use, says that it is no access token (RFC 8725 §3.11, RFC 9068 §4).
    Type,
    /// The user loader knows no such user.
    User,
}

impl TokenError {
    /// One sentence for the challenge and the log; never a value of the token.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Algorithm => "the token's algorithm is not allowed",
            Self::Audience => "the token is for another audience",
            Self::Charset => "the token has a character that no token has",
            Self::ClaimInvalid(_) => "a claim is malformed",
            Self::ClaimMissing(_) => "a required claim is missing",
            Self::Claims => "the token's payload is malformed",
            Self::Confirmation => "the token is bound to a key that was not presented",
            Self::Critical => "the token asks for an extension that is not supported",
            Self::Encoding => "the token is not base64url",
            Self::Encrypted => "the token is encrypted",
            Self::Expired => "the token has expired",
            Self::Header => "the token's header is malformed",
            Self::IssuedInFuture => "the token was issued in the future",
            Self::Issuer => "the token's issuer is not known",
            Self::Key => "the token's key is not known",
            Self::Nested => "the token has another nested inside",
            Self::NotYetValid => "the token is not valid yet",
            Self::Segments => "the token has not three segments",
            Self::Signature => "the token's signature does not verify",
            Self::TooLong => "the token is too long",
            Self::Type => "the token is not an access token",
            Self::User => "the token's user is not known",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())?;
        match self {
            Self::ClaimInvalid(claim) | Self::ClaimMissing(claim) => write!(f, ": {claim}"),
            _ => Ok(()),
        }
    }
}

impl Error for TokenError {}
