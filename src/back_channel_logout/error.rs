//! `LogoutError`: why a request is rejected, with the texts that the provider receives.

use std::fmt;
use std::time::Duration;

use crate::endpoint::BodyError;
use crate::gate::TokenError;
use crate::verify_jwt::expected::VerifyError;

/// Why a request was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LogoutError {
    /// The body ended early, or took too long.
    Body,
    ContentType,
    /// The form is not UTF-8.
    Encoding,
    /// The keys of the issuer are unavailable.
    KeysUnavailable {
        retry_after: Duration,
    },
    Method,
    /// The revocation is not stored.
    NotStored,
    /// The token is not a valid logout token.
    Token(TokenError),
    TokenMissing,
    TokenRepeated,
    TooLarge,
}

impl LogoutError {
    /// Returns the `error_description`, which contains nothing from the request.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Body => "the body could not be read",
            Self::ContentType => "the content type is not application/x-www-form-urlencoded",
            Self::Encoding => "the form is not UTF-8",
            Self::KeysUnavailable { .. } => "the issuer's keys are temporarily unavailable",
            Self::Method => "the method is not POST",
            Self::NotStored => "the logout could not be stored",
            Self::Token(TokenError::Type) => "the token is not a logout token",
            Self::Token(error) => error.error_description(),
            Self::TokenMissing => "the form has no logout_token",
            Self::TokenRepeated => "the form has more than one logout_token",
            Self::TooLarge => "the body is too large",
        }
    }
}

impl From<BodyError> for LogoutError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Incomplete => Self::Body,
            BodyError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<TokenError> for LogoutError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<VerifyError> for LogoutError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Invalid(error) => Self::Token(error),
            VerifyError::KeysUnavailable { retry_after } => Self::KeysUnavailable { retry_after },
        }
    }
}

/// Writes the description, and for a claim also its name.
impl fmt::Display for LogoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) if *error != TokenError::Type => error.fmt(f),
            _ => f.write_str(self.description()),
        }
    }
}
