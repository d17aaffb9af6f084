//! `Hints`: log lines about likely mistakes in the configuration, at most one a minute.
//!
//! If the settings do not fit the responses of the server, all tokens are rejected. Each rejection is logged at
//! `debug`, which production apps usually turn off, so the hints are at `warn`. They name no value of a token.

use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::gate::{DenialKind, TokenError};

/// When a hint was logged last.
#[derive(Debug)]
pub(super) struct Hints(LogThrottle<1>);

impl Hints {
    pub(super) fn new(clock: Clock) -> Self {
        Self(LogThrottle::new(clock))
    }

    /// Logs what to check, if the settings are the likely cause of an error of an active token.
    pub(super) fn log(&self, error: &TokenError) {
        let Some(remedy) = remedy(error) else { return };
        let Some(suppressed) = self.0.admit(0) else { return };
        let kind = DenialKind::InvalidToken(error.clone()).code();
        tracing::warn!(kind, reason = %error, suppressed, "an active token was rejected; {remedy}");
    }
}

fn remedy(error: &TokenError) -> Option<&'static str> {
    Some(match error {
        TokenError::Audience => "if the server uses another name for this app, set .audience(..)",
        TokenError::ClaimMissing { claim } if claim == "aud" => {
            "if the server reports no audience, and only the tokens of this app as active, call .any_audience()"
        }
        TokenError::ClaimMissing { claim } if claim == "iss" => "set .issuer(..) to the name of the server",
        TokenError::ClaimInvalid { .. } | TokenError::ClaimMissing { .. } => "see .claims(..)",
        TokenError::Confirmation => "configure the server to issue bearer tokens to clients of this app",
        TokenError::Issuer => "its `iss` is not the name in .issuer(..)",
        TokenError::Lifetime => {
            "revocations are not stored for that long; set RevocationsBuilder::max_token_lifetime, and let the server \
             report `exp`"
        }
        TokenError::Type => "the response describes another kind of token than an access token",
        _ => return None,
    })
}
