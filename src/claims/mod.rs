//! What the claims of a verified token, or of the response about an opaque one, say about a user.
//!
//! A claim that grants something is read strictly, and a claim that grants nothing is read as absent if it is malformed.

#[cfg(feature = "jwt")]
pub(crate) mod audience;
pub(crate) mod authorization_details;
pub(crate) mod claim_map;
pub(crate) mod claim_path;
pub(crate) mod client;
mod log;
pub(crate) mod numeric_date;
#[cfg(any(feature = "back_channel_logout", feature = "shared_signals"))]
pub(crate) mod text;

pub(crate) use log::{LogThrottle, log_ignored_claim};
