//! A token's parts: compact serialization, header, registered claims.

pub(crate) mod claims;
pub(crate) mod compact;
pub(crate) mod header;
pub(crate) mod known_header;
pub(crate) mod numeric_date;
