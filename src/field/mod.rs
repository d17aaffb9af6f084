//! HTTP header grammar: pure functions that parse and write header values, without policy.

pub(crate) mod bearer;
pub(crate) mod challenge;
pub(crate) mod cookie;
pub(crate) mod forwarded;
pub(crate) mod grpc;
pub(crate) mod header_map;
pub(crate) mod list;
pub(crate) mod origin;
pub(crate) mod token;
