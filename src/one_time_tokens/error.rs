//! Why a one-time token is rejected. The response is the same for all reasons.

use std::fmt;

use crate::context::Realm;
use crate::gate::{Denial, DenialKind};
use crate::one_time_tokens::purpose::Purpose;

/// Why a token is invalid, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Code,
    Expired,
    Forged,
    IssuedInFuture,
    Malformed,
    Purpose,
    Redeemed,
    State,
    UnknownKey,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "the code is wrong",
            Self::Expired => "it has expired",
            Self::Forged => "its MAC is wrong",
            Self::IssuedInFuture => "it was issued in the future",
            Self::Malformed => "it is malformed",
            Self::Purpose => "it was issued for another purpose",
            Self::Redeemed => "it was redeemed before",
            Self::State => "the account has changed since it was issued",
            Self::UnknownKey => "its secret is not in the key ring",
        })
    }
}

pub(super) fn invalid(purpose: &Purpose, reason: Reason) -> Denial {
    tracing::debug!(purpose = purpose.name(), %reason, "a one-time token is invalid");
    Denial::new(DenialKind::InvalidOneTimeToken, Realm::default())
}

pub(super) fn misuse(mistake: &'static str) -> Denial {
    Denial::new(DenialKind::one_time_token_misuse(mistake), Realm::default())
}
