//! `EndpointError`: why it is not known whether a token is active.

use std::fmt;

use crate::verify_jwt::expected::VerifyError;

/// Why it is not known whether a token is active. None of these is the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// A client assertion cannot be signed.
    Assertion,
    /// The HTTP client's error, as text.
    Client(String),
    /// The response has another content type than this one.
    ContentType {
        expected: &'static str,
    },
    /// The server rejected the credentials of the app.
    Credentials {
        status: u16,
    },
    /// The response is not what this text names, or this member is missing or malformed.
    Malformed(&'static str),
    /// The signature or a claim of a signed response is invalid, or its keys are unavailable.
    Signed(VerifyError),
    Status(u16),
    TimedOut,
    TooLarge,
}

impl EndpointError {
    /// Whether the configuration of the app or of the server is the likely cause, and not an outage.
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::ContentType { .. } | Self::Credentials { .. } | Self::Signed(VerifyError::Invalid(_)) => true,
            Self::Status(status) => (300..500).contains(status) && !matches!(status, 408 | 425 | 429),
            _ => false,
        }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assertion => f.write_str("the client assertion cannot be signed"),
            Self::Client(reason) => f.write_str(reason),
            Self::ContentType { expected } => write!(f, "the content type of the response is not {expected}"),
            Self::Credentials { status } => write!(
                f,
                "the authorization server rejected the credentials of this app with status {status}; check the id, \
                 the secret and the method of `client` or `client_auth`"
            ),
            Self::Malformed(part) => write!(f, "the response is malformed: {part}"),
            Self::Signed(error) => write!(f, "the signed response is rejected: {error}"),
            Self::Status(status) => write!(f, "the response status is {status}, not 200"),
            Self::TimedOut => f.write_str("the request timed out"),
            Self::TooLarge => f.write_str("the response is too large"),
        }
    }
}
