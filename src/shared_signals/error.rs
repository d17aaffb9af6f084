//! `SetError`: why a security event token is rejected, and what the transmitter is sent about it.

use std::fmt;
use std::time::Duration;

use crate::endpoint::BodyError;
use crate::gate::TokenError;
use crate::verify_jwt::expected::VerifyError;

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetError {
    /// The header `Authorization` is missing, or is not the configured one.
    Authorization,
    /// The body ended early, or took too long.
    Body,
    ContentType,
    /// The body is not UTF-8.
    Encoding,
    /// An event is dated in the future.
    EventInFuture,
    /// The payload of an event does not have the members of its type.
    EventPayload,
    /// The events are missing, are not an object, or are empty.
    Events,
    /// In the response to a poll, the token has the `jti` of another one.
    Id,
    /// The keys of the transmitter are unavailable.
    KeysUnavailable {
        retry_after: Duration,
    },
    Method,
    /// A revocation is not stored, or a function of the app failed.
    NotApplied,
    /// A verification event has another `state` than the configured one.
    State,
    /// `sub_id` is missing or malformed.
    Subject,
    /// The token is not a valid security event token.
    Token(TokenError),
    TooLarge,
}

impl SetError {
    /// Whether the token may be accepted when it is sent again.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::KeysUnavailable { .. } | Self::NotApplied)
    }

    /// Returns the `err` of the response (RFC 8935 §2.4, Shared Signals Framework 1.0 §8.1.4).
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Authorization => "authentication_failed",
            Self::KeysUnavailable { .. } | Self::NotApplied => "temporarily_unavailable",
            Self::State => "invalid_state",
            Self::Token(TokenError::Issuer) => "invalid_issuer",
            Self::Token(TokenError::Audience) => "invalid_audience",
            // What signed the token is not a key that the transmitter may use.
            Self::Token(TokenError::Algorithm | TokenError::Key | TokenError::Signature) => "invalid_key",
            _ => "invalid_request",
        }
    }

    /// Returns the `description`, which has no value of the request.
    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Authorization => "the Authorization header is missing or invalid",
            Self::Body => "the body could not be read",
            Self::ContentType => "the content type is not application/secevent+jwt",
            Self::Encoding => "the body is not UTF-8",
            Self::EventInFuture => "an event is dated in the future",
            Self::EventPayload => "the payload of an event is invalid",
            Self::Events => "the token has no events",
            Self::Id => "the jti of the token differs from its key in sets",
            Self::KeysUnavailable { .. } => "the transmitter's keys are temporarily unavailable",
            Self::Method => "the method is not POST",
            Self::NotApplied => "the events could not be applied",
            Self::State => "the state is not the requested one",
            Self::Subject => "the subject is missing or invalid",
            Self::Token(TokenError::Type) => "the token is not a security event token",
            Self::Token(error) => error.error_description(),
            Self::TooLarge => "the body is too large",
        }
    }
}

impl From<BodyError> for SetError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Incomplete => Self::Body,
            BodyError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<TokenError> for SetError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<VerifyError> for SetError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Invalid(error) => Self::Token(error),
            VerifyError::KeysUnavailable { retry_after } => Self::KeysUnavailable { retry_after },
        }
    }
}

/// The description; for a claim, with the claim's name.
impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) if *error != TokenError::Type => error.fmt(f),
            _ => f.write_str(self.description()),
        }
    }
}
