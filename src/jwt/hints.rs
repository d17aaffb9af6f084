//! `Hints`: log lines about likely mistakes in the configuration, at most one per minute and kind.
//!
//! If the configuration does not fit an issuer's tokens, all of them are rejected. Each rejection is logged at `info`,
//! where it is one of many, so the hints are at `warn`. Anyone can cause them with an invented token, so
//! their number is bounded. Of a token whose signature was not verified, they show only the algorithm.

use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::gate::TokenError;
use crate::jwt::issuer::profile::Profile;

/// The kinds of hints of an issuer, or of all issuers together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hint {
    Algorithm,
    Audience,
    Claim,
    ClaimValue,
    Confirmation,
    Issuer,
    Key,
    Lifetime,
    Signature,
    Tier,
    Type,
}

/// When each kind of hint was logged last.
#[derive(Debug)]
pub(crate) struct Hints(LogThrottle<{ Hint::COUNT }>);

impl Hint {
    const COUNT: usize = Self::Type as usize + 1;

    /// Returns the hint for an error that a mistake in the configuration of the token's issuer may cause.
    pub(crate) fn of(error: &TokenError) -> Option<Self> {
        match error {
            TokenError::Algorithm => Some(Self::Algorithm),
            TokenError::Audience => Some(Self::Audience),
            TokenError::ClaimInvalid { .. } | TokenError::ClaimMissing { .. } => Some(Self::Claim),
            TokenError::ClaimMismatch { .. } => Some(Self::ClaimValue),
            TokenError::Confirmation => Some(Self::Confirmation),
            TokenError::Issuer => Some(Self::Issuer),
            TokenError::Key => Some(Self::Key),
            TokenError::Lifetime => Some(Self::Lifetime),
            TokenError::Signature => Some(Self::Signature),
            TokenError::Type => Some(Self::Type),
            _ => None,
        }
    }

    /// Returns what to check or to change in the configuration of an issuer with this profile.
    pub(crate) fn remedy(self, profile: Profile) -> &'static str {
        match (self, profile) {
            (Self::Algorithm, _) => {
                "if the issuer signs with this algorithm, configure such a key, or see .algorithms(..)"
            }
            (Self::Audience, _) => "if the issuer uses another name for this app, set .audience(..)",
            (Self::Claim, Profile::Rfc9068) => {
                "if this issuer's tokens do not follow RFC 9068, set Profile::Compatible"
            }
            (Self::Claim, _) => "if all tokens of this issuer are like this, see .map_claims(..)",
            (Self::ClaimValue, _) => "see the settings of this issuer that require a value, such as .require_claim(..)",
            (Self::Confirmation, _) => "configure the issuer to send bearer tokens, without the claim cnf",
            (Self::Issuer, _) => "its `iss` differs from this issuer by a trailing slash; configure the exact name",
            (Self::Key, _) => {
                "check that the configured keys, or the URL that publishes them, are those of this issuer"
            }
            (Self::Lifetime, _) => {
                "revocations are not stored for that long; if this issuer's tokens are valid for this time, set \
                 RevocationsBuilder::max_token_lifetime"
            }
            (Self::Signature, _) => {
                "check that the configured secret or key is the one that signs, and whether the secret must be decoded"
            }
            (Self::Tier, _) => "add the tier to .tiers(..)",
            (Self::Type, Profile::Rfc9068) => {
                "it must have typ at+jwt and no claim of another kind of token; if this issuer sends typ JWT, set \
                 Profile::Compatible"
            }
            (Self::Type, Profile::Compatible) => "see Profile::Compatible for the types and claims that are rejected",
            (Self::Type, Profile::IdToken) => "this issuer has Profile::IdToken, which accepts only ID tokens",
        }
    }
}

impl Hints {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(LogThrottle::new(clock))
    }

    /// Returns whether to log the hint now: the number of hints of this kind that were not logged since the last one.
    /// `None` if one was logged less than a minute ago.
    pub(crate) fn admit(&self, hint: Hint) -> Option<u64> {
        self.0.admit(hint as usize)
    }
}
