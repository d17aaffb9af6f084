//! `RiskDecision`: what follows from a risk, and `RiskFactor`: what makes it one.

use crate::security_event::Reason;

/// What follows from the risk of a login or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum RiskDecision {
    /// The risk is low.
    Allow,
    /// The user must authenticate with a further factor, because of this one.
    StepUp(RiskFactor),
    /// The login or the request is rejected because of this factor.
    Reject(RiskFactor),
}

/// What makes a login or a request a risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RiskFactor {
    /// The client's address has a bad reputation.
    AddressReputation,
    /// There were failed attempts before.
    FailedAttempts,
    /// The risk could not be assessed, and the check [fails closed](crate::risk::RiskCheck::fail_closed).
    NotAssessed,
    /// The user has not used this device before.
    UnknownDevice,
    /// The user is not where the user usually is.
    UnusualLocation,
    /// The user is not active at this time usually.
    UnusualTime,
}

impl RiskFactor {
    /// Returns the reason in a security event.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::AddressReputation => Reason::AddressReputation,
            Self::FailedAttempts => Reason::FailedAttempts,
            Self::NotAssessed => Reason::Unavailable,
            Self::UnknownDevice => Reason::UnknownDevice,
            Self::UnusualLocation => Reason::UnusualLocation,
            Self::UnusualTime => Reason::UnusualTime,
        }
    }
}
