//! `BreachCheckError`: why a breach check has no result.

use std::fmt;

use crate::security_event::Reason;

/// Why a breach check has no result. The text is for the log, and contains nothing of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BreachCheckError {
    /// The HTTP client failed, with its errors as text.
    Client(String),
    /// There was no response in time.
    Timeout,
    /// The status is not 200, for example that of a redirect.
    Status(u16),
    /// The body is longer than 256 KiB.
    TooLong,
    /// The body has no line of a range, for example because it is the page of a captive portal.
    NoRange,
}

impl BreachCheckError {
    /// Returns the reason in a security event.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Client(_) => Reason::Unavailable,
            Self::Timeout => Reason::TimedOut,
            Self::Status(_) | Self::TooLong | Self::NoRange => Reason::InvalidResponse,
        }
    }
}

impl fmt::Display for BreachCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => f.write_str(error),
            Self::Timeout => f.write_str("no response in time"),
            Self::Status(status) => write!(f, "the status is {status}"),
            Self::TooLong => f.write_str("the body is longer than 256 KiB"),
            Self::NoRange => f.write_str("the body is not that of a range service"),
        }
    }
}
