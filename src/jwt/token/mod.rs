//! The parts of a token: compact serialization, JOSE header, registered claims.

pub(crate) mod claims;
pub(crate) mod compact;
pub(crate) mod header;
pub(crate) mod header_cache;
pub(crate) mod numeric_date;
