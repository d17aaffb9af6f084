//! The parts of a token: compact serialization, JOSE header, registered claims.
//!
//! These files are pure: they get the text and the time as arguments, and know no issuer and no key.

pub(crate) mod claims;
pub(crate) mod compact;
pub(crate) mod header;
pub(crate) mod header_cache;
